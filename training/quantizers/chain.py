"""A residual chain that learns: codebooks, what stands for them in training, how they move.

    latent --> stage 0 --> residual --> stage 1 --> residual --> …       hard = sum of codewords
                 |                        |
               codeword 0              codeword 1                        output = surrogate(x, hard)

A quantizer adds three things: what the decoder sees while training and so how gradients pass
(`surrogate`), an auxiliary loss (`stage_loss`) and how codewords learn (`learning`). Coding needs
none of them: `codec.backends.torch_codebooks` has all that a trained chain is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from codec.backends.torch_codebooks import Codebooks, columns
from codec.backends.torch_search import nearest
from codec.errors import QuantizerError
from training.quantizers.cells import MovingAverage
from training.quantizers.initialisation import INITIALISATIONS
from training.quantizers.replacement import REPLACEMENTS, replace_unused
from training.quantizers.usage import Usage
from training.ranks import copy_from_first_rank

Learning = Literal["gradient", "ema", "offline"]
Surrogate = Callable[[Tensor, Tensor], Tensor]


class Quantized(NamedTuple):
    """What a pass through a quantizer gives."""

    output: Tensor
    """[B, D, F] what the decoder sees: the surrogate in training, `hard` in evaluation."""
    hard: Tensor
    """[B, D, F] the sum of the chosen codewords, without gradient to the encoder."""
    codes: Tensor
    """[B, Q, F] integers in [0, K)."""
    loss: Tensor
    """Scalar: pulls codewords to residuals and, weakly, residuals to codewords."""


class ResidualChain(Codebooks, ABC):
    """Q codebooks, their use and their learning; `codebooks` alone is kept in a checkpoint.

    Args:
        learning: how codewords move: "gradient" (of `stage_loss` and of the surrogate), "ema"
            (moving average of the vectors they code) or "offline" (not in training).
        pull: weight of the loss that moves codewords to what they code.
        commitment: weight of the loss that moves what is coded to its codewords.
        restart_below: a moving average's; see `MovingAverage`.

    What is None is the quantizer's own.
    """

    learning: Learning = "gradient"
    pull = 1.0
    commitment = 0.1
    restart_below = 0.0

    def __init__(
        self,
        num_stages: int,
        codebook_size: int,
        latent_width: int,
        *,
        learning: Learning | None = None,
        pull: float | None = None,
        commitment: float | None = None,
        restart_below: float | None = None,
    ) -> None:
        super().__init__(num_stages, codebook_size, latent_width)
        self.pull = self.pull if pull is None else pull
        self.commitment = self.commitment if commitment is None else commitment
        restart = self.restart_below if restart_below is None else restart_below
        self.usage = Usage(num_stages, codebook_size)
        self.average = MovingAverage(num_stages, codebook_size, restart)
        self.learn_by(learning or self.learning)

    @abstractmethod
    def surrogate(self, x: Tensor, hard: Tensor) -> Tensor:
        """What stands for `hard` in training, differentiable in x.

        Shape: x [N, D], hard [N, D] -> [N, D].
        """

    def stage_loss(self, residual: Tensor, chosen: Tensor) -> Tensor:
        """Auxiliary loss of each vector. Shape: residual [N, D], chosen [N, D] -> [N]."""
        commit = self.commitment * (residual - chosen.detach()).square().mean(1)
        if not self.pull or not chosen.requires_grad:
            return commit
        return self.pull * (residual.detach() - chosen).square().mean(1) + commit

    def part(self, residual: Tensor, stage: int) -> Tensor:
        """What of a residual the stage is there to code: all of it, unless a quantizer divides it.

        Shape: residual [N, D] -> [N, D].
        """
        return residual

    def learn_by(self, learning: Learning) -> None:
        """Change how codewords learn, at any time (make the optimizer anew after it)."""
        self.learning = learning
        self.codebooks.requires_grad_(learning == "gradient")

    def forward(
        self,
        latent: Tensor,
        num_stages: Tensor | None = None,
        surrogate: Surrogate | None = None,
    ) -> Quantized:
        """A training pass; in evaluation mode `output` is `hard`.

        Args:
            num_stages: stages in use for each item or each frame, 1 … Q (all if None).
            surrogate: stands for `hard` in either mode; None: the quantizer's own, in training.

        Shape: latent [B, D, F], num_stages [B] or [B, F] -> see `Quantized`.

        Raises:
            QuantizerError: another shape than that, NaN or infinity.
        """
        x = self.rows(latent)
        active = self._active(latent, num_stages)
        residual, total = x, torch.zeros_like(x)
        codes, loss = [], x.new_zeros(())
        for stage, codebook in enumerate(self.codewords().to(x.dtype).unbind()):
            code = nearest(residual.detach(), codebook)
            used = active > stage
            chosen = functional.embedding(code, codebook)
            part = self.part(residual, stage)
            loss = loss + (self.stage_loss(part, chosen) * used).sum() / max(1, len(x))
            self._observe(stage, part, code, used)
            step = chosen * used.unsqueeze(1)
            total = total + step
            residual = residual - step.detach()
            codes.append(code)
        if self.training and self.learning == "ema":
            self.average.move(self.codebooks)
        stand_in = surrogate or (self.surrogate if self.training else None)
        output = stand_in(x, total) if stand_in else total
        numbers = torch.stack(codes, 1)
        return Quantized(
            columns(output, latent),
            columns(total, latent),
            columns(numbers, latent, numbers.dtype),
            loss,
        )

    @torch.no_grad()
    def initialise(self, latent: Tensor, method: str = "kmeans", first: int = 0) -> None:
        """New codewords, stage after stage, from what the stages before leave of `latent`.

        Args:
            method: a key of `INITIALISATIONS`.
            first: stages before it keep theirs.

        Shape: latent [B, D, F]; some 30 vectors for each of the K codewords serve well.
        """
        residual = self.rows(latent)
        if not len(residual):
            raise QuantizerError("codebooks can't be initialised from no vectors at all")
        for stage in range(len(self.codebooks)):
            part = self.part(residual, stage)
            if stage >= first:
                new = INITIALISATIONS[method](part, self.codebooks.shape[1])
                self.codebooks[stage] = new.to(self.codebooks.dtype)
            codebook = self.codewords()[stage].to(residual.dtype)
            residual = residual - codebook[nearest(residual, codebook)]
        copy_from_first_rank(self.codebooks)
        self.average.reset()
        self.usage.reset()

    @torch.no_grad()
    def replace(
        self,
        rule: str = "proportional",
        threshold: float | None = None,
        jitter: float = 1e-2,
        *,
        window: float = 0.0,
    ) -> Tensor:
        """Move codewords that the batches since the last call didn't use; call it every 100 to 300
        batches (`num_batches` in the paper) until the last fifth of a run.

        Args:
            rule: a key of `REPLACEMENTS`; `threshold` is its own unless given.
            jitter: random step from the codeword copied, relative to the codebook's deviation.
            window: vectors for each codeword that a stage must have coded to be judged; one that
                has not yet goes on counting. Rare codewords look unused in a short count.

        Shape: -> replaced [Q, K] bool (an optimizer's state of these rows is stale).
        """
        limit = {} if threshold is None else {"threshold": threshold}
        occurrences, batch_share = self.usage.over_ranks()
        replaced = torch.zeros_like(occurrences, dtype=torch.bool)
        due = occurrences.sum(1) >= window * occurrences.shape[1]
        for stage, codebook in enumerate(self.codebooks):
            if not due[stage]:
                continue
            choice = REPLACEMENTS[rule](occurrences[stage], batch_share[stage], **limit)
            replaced[stage] = replace_unused(codebook, choice, jitter)
        copy_from_first_rank(self.codebooks)
        copy_from_first_rank(replaced)
        self.average.forget(replaced)
        self.usage.reset(due)
        return replaced

    def training_state(self) -> dict[str, Tensor]:
        """What a checkpoint leaves out and a resumed run needs: usage and moving averages."""
        return {name: value.clone() for name, value in self.named_buffers()}

    def load_training_state(self, state: dict[str, Tensor]) -> None:
        """Go on where `training_state` was taken."""
        for name, value in self.named_buffers():
            value.copy_(state[name])

    @torch.no_grad()
    def _observe(self, stage: int, residual: Tensor, code: Tensor, used: Tensor) -> None:
        """Count a stage's codes and let its codewords follow their average, in training."""
        if self.training:
            counts = self.usage.count(stage, code, used)
            if self.learning == "ema":
                self.average.collect(residual.detach()[used], code[used], counts)

    def _active(self, latent: Tensor, num_stages: Tensor | None) -> Tensor:
        """Stages in use for each vector, checked. Shape: -> [B · F]."""
        batch, _, frames = latent.shape
        if num_stages is None:
            return torch.full((batch * frames,), len(self.codebooks), device=latent.device)
        if num_stages.shape not in ((batch,), (batch, frames)):
            raise QuantizerError(
                f"num_stages of shape {tuple(num_stages.shape)} for a batch of "
                f"{batch}; expected one number for each item or each frame"
            )
        each = num_stages.view(batch, -1)
        return each.expand(batch, frames).reshape(-1)
