"""The network in torch, on a GPU or a CPU: windows of seconds, with the result of one pass.

Convolutions see a bounded number of frames to both sides. A window that is fed with that many
frames more than it gives out gives out what one pass over everything would:

    frames     |--past--|------- window -------|--future--|
    next one                          |--past--|------- window -------|--future--|

Windows start at multiples of their length from the first frame, whatever the sizes of the pieces
that come in, so the same wave gives the same codes however it is cut up.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from codec.backends.interface import Stream
from codec.backends.torch_model import CodecModel
from codec.backends.torch_refiner import OVERLAP
from codec.config import ModelConfig
from codec.errors import ConfigError
from codec.noise import noise

WINDOW_FRAMES = 500
"""Frames that one window gives out."""


class TorchBackend:
    """A network with its weights on a device.

    Raises:
        ConfigError: a device that isn't there.
    """

    def __init__(
        self, model: CodecModel, device: str = "cpu", window_frames: int = WINDOW_FRAMES
    ) -> None:
        try:
            self.model = model.eval().to(device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"device {device!r} can't be used here ({reason})") from error
        self.device = device
        self.config: ModelConfig = model.config
        self.window_frames = window_frames
        self.num_parameters = sum(value.numel() for value in model.parameters())

    def analysis(self, block_frames: int | None = None) -> Stream:
        """Pieces of wave [T] to blocks of latent [F, D]."""
        return Analysis(self, block_frames or self.window_frames)

    @torch.inference_mode()
    def quantize(
        self, latent: np.ndarray, num_stages: int, effort: int = 1, first: int = 0
    ) -> np.ndarray:
        """Shape: latent [F, D] -> codes [num_stages, F] int64."""
        columns = self.tensor(latent).T.unsqueeze(0)
        codes = self.model.quantizer.encode(columns, num_stages, beam=effort, first=first)
        return codes[0].cpu().numpy()

    @torch.inference_mode()
    def dequantize(self, codes: np.ndarray, first: int = 0) -> np.ndarray:
        """Shape: codes [Q, F] -> latent [F, D]."""
        rows = self.tensor(codes).unsqueeze(0)
        return self.model.quantizer.decode(rows, first)[0].T.cpu().numpy()

    @torch.inference_mode()
    def errors(self, latent: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Shape: latent [F, D], codes [Q, F] -> [Q, F] float32."""
        columns, rows = self.tensor(latent).T.unsqueeze(0), self.tensor(codes).unsqueeze(0)
        return self.model.quantizer.errors(columns, rows)[0].cpu().numpy()

    def synthesis(self, block_frames: int | None = None) -> Stream:
        """Pieces of latent [F, D] to blocks of wave [T]."""
        return Synthesis(self, block_frames or self.window_frames)

    @property
    def together(self) -> bool:
        """Whether `encode_batch` pays; on a CPU it saves nothing, and codes could differ."""
        return not self.device.startswith("cpu") and self.can_batch

    @property
    def can_batch(self) -> bool:
        """Whether what follows a wave's end stays out of its codes."""
        return not any(self.config.encoder_lookahead)

    @torch.inference_mode()
    def encode_batch(
        self, waves: Sequence[np.ndarray], num_stages: int, effort: int = 1
    ) -> list[np.ndarray]:
        """Codes of waves at the model's rate, padded to the longest and computed at once.

            |-- wave --|hop|  zeros  |     the frames kept end with the hop after the wave,
            |--- longest wave ---|hop|     and none of them sees a later one

        Shape: waves [T] each -> codes [num_stages, F] each.
        """
        padded = np.zeros((len(waves), 1, max(len(wave) for wave in waves)), np.float32)
        for row, wave in zip(padded, waves, strict=True):
            row[0, : len(wave)] = wave
        latent = self.model.analyse(self.tensor(padded)).float()
        codes = self.model.quantizer.encode(latent, num_stages, beam=effort).cpu().numpy()
        frames = [self.config.num_frames(len(wave)) for wave in waves]
        return [row[:, :count] for row, count in zip(codes, frames, strict=True)]

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        """The array on the backend's device."""
        return torch.from_numpy(np.array(array, order="C")).to(self.device)


def context(config: ModelConfig, lookahead: Sequence[int]) -> tuple[int, int]:
    """Frames before and after a frame that blocks with this look-ahead see."""
    return sum(config.kernel - 1 - frames for frames in lookahead), sum(lookahead)


