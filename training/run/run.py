"""One training run: its start, its steps, its state on disk, its weights."""

from pathlib import Path

from codec.backends.torch_checkpoint import load_checkpoint, save_checkpoint
from codec.catalog import find_checkpoint
from codec.config import ModelConfig
from codec.errors import TrainingError
from training.corpora import Corpus
from training.corpora.batches import Batches
from training.objective.losses import FAMILIES
from training.ranks import copy_from_first_rank, num_ranks
from training.recipe import Recipe, differences
from training.run.initial_weights import draw, start_codebooks, start_linear, take_weights
from training.run.slimming import is_narrower, slimmed
from training.run.state import new_state
from training.run.state_file import load_state, restore, save_state, tensors_of
from training.run.step import take_step
from training.run.teacher import check_teachers


class Run:
    """A recipe, what it learns from, and how far it has come."""

    def __init__(self, recipe: Recipe, corpus: Corpus, device: str = "cpu") -> None:
        data = recipe.data
        if data.batch_size % num_ranks():
            raise TrainingError(
                f"{num_ranks()} processes can't share a batch of {data.batch_size} evenly"
            )
        self.recipe = recipe
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
        self.state = new_state(recipe, device)
        self.taught_before: set[str] = set()
        """Families of scores that its start's weights and its teachers' were trained on."""
        self.started = False
        self._checked = False

    def start(self) -> None:
        """Principal components and k-means instead of random weights, if nothing is there yet."""
        if self.started:
            return
        model = self.state.model
        start_linear(model, self.batches)
        start_codebooks(model, self.batches)
        for tensor in model.state_dict().values():
            copy_from_first_rank(tensor)
        self.state.average.load_state_dict(model.state_dict())

    def start_from(self, checkpoint: str) -> list[str]:
        """Weights of a checkpoint whose model is this recipe's, or wider (see `slimmed`), or has
        other look-aheads, fewer stages, another refiner or none (see `take_weights`). What was
        made narrower or deeper, in words.

        Raises:
            CheckpointError: not found, or damaged.
            TrainingError: another model than that.
        """
        model, _, metadata = load_checkpoint(find_checkpoint(checkpoint))
        self.taught_before = set(filter(None, metadata.get("trained_on", "").split(", ")))
        wide = model.config.to_dict()
        if is_narrower(self.recipe.model, model.config):
            model = slimmed(model, self.recipe.model, draw(model, self.batches))
        take_weights(self.state.model, model, checkpoint)
        told = [f"made narrower: {line}" for line in differences(wide, model.config.to_dict())]
        before, stages = model.config.num_stages, self.recipe.model.num_stages
        if before < stages:
            start_codebooks(self.state.model, self.batches, first=before)
            told.append(f"new codewords for stages {before + 1} to {stages}")
        for tensor in self.state.model.state_dict().values():
            copy_from_first_rank(tensor)
        self.state.model.quantizer.average.reset()
        self.state.average.load_state_dict(self.state.model.state_dict())
        self.started = True
        return told

    def train_step(self) -> dict[str, float]:
        """Take one step; what to log.

        Raises:
            CheckpointError, TrainingError: a teacher, of this phase or a later one, is missing or
                unfit; at the first step, before anything is learnt.
        """
        if not self._checked:
            check_teachers(self.recipe, self.state.step)
            self._checked = True
        told = take_step(self.state, self.recipe, self.batches)
        if self.state.learner.teacher is not None:
            self.taught_before |= self.state.learner.teacher.trained_on
        return told

    def save(self, path: Path) -> None:
        """Write the whole state."""
        header = {"step": self.state.step, "recipe": self.recipe.to_dict()}
        header |= {"trained_on": sorted(self.trained_on)}
        save_state(path, tensors_of(self.state), header)

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
            restore(self.state, self.recipe, tensors, int(header["step"]))
            self.taught_before = set(header.get("trained_on", []))
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"{path}: a state that doesn't fit this recipe's model") from error
        return found

    @property
    def trained_on(self) -> set[str]:
        """Families of scores that the weights were trained on, by start and teachers, too."""
        begun = self.recipe.phases[: 1 + self.recipe.phases.index(self.state.learner.phase)]
        losses = {name for phase in begun for name in phase.losses}
        return self.taught_before | {FAMILIES[name] for name in losses & set(FAMILIES)}

    def export(self, path: Path, metadata: dict[str, str] | None = None) -> None:
        """Write the averaged weights as a checkpoint that says what they were trained on."""
        header = {"trained_on": ", ".join(sorted(self.trained_on))}
        save_checkpoint(path, self.state.average, header | (metadata or {}))
