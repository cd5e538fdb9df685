"""Batches as a function of seed and step: a resumed run draws what it would have drawn."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from codec.errors import TrainingError
from codec.resampling import resample
from training.corpora.corpus import Corpus


class Batches:
    """Random crops with random gain.

    Args:
        shares: relative weight of each corpus; those not named weigh √seconds on the same scale
            only when no corpus is named at all, else nothing.
        crop: samples an item.
        gain_db: lowest and highest random gain.
        speed_share: share of items played at another speed, and so another pitch.
        speed: lowest and highest of these speeds.
        mix_share: share of items over which a second voice speaks, 0 to 15 dB softer.

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
        speed_share: float = 0.0,
        speed: tuple[float, float] = (0.85, 1.3),
        mix_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.corpus, self.size, self.crop = corpus, size, crop
        self.gain_db, self.speed_share, self.speed = gain_db, speed_share, speed
        self.mix_share, self.seed = mix_share, seed
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
        cut = self._excerpt(rng)
        if self.mix_share and rng.random() < self.mix_share:
            cut = cut + self._excerpt(rng) * np.float32(10.0 ** (rng.uniform(-15.0, 0.0) / 20.0))
        peak = max(float(np.abs(cut).max()), 1e-4)
        gain = 10.0 ** (rng.uniform(*self.gain_db) / 20.0)
        return cut * np.float32(min(gain, 1.0 / peak))

    def _excerpt(self, rng: np.random.Generator) -> np.ndarray:
        """An excerpt of one speaker, perhaps at another speed. Shape: -> [crop] float32."""
        members = self.corpus.groups[self.names[rng.choice(len(self.names), p=self.weights)]]
        speaker = list(members)[rng.integers(len(members))]
        clip = self.corpus.clips[members[speaker][rng.integers(len(members[speaker]))]]
        rate = self.corpus.sample_rate
        if self.speed_share and rng.random() < self.speed_share:
            rate = round(rate * rng.uniform(*self.speed))
        length = -(-self.crop * rate // self.corpus.sample_rate)
        start = rng.integers(max(1, len(clip) - length + 1))
        cut = clip[start : start + length].astype(np.float32) / 32768.0
        cut = resample(cut[None], rate, self.corpus.sample_rate)[0, : self.crop]
        return np.pad(cut, (0, self.crop - len(cut)))
