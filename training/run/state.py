"""One training run: what it holds, one step of it, and its state on disk."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from codec.backends.torch_checkpoint import load_checkpoint, save_checkpoint
from codec.catalog import find_checkpoint
from codec.config import ModelConfig
from codec.errors import ConfigError, TrainingError
from training.corpora import Corpus
from training.corpora.batches import Batches
from training.objective.adversary import Adversary
from training.objective.losses import FAMILIES
from training.objective.objective import Objective, Told
from training.quantizers import LearningModel, build_model
from training.ranks import copy_from_first_rank, num_ranks, rank
from training.recipe import PhaseConfig, Recipe, differences
from training.run.forward import Forward, over_ranks
from training.run.initial_weights import start_codebooks, start_linear, take_weights
from training.run.schedule import learning_rate
from training.run.state_file import (
    check_shape,
    load_state,
    optimizer_tensors,
    restore_optimizer,
    save_state,
    under_prefix,
    with_prefix,
)

REPLACE_EVERY = 200


class Run:
    """A model in training. `step` is the number of steps done."""

    def __init__(self, recipe: Recipe, corpus: Corpus, device: str = "cpu") -> None:
        self.recipe, self.device = recipe, device
        data = recipe.data
        if data.batch_size % num_ranks():
            raise TrainingError(
                f"{num_ranks()} processes can't share a batch of {data.batch_size} evenly"
            )
        self.batches = Batches(
            corpus,
            data.shares,
            size=data.batch_size,
            seed=recipe.seed,
            crop=round(data.crop_s * recipe.model.sample_rate),
            gain_db=(data.lowest_gain_db, data.highest_gain_db),
            speed_share=data.speed_share,
            speed=(data.lowest_speed, data.highest_speed),
            mix_share=data.mix_share,
        )
        torch.manual_seed(recipe.seed)
        self.model = _placed(build_model(recipe.model, recipe.quantizer), device)
        self.model.quantizer.learn_by(recipe.codebook_learning)
        self.average = build_model(recipe.model, recipe.quantizer).to(device).requires_grad_(False)
        self.adversary: Adversary | None = None
        self.taught_before: set[str] = set()
        self.step, self.started = 0, False
        self._enter_phase(recipe.phases[0])

    def start(self) -> None:
        """Principal components and k-means instead of random weights, if nothing is there yet."""
        if self.started:
            return
        start_linear(self.model, self.batches)
        start_codebooks(self.model, self.batches)
        for tensor in self.model.state_dict().values():
            copy_from_first_rank(tensor)
        self.average.load_state_dict(self.model.state_dict())

    def start_from(self, checkpoint: str) -> None:
        """Weights of a checkpoint whose model is this recipe's, or has other look-aheads or no
        refiner: what it lacks begins anew.

        Raises:
            CheckpointError: not found, or damaged.
            TrainingError: another model than that.
        """
        model, _, metadata = load_checkpoint(find_checkpoint(checkpoint))
        self.taught_before = set(filter(None, metadata.get("trained_on", "").split(", ")))
        take_weights(self.model, model, checkpoint)
        self.average.load_state_dict(self.model.state_dict())
        self.model.quantizer.average.reset()
        self.started = True

    def train_step(self) -> dict[str, float]:
        """Draw, encode, quantize, decode, score, learn; what to log.

        Where gradients are not finite the optimizer takes no step: `skipped` is 1.
        """
        torch.manual_seed(((self.recipe.seed << 32) + self.step) * num_ranks() + rank())
        phase, done = self.recipe.phase_at(self.step)
        if phase is not self.phase:
            self._enter_phase(phase)
        wave, num_stages = self.draw()
        rebuilt, latent_loss = self.forward(wave, num_stages)
        told = self.objective.tell(rebuilt, wave)
        self.optimizer.zero_grad()
        ((rebuilt * told.gradient).sum() + phase.latent_weight * latent_loss).backward()
        norm = nn.utils.clip_grad_norm_(self.learning, self.recipe.clip_norm)
        finite = bool(torch.isfinite(norm))
        rate = learning_rate(phase, done)
        if finite:
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["share"]
            self.optimizer.step()
        if self.adversary is not None and told.discriminator is not None:
            self.adversary.learn(told.discriminator, rate / phase.learning_rate)
        self.step += 1
        self._keep_codebooks_alive(phase, done)
        self.update_average()
        return self._logged(told, latent_loss, norm)

    def _logged(self, told: Told, latent_loss: Tensor, norm: Tensor) -> dict[str, float]:
        """A step's values as plain numbers."""
        values = told.values | {"latent": latent_loss, "gradient_norm": norm}
        if told.discriminator is not None:
            values["discriminator"] = told.discriminator
        return {name: float(value.detach()) for name, value in values.items()} | {
            "skipped": float(not torch.isfinite(norm))
        }

    def draw(self) -> tuple[Tensor, Tensor]:
        """This process's share of the step's batch: waves and the stages each of them uses.

        Shape: -> wave [B / ranks, 1, T], num_stages [B / ranks].
        """
        return self._share(self.batches.draw(self.step)), self._share(self._draw_stages())

    def _share(self, batch: Tensor) -> Tensor:
        """This process's items of a batch. Shape: [B, ...] -> [B / ranks, ...]."""
        return batch[rank() :: num_ranks()].to(self.device)

    def _draw_stages(self) -> Tensor:
        """Quantizer dropout: how many stages each item of this step uses. Shape: [B]."""
        shares = self.recipe.data.stage_shares
        weights = np.asarray(list(shares.values()))
        rng = np.random.default_rng((self.recipe.seed + 1, self.step))
        drawn = rng.choice(
            [int(n) for n in shares], self.recipe.data.batch_size, p=weights / weights.sum()
        )
        return torch.from_numpy(drawn)

    def _keep_codebooks_alive(self, phase: PhaseConfig, done: int) -> None:
        """Replace codewords out of use, until the phase's last part."""
        early = done < phase.replace_until * phase.steps
        if "quantizer" in phase.train and early and self.step % REPLACE_EVERY == 0:
            replaced = self.model.quantizer.replace()
            self.replaced = int(replaced.sum())
            with torch.no_grad():  # the average must not stay half way from the old place
                live = self.model.quantizer.codebooks[replaced]
                self.average.quantizer.codebooks[replaced] = live

    @torch.no_grad()
    def update_average(self) -> None:
        """Averaged weights follow the live ones, faster at the beginning."""
        decay = min(self.recipe.average_decay, 1.0 - 2.0 / (self.step + 10.0))
        live = list(self.model.state_dict().values())
        torch._foreach_lerp_(list(self.average.state_dict().values()), live, 1.0 - decay)

    def _enter_phase(self, phase: PhaseConfig) -> None:
        """Set what learns in `phase`; the optimizer begins anew."""
        self.phase, self.replaced = phase, 0
        self.model.train()
        for part, module in self.model.named_children():
            module.requires_grad_(part in phase.train).train(part in phase.train)
        if "quantizer" in phase.train:
            self.model.quantizer.learn_by(self.recipe.codebook_learning)
        self.forward = over_ranks(Forward(self.model, phase.substitute, self.recipe.bfloat16))
        self.learning = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": learning, "share": phase.rates.get(part, 1.0)}
                for part, module in self.model.named_children()
                if (learning := [p for p in module.parameters() if p.requires_grad])
            ],
            lr=phase.learning_rate,
            betas=(0.8, 0.99),
            weight_decay=self.recipe.weight_decay,
            fused=True,
        )
        self._meet_discriminators(phase)
        self.objective = Objective(phase.losses, self.adversary)

    def _meet_discriminators(self, phase: PhaseConfig) -> None:
        """The discriminators of `phase`: those that the phase before had go on."""
        before = self.adversary
        if not phase.discriminators:
            self.adversary = None
        elif before is None or tuple(before.module.members) != tuple(phase.discriminators):
            rate = phase.discriminator_rate
            self.adversary = Adversary(phase.discriminators, rate, self.device)
            if before is not None:
                self.adversary.take_over(before)
        else:
            before.learning_rate = phase.discriminator_rate

    def save(self, path: Path) -> None:
        """Write the whole state."""
        tensors = with_prefix("model", self.model.state_dict())
        tensors |= with_prefix("average", self.average.state_dict())
        tensors |= with_prefix("optimizer", optimizer_tensors(self.optimizer, self.model))
        tensors |= with_prefix("counts", self.model.quantizer.training_state())
        if self.adversary is not None:
            module = self.adversary.module
            tensors |= with_prefix("adversary", module.state_dict())
            learnt = optimizer_tensors(self.adversary.optimizer, module)
            tensors |= with_prefix("adversary_optimizer", learnt)
        header = {"step": self.step, "recipe": self.recipe.to_dict()}
        save_state(path, tensors, header | {"trained_on": sorted(self.trained_on)})

    def resume(self, path: Path) -> list[str]:
        """Go on from what `save` wrote; what this recipe says otherwise than the one saved.

        Raises:
            TrainingError: a damaged file, or the state of another model.
        """
        tensors, header = load_state(path)
        try:
            model = ModelConfig.from_dict(header["recipe"]["model"]).to_dict()
            found = differences(header["recipe"] | {"model": model}, self.recipe.to_dict())
            if of_model := [line for line in found if line.startswith("model.")]:
                raise TrainingError(f"{path}: the state of another model: {'; '.join(of_model)}")
            self.model.load_state_dict(under_prefix("model", tensors))
            self.average.load_state_dict(under_prefix("average", tensors))
            self.step = int(header["step"])
            self.taught_before = set(header.get("trained_on", []))
            if self.step:
                # of the last step, whose discriminators the next phase may go on with
                phase, _ = self.recipe.phase_at(self.step - 1)
                self._enter_phase(phase)
                restore_optimizer(self.optimizer, self.model, under_prefix("optimizer", tensors))
            counts = under_prefix("counts", tensors)
            for name, value in self.model.quantizer.training_state().items():
                check_shape(name, counts[name], value.shape)
            self.model.quantizer.load_training_state(counts)
            self._resume_adversary(tensors)
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"{path}: a state that doesn't fit this recipe's model") from error
        return found

    def _resume_adversary(self, tensors: dict[str, Tensor]) -> None:
        if self.adversary is None:
            return
        saved = under_prefix("adversary", tensors)
        if saved:
            module, optimizer = self.adversary.module, self.adversary.optimizer
            module.load_state_dict(saved)
            restore_optimizer(optimizer, module, under_prefix("adversary_optimizer", tensors))

    @property
    def trained_on(self) -> set[str]:
        """Families of scores that the weights were trained on, the start's included."""
        begun = self.recipe.phases[: 1 + self.recipe.phases.index(self.phase)]
        losses = {name for phase in begun for name in phase.losses}
        return self.taught_before | {FAMILIES[name] for name in losses & set(FAMILIES)}

    def export(self, path: Path, metadata: dict[str, str] | None = None) -> None:
        """Write the averaged weights as a checkpoint that says what they were trained on."""
        header = {"trained_on": ", ".join(sorted(self.trained_on))}
        save_checkpoint(path, self.average, header | (metadata or {}))


def _placed(model: LearningModel, device: str) -> LearningModel:
    """The model on a device.

    Raises:
        ConfigError: the device isn't there.
    """
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {device!r} can't be used here ({reason})") from error
