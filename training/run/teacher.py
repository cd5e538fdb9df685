"""Decoded speech as the goal: a model that is to sound like another one, not like the recordings.

A network that was made narrower has to learn anew what it gave before, and steps towards the
recordings lead elsewhere (docs/research.md). Its own wider self knows a wave for every code
(Hinton et al. 2015, "Distilling the knowledge in a neural network").
"""

import torch
from torch import Tensor

from codec.backends.torch_checkpoint import load_checkpoint
from codec.catalog import find_checkpoint
from codec.checkpoint import read_weights
from codec.config import ModelConfig
from codec.errors import TrainingError
from training.quantizers import LearningModel, build_model
from training.recipe import PhaseConfig, Recipe
from training.run.draws import Coded
from training.run.forward import Forward
from training.run.initial_weights import take_weights


class Teacher:
    """A checkpoint that decodes what the learner decodes: the same stages, the same frames lost.

    Args:
        phase: its `teacher` is a path, or the name of shipped weights.
        learner: on whose device it works.
        wave: [B, 1, T] that both are compared on.

    Raises:
        CheckpointError: not found, or damaged.
        TrainingError: its codes aren't the learner's, and the phase doesn't teach them.
    """

    def __init__(
        self, phase: PhaseConfig, recipe: Recipe, learner: LearningModel, wave: Tensor
    ) -> None:
        model, _, metadata = load_checkpoint(find_checkpoint(phase.teacher))
        _check(phase.teacher, model.config, recipe.model)
        self.trained_on = set(filter(None, metadata.get("trained_on", "").split(", ")))
        """Families of scores, handed on to who learns from it."""
        teacher: LearningModel = build_model(model.config, "nsvq")  # its codewords are found
        take_weights(teacher, model, phase.teacher)
        teacher.to(wave.device).requires_grad_(False).eval()
        if not {"encoder", "quantizer"} & set(phase.train):
            _check_codes(phase.teacher, teacher, learner, wave)
        self._forward = Forward(teacher, "hard", recipe.bfloat16)

    @torch.no_grad()
    def __call__(self, wave: Tensor, coded: Coded) -> Tensor:
        """The wave as the teacher gives it.

        Shape: wave [B, 1, T] -> wave [B, 1, T].
        """
        decoded: Tensor = self._forward(wave, coded)[0]
        return decoded


def check_teachers(recipe: Recipe, step: int) -> None:
    """Refuse a recipe whose teachers, from the phase of `step` on, are missing or unfit.

    Raises:
        CheckpointError: one isn't found, or damaged.
        TrainingError: one hears or codes otherwise than the recipe's model.
    """
    end = 0
    for phase in recipe.phases:
        end += phase.steps
        if phase.teacher and step < end:
            _check(phase.teacher, read_weights(find_checkpoint(phase.teacher))[1], recipe.model)


def _check(teacher: str, found: ModelConfig, model: ModelConfig) -> None:
    for name in ("sample_rate", "hop", "codebook_size"):
        if getattr(found, name) != getattr(model, name):
            raise TrainingError(
                f"{teacher}: can't teach, its {name} is {getattr(found, name)}; "
                f"expected {getattr(model, name)}"
            )
    if found.num_stages < model.num_stages:
        raise TrainingError(
            f"{teacher}: can't teach, it has {found.num_stages} stages; "
            f"expected {model.num_stages} or more"
        )
    if found.refiner_lookahead and found.refiner_noise:
        raise TrainingError(f"{teacher}: can't teach, its refiner adds noise that none foresees")


@torch.no_grad()
def _check_codes(name: str, teacher: LearningModel, learner: LearningModel, wave: Tensor) -> None:
    """Where the learner's codes stay as they are they must be the teacher's."""
    mine, theirs = learner.analyse(wave), teacher.analyse(wave)
    words = learner.quantizer.codewords()
    alike = mine.shape == theirs.shape and _near(mine, theirs)
    if not alike or not _near(words, teacher.quantizer.codewords()[: len(words)]):
        raise TrainingError(
            f"{name}: can't teach, its codes aren't the learner's; start from it (--from), or let "
            "encoder and quantizer learn"
        )


def _near(x: Tensor, y: Tensor) -> bool:
    """As one function in two forms, made narrower or not, and no farther."""
    return bool((x - y).square().mean() <= 1e-6 * y.square().mean())
