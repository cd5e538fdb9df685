"""One training run: what it holds, one step of it, and its state on disk."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from codec.catalog import find_checkpoint
from codec.checkpoint import load_checkpoint, save_checkpoint
from codec.config import ModelConfig
from codec.errors import ConfigError, TrainingError
from codec.model import CodecModel
from codec.quantizers.ranks import copy_from_first_rank
from training.batches import Batches
from training.corpora import Corpus
from training.forward import Forward, over_ranks
from training.losses import LOSSES
from training.processes import num_ranks, rank
from training.recipe import PhaseConfig, Recipe, differences
from training.schedule import learning_rate
from training.start import start_codebooks, start_linear
from training.state import (
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
        self.model = _placed(CodecModel(recipe.model), device)
        self.model.quantizer.learn_by(recipe.codebook_learning)
        self.average = CodecModel(recipe.model).to(device).requires_grad_(False)
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
        """Weights of a checkpoint, which must be of this recipe's model.

        Raises:
            CheckpointError: not found, or damaged.
            TrainingError: another model.
        """
        model, _, _ = load_checkpoint(find_checkpoint(checkpoint))
        if found := differences(model.config.to_dict(), self.recipe.model.to_dict()):
            raise TrainingError(
                f"{checkpoint}: another model than the recipe's: {'; '.join(found)}"
            )
        self.model.load_state_dict(model.state_dict())
        self.average.load_state_dict(model.state_dict())
        self.model.quantizer.average.reset()
        self.started = True

    def train_step(self) -> dict[str, float]:
        """Draw, encode, quantize, decode, score, learn; what to log.

        Where gradients are not finite the optimizer takes no step: `skipped` is 1.
        """
        phase, done = self.recipe.phase_at(self.step)
        if phase is not self.phase:
            self._enter_phase(phase)
        torch.manual_seed(((self.recipe.seed << 32) + self.step) * num_ranks() + rank())
        wave, num_stages = self.draw()
        rebuilt, latent_loss = self.forward(wave, num_stages)
        values = {name: LOSSES[name](rebuilt, wave) for name in phase.losses}
        loss = sum(weight * values[name] for name, weight in phase.losses.items())
        self.optimizer.zero_grad()
        (loss + phase.latent_weight * latent_loss).backward()
        norm = nn.utils.clip_grad_norm_(self.learning, self.recipe.clip_norm)
        finite = bool(torch.isfinite(norm))
        if finite:
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(phase, done)
            self.optimizer.step()
        self.step += 1
        self._keep_codebooks_alive(phase, done)
        self.update_average()
        logged = values | {"latent": latent_loss, "gradient_norm": norm}
        return {name: float(value.detach()) for name, value in logged.items()} | {
            "skipped": float(not finite)
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
        for part in ("encoder", "quantizer", "decoder"):
            module = getattr(self.model, part)
            module.requires_grad_(part in phase.train).train(part in phase.train)
        if "quantizer" in phase.train:
            self.model.quantizer.learn_by(self.recipe.codebook_learning)
        self.forward = over_ranks(Forward(self.model, phase.substitute, self.recipe.bfloat16))
        self.learning = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.learning,
            lr=phase.learning_rate,
            betas=(0.8, 0.99),
            weight_decay=self.recipe.weight_decay,
            fused=True,
        )

    def save(self, path: Path) -> None:
        """Write the whole state."""
        tensors = with_prefix("model", self.model.state_dict())
        tensors |= with_prefix("average", self.average.state_dict())
        tensors |= with_prefix("optimizer", optimizer_tensors(self.optimizer, self.model))
        tensors |= with_prefix("counts", self.model.quantizer.training_state())
        save_state(path, tensors, {"step": self.step, "recipe": self.recipe.to_dict()})

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
            phase, done = self.recipe.phase_at(self.step)
            if done:
                self._enter_phase(phase)
                restore_optimizer(self.optimizer, self.model, under_prefix("optimizer", tensors))
            counts = under_prefix("counts", tensors)
            for name, value in self.model.quantizer.training_state().items():
                check_shape(name, counts[name], value.shape)
            self.model.quantizer.load_training_state(counts)
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"{path}: a state that doesn't fit this recipe's model") from error
        return found

    def export(self, path: Path, metadata: dict[str, str] | None = None) -> None:
        """Write the averaged weights as a checkpoint."""
        save_checkpoint(path, self.average, metadata)


def _placed(model: CodecModel, device: str) -> CodecModel:
    """The model on a device.

    Raises:
        ConfigError: the device isn't there.
    """
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {device!r} can't be used here ({reason})") from error
