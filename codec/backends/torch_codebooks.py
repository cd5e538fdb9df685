"""The residual chain in torch: codebooks looked up and searched, nothing that learns.

    latent --> stage 0 --> residual --> stage 1 --> residual --> …       decoded = sum of codewords
                 |                        |
               codeword 0              codeword 1

Training puts a learner in its place (`training.quantizers`).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.backends.torch_beam import beam_search
from codec.backends.torch_search import nearest
from codec.errors import QuantizerError


class Codebooks(nn.Module):
    """Q codebooks of K codewords; with one stage it is a plain vector quantizer."""

    def __init__(self, num_stages: int, codebook_size: int, latent_width: int) -> None:
        super().__init__()
        scale = 0.5 ** (torch.arange(num_stages) / 4.0)
        books = torch.randn(num_stages, codebook_size, latent_width) * scale[:, None, None]
        self.codebooks = nn.Parameter(books)

    def codewords(self) -> Tensor:
        """The codewords in use: what a checkpoint holds. Shape: -> [Q, K, D]."""
        return self.codebooks

    @torch.no_grad()
    def encode(
        self, latent: Tensor, num_stages: int | None = None, beam: int = 1, first: int = 0
    ) -> Tensor:
        """Codes of the nearest codewords.

        Args:
            beam: hypotheses kept from stage to stage; 1 is the greedy search.
            first: the stage to begin with, where `latent` is what those before it left.

        Shape: latent [B, D, F] -> codes [B, num_stages, F].

        Raises:
            QuantizerError: another shape than that, NaN or infinity, stages or a beam out of range.
        """
        residual = self.rows(latent)
        books = self.codewords().to(residual.dtype)[first:]
        books = books[: self._known_stages(num_stages, len(books))]
        if beam < 1:
            raise QuantizerError(f"a beam of {beam} hypotheses; it takes at least 1")
        if beam > 1:
            return columns(beam_search(residual, books, beam), latent, torch.long)
        codes = []
        for codebook in books:
            codes.append(nearest(residual, codebook))
            residual = residual - codebook[codes[-1]]
        return columns(torch.stack(codes, 1), latent, torch.long)

    @torch.no_grad()
    def decode(self, codes: Tensor, first: int = 0) -> Tensor:
        """The sum of the codewords; -1 stands for none.

        Args:
            first: the stage of the first row.

        Shape: codes [B, Q, F], any Q up to the chain's -> latent [B, D, F].

        Raises:
            QuantizerError: more stages than there are, or a code outside [-1, K).
        """
        books = self.codewords()[first:]
        size = books.shape[1]
        if codes.dim() != 3 or not 1 <= codes.shape[1] <= len(books):
            raise QuantizerError(
                f"codes of shape {tuple(codes.shape)}; expected [B, Q, F] with "
                f"Q from 1 to {len(books)}"
            )
        if codes.numel() and not -1 <= int(codes.min()) <= int(codes.max()) < size:
            raise QuantizerError(
                f"codes from {int(codes.min())} to {int(codes.max())}; "
                f"the codebooks hold 0 to {size - 1}"
            )
        chosen = [_chosen(books[q], codes[:, q]) for q in range(codes.shape[1])]
        return torch.stack(chosen).sum(0).transpose(1, 2)

    @torch.no_grad()
    def errors(self, latent: Tensor, codes: Tensor) -> Tensor:
        """Squared error of each frame after 1 … Q stages.

        Shape: latent [B, D, F], codes [B, Q, F] -> [B, Q, F].
        """
        residual, found = latent.transpose(1, 2), []
        books = self.codewords().to(latent.dtype)
        for stage, book in enumerate(books[: codes.shape[1]]):
            residual = residual - functional.embedding(codes[:, stage], book)
            found.append(residual.square().sum(2))
        return torch.stack(found, 1)

    def rows(self, latent: Tensor) -> Tensor:
        """The latent's vectors, checked. Shape: latent [B, D, F] -> [B · F, D], float32 or better.

        Raises:
            QuantizerError: another shape than that, NaN or infinity.
        """
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

    @staticmethod
    def _known_stages(num_stages: int | None, stages: int) -> int:
        if num_stages is not None and not 1 <= num_stages <= stages:
            raise QuantizerError(f"{num_stages} stages; the chain has 1 to {stages}")
        return num_stages or stages


def _chosen(book: Tensor, codes: Tensor) -> Tensor:
    """Shape: book [K, D], codes [B, F] -> [B, F, D], zeros where a code is -1."""
    there = (codes >= 0).unsqueeze(-1)
    return functional.embedding(codes.clamp(min=0), book) * there


def columns(rows: Tensor, latent: Tensor, kind: torch.dtype | None = None) -> Tensor:
    """Shape: rows [B · F, C], latent [B, D, F] -> [B, C, F], of the latent's type unless `kind`."""
    batch, frames = latent.shape[0], latent.shape[2]
    return rows.view(batch, frames, rows.shape[1]).transpose(1, 2).to(kind or latent.dtype)
