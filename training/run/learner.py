"""Parts of a model that learn in one phase, and what they learn by."""

import torch
from torch import Tensor, nn

from training.objective.adversary import Adversary
from training.objective.objective import Objective
from training.quantizers import LearningModel
from training.recipe import PhaseConfig, Recipe
from training.run.forward import Forward, over_ranks
from training.run.teacher import Teacher


class Learner:
    """The forward pass, objective and optimizer of a phase; the optimizer begins anew.

    Args:
        model: its parts are set to learn or to stay as they are.
        before: the discriminators of the phase before; those that this one has as well go on.
    """

    def __init__(
        self, model: LearningModel, recipe: Recipe, phase: PhaseConfig, before: Adversary | None
    ) -> None:
        self.phase = phase
        model.train()
        for part, module in model.named_children():
            module.requires_grad_(part in phase.train).train(part in phase.train)
        if "quantizer" in phase.train:
            model.quantizer.learn_by(recipe.codebook_learning)
        self.forward = over_ranks(Forward(model, phase.substitute, recipe.bfloat16))
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = _optimizer(model, recipe, phase)
        self.adversary = _discriminators(phase, before, model.spectrum.window.device)
        self.objective = Objective(phase.losses, self.adversary)
        self.teacher: Teacher | None = None
        """Loaded by the phase's first step."""

    def learn(self, rate: float, clip_norm: float) -> Tensor:
        """A step of the optimizer, and none where gradients are not finite; the gradients' norm."""
        norm = nn.utils.clip_grad_norm_(self.parameters, clip_norm)
        if bool(torch.isfinite(norm)):
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["share"]
            self.optimizer.step()
        return norm


def _optimizer(model: LearningModel, recipe: Recipe, phase: PhaseConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        [
            {"params": learning, "share": phase.rates.get(part, 1.0)}
            for part, module in model.named_children()
            if (learning := [p for p in module.parameters() if p.requires_grad])
        ],
        lr=phase.learning_rate,
        betas=(0.8, 0.99),
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def _discriminators(
    phase: PhaseConfig, before: Adversary | None, device: torch.device
) -> Adversary | None:
    if not phase.discriminators:
        return None
    if before is not None and tuple(before.module.members) == tuple(phase.discriminators):
        before.learning_rate = phase.discriminator_rate
        return before
    adversary = Adversary(phase.discriminators, phase.discriminator_rate, device)
    if before is not None:
        adversary.take_over(before)
    return adversary
