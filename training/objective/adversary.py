"""Discriminators in training: what they tell the codec, and how they learn.

Least squares (Mao et al. 2017) and feature matching (Kumar et al. 2019, "MelGAN"). One pass over
real and decoded speech serves both sides: the codec's gradient is taken with respect to the decoded
wave, the discriminators' with respect to their weights.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from training.objective.discriminators import Discriminators, Verdict
from training.ranks import average_over_ranks, copy_from_first_rank


class Terms(NamedTuple):
    """Losses of one batch, scalars."""

    adversarial: Tensor
    """What the codec pays for being told apart."""
    features: Tensor
    """What it pays for looking different inside the discriminators."""
    discriminator: Tensor
    """What the discriminators pay for their mistakes."""


class Adversary:
    """Discriminators and their optimizer.

    Args:
        names: keys of `training.objective.discriminators.DISCRIMINATORS`.
    """

    def __init__(
        self, names: Sequence[str], learning_rate: float, device: str | torch.device = "cpu"
    ) -> None:
        self.module = Discriminators(names).to(device)
        for tensor in self.module.state_dict().values():
            copy_from_first_rank(tensor)
        self.learning_rate = learning_rate
        self.weights = list(self.module.parameters())
        self.optimizer = torch.optim.AdamW(
            self.weights, lr=learning_rate, betas=(0.8, 0.99), weight_decay=0.01, fused=True
        )

    def take_over(self, other: "Adversary") -> None:
        """Let discriminators that `other` has as well go on from its weights."""
        for name, member in self.module.members.items():
            if name in other.module.members:
                member.load_state_dict(other.module.members[name].state_dict())

    def terms(self, decoded: Tensor, real: Tensor, names: Sequence[str] = ()) -> Terms:
        """By all discriminators, or those of these names.

        Shape: decoded, real [B, 1, T] -> three scalars.
        """
        pairs = list(zip(self.module(real, names), self.module(decoded, names), strict=True))
        return Terms(
            _mean((1.0 - fake.scores).square().mean() for _, fake in pairs),
            _mean(_distance(fake, true) for true, fake in pairs),
            _mean(_mistakes(fake, true) for true, fake in pairs),
        )

    def learn(self, loss: Tensor, schedule: float = 1.0) -> None:
        """One step of the discriminators that `loss` hangs on, at `schedule` times their rate; none
        where a gradient is not finite."""
        gradients = torch.autograd.grad(loss, self.weights, allow_unused=True)
        average_over_ranks([gradient for gradient in gradients if gradient is not None])
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient
        norm = torch.nn.utils.clip_grad_norm_(self.weights, 10.0)
        if bool(torch.isfinite(norm)):
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate * schedule
            self.optimizer.step()
        self.optimizer.zero_grad()


def _mean(values: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean()


def _distance(fake: Verdict, true: Verdict) -> Tensor:
    """L1 between layers, each over its own mean magnitude."""
    pairs = zip(fake.layers, true.layers, strict=True)
    return _mean(_RelativeL1.apply(one, other.detach()) for one, other in pairs)


class _RelativeL1(torch.autograd.Function):
    """Mean |x - goal| over mean |goal|. Its gradient lies in memory as x does: one of another
    layout, as PyTorch's own mean gives, makes each operation behind it several times slower."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, goal: Tensor) -> Tensor:
        difference = x - goal
        size = goal.abs().mean(dtype=torch.float32) + 1e-3
        ctx.save_for_backward(difference, size)
        return difference.abs().mean(dtype=torch.float32) / size

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, None]:
        difference, size = ctx.saved_tensors
        scale = outputs[0] / (size * difference.numel())
        return difference.sign().mul_(scale), None


def _mistakes(fake: Verdict, true: Verdict) -> Tensor:
    return (1.0 - true.scores).square().mean() + fake.scores.square().mean()