def decoder_context(config: ModelConfig) -> tuple[int, int]:
    """Frames before and after a space between two frames that its samples depend on."""
    past, future = context(config, config.decoder_lookahead)
    if config.refiner_lookahead:
        ratio = config.hop // config.refiner_hop
        before, after = context(config, config.refiner_lookahead)
        overlap = OVERLAP - 1
        past += math.ceil((before + 2 * overlap) / ratio) + 1
        future += math.ceil((after + overlap) / ratio)
    return past, future


class Analysis:
    """A wave on its way to the latent; see `Stream`."""

    def __init__(self, backend: TorchBackend, window_frames: int) -> None:
        self._backend, self._window_frames = backend, window_frames
        self._past, self._future = context(backend.config, backend.config.encoder_lookahead)
        self._held = _Sliding()
        self._start = 0

    def push(self, piece: np.ndarray) -> list[np.ndarray]:
        """Shape: wave [T] -> latents [F, D]."""
        self._held.add(piece)
        found = []
        while self._held.stop >= self._needed():
            found.append(self._window(self._window_frames))
        return found

    def finish(self) -> list[np.ndarray]:
        """Shape: -> latents [F, D]; in all one frame more than hops were begun."""
        total = self._backend.config.num_frames(self._held.stop)
        found = []
        while self._start < total:
            found.append(self._window(min(self._window_frames, total - self._start)))
        return found

    def _needed(self) -> int:
        """Samples up to where the last frame that the next window sees falls to zero."""
        config, last = self._backend.config, self._start + self._window_frames + self._future - 1
        return (last - 1) * config.hop + config.window_size

    @torch.inference_mode()
    def _window(self, num_frames: int) -> np.ndarray:
        """Frame f lies over samples (f - 1) · hop … (f + 1) · hop, so frames of a window that
        starts in the middle of the wave are whole from the second on."""
        hop = self._backend.config.hop
        first = max(0, self._start - self._past - 1)
        part = self._held.take(first * hop, self._needed())
        latent = self._backend.model.analyse(self._backend.tensor(part)[None, None])[0].T
        begin = self._start - first
        self._start += num_frames
        return latent[begin : begin + num_frames].float().cpu().numpy()


class Synthesis:
    """A latent on its way to the wave; see `Stream`."""

    def __init__(self, backend: TorchBackend, window_frames: int) -> None:
        self._backend, self._window_frames = backend, window_frames
        self._past, self._future = decoder_context(backend.config)
        self._held = _Sliding()
        self._start = 0

    def push(self, piece: np.ndarray) -> list[np.ndarray]:
        """Shape: latent [F, D] -> waves [T]."""
        self._held.add(piece)
        step, found = self._window_frames, []
        while self._held.stop >= self._start + step + self._future + 1:
            found.append(self._window(step))
        return found

    def finish(self) -> list[np.ndarray]:
        """Shape: -> waves [T], spaces between frames, `hop` samples each."""
        found = []
        while self._start < self._held.stop - 1:
            left = self._held.stop - 1 - self._start
            found.append(self._window(min(self._window_frames, left)))
        return found

    @torch.inference_mode()
    def _window(self, num_spaces: int) -> np.ndarray:
        hop, step = self._backend.config.hop, self._window_frames
        first = max(0, self._start - self._past)
        part = self._held.take(first, self._start + step + self._future + 1)
        hiss = self._backend.tensor(noise(first * hop, len(part) * hop))
        latent = self._backend.tensor(part).T.unsqueeze(0)
        wave = self._backend.model.synthesise(latent, hiss.unsqueeze(0))[0, 0]
        begin = (self._start - first) * hop
        self._start += num_spaces
        return wave[begin : begin + num_spaces * hop].cpu().numpy()


class _Sliding:
    """Rows that are joined as they come, and forgotten from the front."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._start = self.stop = 0

    def add(self, rows: np.ndarray) -> None:
        """Shape: [N, ...]."""
        self._parts.append(rows)
        self.stop += len(rows)

    def take(self, start: int, stop: int) -> np.ndarray:
        """Rows start … stop, or fewer at the end; those before `start` are forgotten."""
        held = np.concatenate(self._parts)[start - self._start :]
        self._parts, self._start = [held], start
        return held[: stop - start]
