"""Decoded speech as the goal: a model that is to sound like another one, not like the recordings.

A network that was made narrower has to learn anew what it gave before, and steps towards the
recordings lead elsewhere (docs/research.md). Its own wider self knows a wave for every code
(Hinton et al. 2015, "Distilling the knowledge in a neural network").
"""

import torch
from torch import Tensor

from codec.backends.torch_checkpoint import load_checkpoint
from codec.catalog import find_checkpoint
from training.quantizers import build_model
from training.recipe import Recipe
from training.run.draws import Coded
from training.run.forward import Forward
from training.run.initial_weights import take_weights


class Teacher:
    """A checkpoint that decodes what the learner decodes: the same stages, the same frames lost.

    Args:
        checkpoint: a path, or the name of shipped weights.

    Raises:
        CheckpointError: not found, or damaged.
    """

    def __init__(self, checkpoint: str, recipe: Recipe, device: torch.device) -> None:
        model, _, metadata = load_checkpoint(find_checkpoint(checkpoint))
        self.trained_on = set(filter(None, metadata.get("trained_on", "").split(", ")))
        """Families of scores, handed on to who learns from it."""
        learning = build_model(model.config, recipe.quantizer)
        take_weights(learning, model, checkpoint)
        learning.to(device).requires_grad_(False).eval()
        self._forward = Forward(learning, "hard", recipe.bfloat16)

    @torch.no_grad()
    def __call__(self, wave: Tensor, coded: Coded) -> Tensor:
        """The wave as the teacher gives it.

        Shape: wave [B, 1, T] -> wave [B, 1, T].
        """
        decoded: Tensor = self._forward(wave, coded)[0]
        return decoded
