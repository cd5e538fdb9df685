"""The network over waves of any length in bounded memory, with the result of one pass.

Convolutions see a bounded number of frames to both sides. A window that is fed with that many
frames more than it gives out gives out what one pass over everything would:

    codes      |--past--|------- window -------|--future--|
    next one                          |--past--|------- window -------|--future--|

Windows start at multiples of their length from the first frame, whatever the sizes of the blocks
that come in, so the same wave gives the same codes however it is cut up.
"""

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch

from codec.backends.torch_model import CodecModel
from codec.backends.torch_refiner import OVERLAP
from codec.config import ModelConfig
from codec.errors import CheckpointError

WINDOW_S = 30.0
"""Length of a window; shorter for more than `_FULL_CHANNELS` channels, which share the memory."""
_FULL_CHANNELS = 8


def window_frames(config: ModelConfig, num_channels: int) -> int:
    """Frames that one window gives out."""
    seconds = WINDOW_S * min(1.0, _FULL_CHANNELS / num_channels)
    return max(1, round(seconds * config.frame_rate))


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


def encode_windows(
    model: CodecModel,
    blocks: Iterable[np.ndarray],
    num_stages: int,
    frames: int,
    *,
    effort: int = 1,
) -> Iterator[np.ndarray]:
    """Codes of a wave at the model's rate that comes in blocks.

    Args:
        frames: frames a window gives out.
        effort: hypotheses kept in the search for codes.

    Shape: blocks [C, T] float32 -> codes [C, num_stages, F] int64, F in all ceil(T / hop) + 1.
    """
    config, step = model.config, frames
    past, future = context(config, config.encoder_lookahead)
    hop, wave, start = config.hop, _Sliding(blocks), 0

    def encode(part: torch.Tensor) -> torch.Tensor:
        return model.encode(part, num_stages, effort)

    # Frame f lies over samples (f - 1) · hop … (f + 1) · hop, so frames of a window that starts
    # in the middle of the wave are whole from the second on.
    while True:
        first = max(0, start - past - 1)
        part = wave.take(first * hop, (start + step + future) * hop)
        num_frames = min(step, first + -(-part.shape[1] // hop) + 1 - start)
        if not part.shape[1] or num_frames <= 0:
            return
        codes = _by_channel(encode, part[:, None, None], model)
        yield codes[..., start - first : start - first + num_frames]
        start += step


def decode_windows(
    model: CodecModel, blocks: Iterable[np.ndarray], frames: int
) -> Iterator[np.ndarray]:
    """The wave at the model's rate, of codes that come in blocks.

    Args:
        frames: spaces between frames, `hop` samples each, that a window gives out.

    Shape: blocks [C, Q, F] integers -> waves [C, T] float32, T in all (F - 1) · hop.

    Raises:
        CheckpointError: weights so large that samples are not finite.
    """
    config, step = model.config, frames
    past, future = decoder_context(config)
    hop, codes, start = config.hop, _Sliding(blocks), 0
    while True:
        first = max(0, start - past)
        part = codes.take(first, start + step + future + 1)
        num_spaces = min(step, first + part.shape[-1] - 1 - start)
        if num_spaces <= 0:
            return
        decode = functools.partial(model.decode, first_frame=first)
        wave = _by_channel(decode, part[:, None], model)[:, 0]
        if not np.isfinite(wave).all():
            raise CheckpointError("decoding gives NaN or infinite samples: the weights overflow")
        yield wave[:, (start - first) * hop : (start - first + num_spaces) * hop]
        start += step


def _by_channel(
    run: Callable[[torch.Tensor], torch.Tensor], parts: np.ndarray, model: CodecModel
) -> np.ndarray:
    """Run each channel by itself: its result doesn't depend on the others, nor does memory."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        results = [
            run(torch.from_numpy(np.array(part, order="C")).to(device)).cpu() for part in parts
        ]
    return torch.cat(results).numpy()


class _Sliding:
    """Blocks along the last axis, joined as far as needed and forgotten from the left."""

    def __init__(self, blocks: Iterable[np.ndarray]) -> None:
        self._blocks = iter(blocks)
        self._held: np.ndarray | None = None
        self._start = 0

    def take(self, start: int, stop: int) -> np.ndarray:
        """Columns start … stop, or fewer at the end; those before `start` are forgotten."""
        held = [] if self._held is None else [self._held[..., start - self._start :]]
        # With nothing held, `start` is 0: windows begin at the first column.
        length = held[0].shape[-1] if held else 0
        while length < stop - start and (block := next(self._blocks, None)) is not None:
            held.append(block)
            length += block.shape[-1]
        if not held:
            return np.zeros((0, 0))
        self._held = np.concatenate(held, axis=-1) if len(held) > 1 else held[0]
        self._start = start
        return self._held[..., : stop - start]
