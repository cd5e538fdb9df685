"""Codebooks fitted to a network as it is, on everything that it makes of a corpus.

In training codewords follow a moving average of what the encoder gave, a batch at a time, and after
`nsvq average` or narrowing they are those of another encoder. Here Lloyd's algorithm goes on from
them, stage after stage, with all latents at once:

    latents --> codewords of stage 1 --> what they leave --> codewords of stage 2 --> …
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from codec.backends.torch_model import CodecModel
from codec.backends.torch_search import nearest
from codec.errors import TrainingError
from training.corpora import Corpus
from training.quantizers.initialisation import kmeans, lloyd_step
from training.run.initial_weights import take_weights

ITERATIONS = 8
_SETTLED = 3
"""Iterations at the end in which codewords only move."""
_RARE = 0.02
"""A codeword used less than this share of what all would be if they were used alike begins anew."""
_GAINS_DB = (-12.0, 3.0)
_LEAST = 4
"""Latents for each codeword."""
_PIECE_S = 30.0
"""Of a recording, coded at once."""


class Left(NamedTuple):
    """The squared error that the stages up to one leave, as a share of the latents' own."""

    stage: int
    before: float
    """With the codewords there were; NaN for a stage that there wasn't."""
    now: float


def latents_of(model: CodecModel, corpus: Corpus, most_s: float, seed: int) -> Tensor:
    """Latents of clips in random order, each as it is and once more at another level, until
    `most_s` seconds were coded. Shape: -> [N, D]."""
    rng = np.random.default_rng(seed)
    rate, found, coded_s = model.config.sample_rate, [], 0.0
    piece = round(_PIECE_S * rate)
    for number in rng.permutation(len(corpus.clips)):
        clip = corpus.clips[number]
        gain = 10.0 ** (rng.uniform(*_GAINS_DB) / 20.0)
        for start in range(0, len(clip), piece):
            wave = np.asarray(clip[start : start + piece], np.float32) / 32768.0
            both = np.stack([wave, np.clip(gain * wave, -1.0, 1.0)])[:, None]
            with torch.no_grad():
                latent = model.analyse(torch.from_numpy(both.astype(np.float32)))
            found.append(latent.transpose(1, 2).flatten(0, 1))
            coded_s += 2 * len(wave) / rate
            if coded_s >= most_s:
                return torch.cat(found)
    return torch.cat(found)


def with_stages(model: CodecModel, num_stages: int) -> CodecModel:
    """The same model with so many stages; new ones have codewords that mean nothing yet."""
    other = CodecModel(replace(model.config, num_stages=num_stages))
    take_weights(other, model, "the model")
    return other.eval()


@torch.no_grad()
def refit(model: CodecModel, latents: Tensor, known: int) -> Iterator[Left]:
    """Fit the codebooks of one stage after the other; what each leaves, as soon as it is done.

    Args:
        known: stages whose codewords are a start; those behind begin with k-means.

    Shape: latents [N, D].

    Raises:
        TrainingError: fewer latents than `_LEAST` for each codeword.
    """
    books = model.quantizer.codebooks
    if len(latents) < _LEAST * books.shape[1]:
        raise TrainingError(
            f"{len(latents)} frames for codebooks of {books.shape[1]} codewords; expected "
            f"{_LEAST * books.shape[1]} at least: give more recordings"
        )
    power = float(latents.square().sum())
    old, new = latents.clone(), latents.clone()
    for stage, book in enumerate(books):
        before = float("nan")
        if stage < known:
            old -= book[nearest(old, book)]
            before = float(old.square().sum()) / power
            book.copy_(_lloyd(new, book))
        else:
            book.copy_(_lloyd(new, kmeans(new, len(book), iterations=1)))
        new -= book[nearest(new, book)]
        yield Left(stage + 1, before, float(new.square().sum()) / power)


def _lloyd(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Codewords moved to the means of their cells again and again; those that are hardly used begin
    anew beside those that are used most.

    Shape: vectors [N, D], codebook [K, D] -> [K, D].
    """
    few = _RARE * len(vectors) / len(codebook)
    for iteration in range(ITERATIONS):
        codebook, counts = lloyd_step(vectors, codebook)
        rare = (counts < max(1.0, few)).nonzero()[:, 0]
        if len(rare) and iteration < ITERATIONS - _SETTLED:
            most = counts.argsort(descending=True)[: len(rare)]
            apart = 0.05 * vectors.std() * torch.randn(len(rare), codebook.shape[1])
            codebook[rare] = codebook[most] + apart
    return codebook
