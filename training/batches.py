"""Batches as a function of seed and step: a resumed run draws what it would have drawn."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from codec.errors import TrainingError
from training.corpora import Corpus


class Batches:
    """Random crops with random gain.

    Args:
        shares: relative weight of each corpus; those not named weigh √seconds on the same scale
            only when no corpus is named at all, else nothing.
        crop: samples an item.
        gain_db: lowest and highest random gain.

    Raises:
        TrainingError: all corpora named have a share of 0.
    """

    def __init__(
        self,
        corpus: Corpus,
        shares: Mapping[str, float],
        *,
        size: int,
        crop: int,
        gain_db: tuple[float, float] = (-15.0, 3.0),
        seed: int = 0,
    ) -> None:
        self.corpus, self.size, self.crop = corpus, size, crop
        self.gain_db, self.seed = gain_db, seed
        self.names = sorted(corpus.groups)
        named = {name: share for name, share in shares.items() if name in corpus.groups}
        weights = [
            named.get(name, 0.0) if named else self._seconds(name) ** 0.5 for name in self.names
        ]
        if not sum(weights) > 0:
            raise TrainingError(f"no share above 0 for any of {', '.join(self.names)}")
        self.weights = np.asarray(weights) / np.sum(weights)

    @property
    def unused(self) -> list[str]:
        """Corpora that no item is drawn from."""
        return [name for name, weight in zip(self.names, self.weights, strict=True) if not weight]

    def _seconds(self, name: str) -> float:
        members = self.corpus.groups[name].values()
        samples = sum(len(self.corpus.clips[i]) for clips in members for i in clips)
        return samples / self.corpus.sample_rate

    def draw(self, step: int) -> Tensor:
        """The batch of `step`. Shape: wave [B, 1, T]."""
        rng = np.random.default_rng((self.seed, step))
        items = np.stack([self._item(rng) for _ in range(self.size)])
        return torch.from_numpy(items).unsqueeze(1)

    def _item(self, rng: np.random.Generator) -> np.ndarray:
        members = self.corpus.groups[self.names[rng.choice(len(self.names), p=self.weights)]]
        speaker = list(members)[rng.integers(len(members))]
        clip = self.corpus.clips[members[speaker][rng.integers(len(members[speaker]))]]
        start = rng.integers(max(1, len(clip) - self.crop + 1))
        cut = clip[start : start + self.crop].astype(np.float32) / 32768.0
        peak = max(float(np.abs(cut).max()), 1e-4)
        gain = 10.0 ** (rng.uniform(*self.gain_db) / 20.0)
        return np.pad(cut * min(gain, 1.0 / peak), (0, self.crop - len(cut)))
