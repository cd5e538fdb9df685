"""Silence costs next to nothing: who speaks is sent, what lies between is told now and then.

    speech ---------|hangover|                    |speech
    packets ||||||||||||||||||.........|.........||||||||
                             nothing   update
    heard   decoded          | noise like the last frames that came | decoded

The sender looks at the wave and decides for each frame before it is sent, so no beginning is cut
off. An update is an ordinary packet of few stages. The receiver fills the time between with latents
drawn from the last ones that came: those of the hangover and of updates.
"""

from collections import deque

import numpy as np

from codec.config import ModelConfig

RISE_DB = 2.5
"""A hop so much louder than the quietest of late is speech."""
MEMORY_HOPS = 100
"""The quietest of so many hops is the background's level."""
WARM_UP_HOPS = 25
"""At the start of a stream, and so many hops on, all counts as speech."""
HANGOVER_FRAMES = 26
"""Sent after the last frame of speech: its tail, and the background for the receiver."""
UPDATE_FRAMES = 20
"""One frame in so many is sent while nobody speaks."""
UPDATE_STAGES = 4
"""Stages of such a frame."""
FLOOR_DB = -75.0
"""Below this level of a hop's differences (0 is full scale) nobody hears anything."""


class SpeechDetector:
    """Which frames of a wave hold speech, told by the loudness of hops against the background's.

    Hops end where windows fall to zero, so the first may be shorter.

    Args:
        sample_rate: the wave's, in Hz.
        config: of the network that makes frames of it.
    """

    def __init__(self, sample_rate: int, config: ModelConfig) -> None:
        self._hop = sample_rate / config.frame_rate
        missing = 2 * config.hop - config.window_size
        self._missing = missing * sample_rate // config.sample_rate
        """Samples that the first hop lacks."""
        self._waiting = np.zeros(1, np.float32)
        """The last sample of the hop before, and what of the next hop is there."""
        self._levels: deque[float] = deque(maxlen=MEMORY_HOPS)
        self._num_hops = 0
        self._active: dict[int, bool] = {}

    def push(self, wave: np.ndarray) -> None:
        """More of the wave. Shape: [T]."""
        held = np.concatenate([self._waiting, wave])
        while (end := self._length()) < len(held):
            self._active[self._num_hops] = self._is_speech(held[: end + 1])
            self._num_hops += 1
            held = held[end:]
        self._waiting = held

    def speaks(self, frame: int) -> bool:
        """Whether a frame, asked for in their order, holds speech.

        Its window is hop `frame` and the one before; hops that are not there yet count as speech.
        """
        self._active.pop(frame - 2, None)
        return self._active.get(frame, True) or self._active.get(frame - 1, frame > 0)

    def _length(self) -> int:
        """Samples of the next hop."""
        whole = int((self._num_hops + 1) * self._hop) - int(self._num_hops * self._hop)
        return whole if self._num_hops else max(1, whole - self._missing)

    def _is_speech(self, samples: np.ndarray) -> bool:
        """Shape: samples [hop + 1]; differences, so that rumble doesn't count."""
        differences = np.diff(samples.astype(np.float64))
        level = 10.0 * np.log10(np.mean(differences**2) + 1e-20)
        self._levels.append(max(level, FLOOR_DB))
        background = min(self._levels)
        return self._num_hops < WARM_UP_HOPS or level > background + RISE_DB


class Sender:
    """Which frames go out."""

    def __init__(self, sample_rate: int, config: ModelConfig) -> None:
        self._detector = SpeechDetector(sample_rate, config)
        self._next = 0
        self._quiet = 0
        """Frames without speech in a row, this one included."""

    def hear(self, wave: np.ndarray) -> None:
        """The wave, as far as it is known. Shape: [T]."""
        self._detector.push(wave)

    def next(self) -> tuple[bool, bool]:
        """Whether the next frame is sent, and whether it is an update."""
        self._quiet = 0 if self._detector.speaks(self._next) else self._quiet + 1
        self._next += 1
        over = self._quiet - HANGOVER_FRAMES
        return over <= 0 or over % UPDATE_FRAMES == 0, over > 0


class ComfortNoise:
    """The receiver's frames of background: as many as the hangover has, so that none is speech."""

    def __init__(self, silence: np.ndarray) -> None:
        self._silence = silence
        self._heard: deque[np.ndarray | None] = deque(maxlen=HANGOVER_FRAMES)
        self._random = np.random.default_rng(0)

    def received(self, latent: np.ndarray | None) -> None:
        """A frame that was sent; None if it got lost. Shape: latent [D]."""
        self._heard.append(latent)

    def next(self) -> np.ndarray:
        """A latent for a frame that was not sent. Shape: -> [D]."""
        known = [latent for latent in self._heard if latent is not None]
        return known[self._random.integers(len(known))] if known else self._silence
