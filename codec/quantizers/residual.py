"""The residual chain that every quantizer here is: each stage codes what those before it left over.

    latent --> stage 0 --> residual --> stage 1 --> residual --> …       hard = sum of codewords
                 |                        |
               codeword 0              codeword 1                        output = surrogate(x, hard)

A quantizer adds three things: what the decoder sees while training and so how gradients pass
(`surrogate`), an auxiliary loss (`stage_loss`) and how codewords learn (`learning`). With one stage
it is a plain vector quantizer.
"""

from abc import ABC, abstractmethod
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.errors import QuantizerError
from codec.quantizers.beam import beam_search
from codec.quantizers.initialisation import INITIALISATIONS
from codec.quantizers.moving_average import MovingAverage
from codec.quantizers.ranks import copy_from_first_rank
from codec.quantizers.replacement import REPLACEMENTS, replace_unused
from codec.quantizers.search import nearest
from codec.quantizers.usage import Usage

Learning = Literal["gradient", "ema", "offline"]


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


class ResidualChain(nn.Module, ABC):
    """Q codebooks, their use and their learning; `codebooks` alone is kept in a checkpoint.

    Args:
        learning: how codewords move: "gradient" (of `stage_loss` and of the surrogate), "ema"
            (moving average of the vectors they code) or "offline" (not in training); None is the
            quantizer's own way.
        per_stage: put the surrogate on each stage's error, which the next stage then codes, instead
            of once on the total error.
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
        per_stage: bool = False,
    ) -> None:
        super().__init__()
        scale = 0.5 ** (torch.arange(num_stages) / 4.0)
        books = torch.randn(num_stages, codebook_size, latent_width) * scale[:, None, None]
        self.codebooks = nn.Parameter(books)
        self.usage = Usage(num_stages, codebook_size)
        self.average = MovingAverage(num_stages, codebook_size, self.restart_below)
        self.per_stage = per_stage
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

    def codewords(self) -> Tensor:
        """The codewords in use. Shape: -> [Q, K, D]."""
        return self.codebooks

    def part(self, residual: Tensor, stage: int) -> Tensor:
        """What of a residual the stage is there to code: all of it, unless a quantizer divides it.

        Shape: residual [N, D] -> [N, D].
        """
        return residual

    def learn_by(self, learning: Learning) -> None:
        """Change how codewords learn, at any time (make the optimizer anew after it)."""
        self.learning = learning
        self.codebooks.requires_grad_(learning == "gradient")

    def forward(self, latent: Tensor, num_stages: Tensor | None = None) -> Quantized:
        """A training pass; in evaluation mode `output` is `hard`.

        Args:
            num_stages: stages in use for each item, 1 … Q (all if None).

        Shape: latent [B, D, F], num_stages [B] -> see `Quantized`.

        Raises:
            QuantizerError: another shape than that, NaN or infinity.
        """
        x, frames = self._rows(latent), latent.shape[2]
        active = self._active(latent, num_stages).repeat_interleave(frames)
        residual, total, output = x, torch.zeros_like(x), torch.zeros_like(x)
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
            if self.per_stage and self.training:
                step = self.surrogate(part, chosen) * used.unsqueeze(1)
                output = output + step
            residual = residual - step.detach()
            codes.append(code)
        if self.training and self.learning == "ema":
            self.average.move(self.codebooks)
        if not self.training:
            output = total
        elif not self.per_stage:
            output = self.surrogate(x, total)
        numbers = torch.stack(codes, 1)
        return Quantized(
            _columns(output, latent),
            _columns(total, latent),
            _columns(numbers, latent, numbers.dtype),
            loss,
        )

    @torch.no_grad()
    def encode(self, latent: Tensor, num_stages: int | None = None, beam: int = 1) -> Tensor:
        """Codes of the nearest codewords.

        Args:
            beam: hypotheses kept from stage to stage; 1 is the greedy search.

        Shape: latent [B, D, F] -> codes [B, num_stages, F].

        Raises:
            QuantizerError: another shape than that, NaN or infinity, stages or a beam out of range.
        """
        residual = self._rows(latent)
        books = self.codewords().to(residual.dtype)[: self._known_stages(num_stages)]
        if beam < 1:
            raise QuantizerError(f"a beam of {beam} hypotheses; it takes at least 1")
        if beam > 1:
            return _columns(beam_search(residual, books, beam), latent, torch.long)
        codes = []
        for codebook in books:
            codes.append(nearest(residual, codebook))
            residual = residual - codebook[codes[-1]]
        return _columns(torch.stack(codes, 1), latent, torch.long)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """The sum of the codewords.

        Shape: codes [B, Q, F], any Q up to the chain's -> latent [B, D, F].

        Raises:
            QuantizerError: more stages than there are, or a code outside [0, K).
        """
        size = self.codebooks.shape[1]
        if codes.dim() != 3 or not 1 <= codes.shape[1] <= len(self.codebooks):
            raise QuantizerError(
                f"codes of shape {tuple(codes.shape)}; expected [B, Q, F] with "
                f"Q from 1 to {len(self.codebooks)}"
            )
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < size:
            raise QuantizerError(
                f"codes from {int(codes.min())} to {int(codes.max())}; "
                f"the codebooks hold 0 to {size - 1}"
            )
        books = self.codewords()
        chosen = [functional.embedding(codes[:, q], books[q]) for q in range(codes.shape[1])]
        return torch.stack(chosen).sum(0).transpose(1, 2)

    @torch.no_grad()
    def initialise(self, latent: Tensor, method: str = "kmeans") -> None:
        """First codewords, stage after stage, from what the stages before leave of `latent`.

        Args:
            method: a key of `INITIALISATIONS`.

        Shape: latent [B, D, F]; some 30 vectors for each of the K codewords serve well.
        """
        residual = self._rows(latent)
        if not len(residual):
            raise QuantizerError("codebooks can't be initialised from no vectors at all")
        for stage in range(len(self.codebooks)):
            part = self.part(residual, stage)
            first = INITIALISATIONS[method](part, self.codebooks.shape[1])
            self.codebooks[stage] = first.to(self.codebooks.dtype)
            codebook = self.codewords()[stage].to(residual.dtype)
            residual = residual - codebook[nearest(residual, codebook)]
        copy_from_first_rank(self.codebooks)
        self.average.reset()
        self.usage.reset()

    @torch.no_grad()
    def replace(
        self, rule: str = "proportional", threshold: float | None = None, jitter: float = 1e-2
    ) -> Tensor:
        """Move codewords that the batches since the last call didn't use; call it every 100 to 300
        batches (`num_batches` in the paper) until the last fifth of a run.

        Args:
            rule: a key of `REPLACEMENTS`; `threshold` is its own unless given.
            jitter: random step from the codeword copied, relative to the codebook's deviation.

        Shape: -> replaced [Q, K] bool (an optimizer's state of these rows is stale).
        """
        limit = {} if threshold is None else {"threshold": threshold}
        occurrences, batch_share = self.usage.over_ranks()
        replaced = torch.zeros_like(occurrences, dtype=torch.bool)
        for stage, codebook in enumerate(self.codebooks):
            choice = REPLACEMENTS[rule](occurrences[stage], batch_share[stage], **limit)
            replaced[stage] = replace_unused(codebook, choice, jitter)
        copy_from_first_rank(self.codebooks)
        copy_from_first_rank(replaced)
        self.average.forget(replaced)
        self.usage.reset()
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

    def _rows(self, latent: Tensor) -> Tensor:
        """Shape: latent [B, D, F] -> [B · F, D] in float32 or better."""
        width = self.codebooks.shape[2]
        if latent.dim() != 3 or latent.shape[1] != width:
            raise QuantizerError(
                f"a latent of shape {tuple(latent.shape)}; expected [B, {width}, F]"
            )
        if not torch.isfinite(latent).all():
            raise QuantizerError(
                "the latent holds NaN or infinity; look for it in the audio or in "
                "the encoder's weights"
            )
        rows = latent.transpose(1, 2).reshape(-1, width)
        return rows.to(torch.promote_types(latent.dtype, torch.float32))

    def _active(self, latent: Tensor, num_stages: Tensor | None) -> Tensor:
        """Stages in use for each item, checked. Shape: -> [B]."""
        stages = len(self.codebooks)
        if num_stages is None:
            return torch.full((len(latent),), stages, device=latent.device)
        if num_stages.shape != latent.shape[:1]:
            raise QuantizerError(
                f"num_stages of shape {tuple(num_stages.shape)} for a batch of "
                f"{len(latent)}; expected one number for each item"
            )
        return num_stages

    def _known_stages(self, num_stages: int | None) -> int:
        stages = len(self.codebooks)
        if num_stages is not None and not 1 <= num_stages <= stages:
            raise QuantizerError(f"{num_stages} stages; the chain has 1 to {stages}")
        return num_stages or stages


def _columns(rows: Tensor, latent: Tensor, kind: torch.dtype | None = None) -> Tensor:
    """Shape: rows [B · F, C], latent [B, D, F] -> [B, C, F], of the latent's type unless `kind`."""
    batch, frames = latent.shape[0], latent.shape[2]
    return rows.view(batch, frames, rows.shape[1]).transpose(1, 2).to(kind or latent.dtype)
