"""Compressed spectra in numpy; `torch_spectrum` has the definition and the picture."""

import numpy as np

from codec.scratch import scratch

FLOOR = np.float32(1e-9)
_MAGNITUDE_FLOOR = np.float32(1e-6)
_TILE = 128  # frames whose spectra stay in a core's cache from operation to operation


def window(size: int) -> np.ndarray:
    """The square root of a periodic Hann window. Shape: -> [size] float32."""
    phase = np.arange(size) / size
    return np.sin(np.pi * phase).astype(np.float32)


def window_apart(hop: int, overlap: int) -> np.ndarray:
    """A `window` with its halves apart; `torch_spectrum` draws it. Shape: -> [2 · hop] float32."""
    rise, fall = np.split(window(2 * overlap), 2)
    apart = hop - overlap
    ones, zeros = np.ones(apart, np.float32), np.zeros(apart, np.float32)
    return np.concatenate([rise, ones, fall, zeros])


def analysis_window(window: np.ndarray) -> np.ndarray:
    """A window times its size, which `transform` divides by. Shape: [size] -> [size]."""
    return window * np.float32(len(window))


def tiles(num_frames: int) -> list[slice]:
    """The frames in turn, as many at once as fit a core's cache."""
    return [slice(start, start + _TILE) for start in range(0, num_frames, _TILE)]


def interleaved(num_bins: int, num_complex: int = 1, num_real: int = 0) -> np.ndarray:
    """Where a checkpoint has each number of spectra as they lie here: it has all real parts of a
    complex spectrum before all imaginary ones.

    Args:
        num_complex, num_real: spectra, complex ones first.

    Shape: -> [(2 · num_complex + num_real) · num_bins].

    >>> interleaved(3, num_real=1)
    array([0, 3, 1, 4, 2, 5, 6, 7, 8])
    """
    pairs = np.arange(2 * num_complex * num_bins).reshape(num_complex, 2, num_bins)
    singles = 2 * num_complex * num_bins + np.arange(num_real * num_bins)
    return np.concatenate([pairs.transpose(0, 2, 1).ravel(), singles])


def spectra(x: np.ndarray, num_bins: int, num_complex: int = 1) -> list[np.ndarray]:
    """Complex spectra that lie side by side, and behind them R real ones, still in one.

    Shape: [N, (2 · num_complex + R) · num_bins] -> [N, num_bins] complex64 each, [N, R · num_bins]
    (views).
    """
    width = 2 * num_bins
    ends = range(width, (num_complex + 1) * width, width)
    parts = [x[:, end - width : end].view(np.complex64) for end in ends]
    return [*parts, x[:, num_complex * width :]]


def features(frames: np.ndarray, window: np.ndarray, compression: float, found: np.ndarray) -> None:
    """Spectra as the networks see them, complex ones and their magnitudes.

    Args:
        window: an `analysis_window`; frames may leave out what lies under zeros at its end.
        compression: exponent on magnitudes.
        found: where they go.

    Shape: frames [N, at most size], window [size], found [N, 3 · num_bins].
    """
    size, num_bins = len(window), len(window) // 2 + 1
    window = window[: frames.shape[1]]
    for rows in tiles(len(frames)):
        part = frames[rows]
        windowed = np.multiply(part, window, out=scratch("windowed", *part.shape))
        bins = transform(windowed, size)
        compressed, magnitude = spectra(found[rows], num_bins)
        scale = _raised(_power(bins, FLOOR), 0.5 * (compression - 1.0))
        np.multiply(bins, scale, out=compressed)
        np.sqrt(_power(compressed, _MAGNITUDE_FLOOR), out=magnitude)


def expand(bins: np.ndarray, compression: float) -> None:
    """Undo the compression of `features`, in place. Shape: [N, num_bins] complex64."""
    bins *= _raised(_power(bins, FLOOR), 0.5 * (1.0 / compression - 1.0))


def _power(bins: np.ndarray, floor: np.float32) -> np.ndarray:
    """Shape: [N, num_bins] complex64 -> [N, num_bins], until the same thread's next call."""
    num, width = len(bins), 2 * bins.shape[1]
    squares = np.square(bins.view(np.float32), out=scratch("squares", num, width))
    power = scratch("power", *bins.shape)
    np.add(squares[:, ::2], squares[:, 1::2], out=power)
    power += floor
    return power


def _raised(power: np.ndarray, exponent: float) -> np.ndarray:
    """To an exponent, in place; those of a compression of 0.5 by roots, which are faster."""
    if exponent == 0.5:
        return np.sqrt(power, out=power)
    if exponent == -0.25:
        np.sqrt(np.sqrt(power, out=power), out=power)
        return np.reciprocal(power, out=power)
    return np.power(power, np.float32(exponent), out=power)


def transform(frames: np.ndarray, size: int) -> np.ndarray:
    """Spectra of frames under an `analysis_window`, filled up with zeros to its size.

    numpy transforms float32 in float64 unless it also scales, so it divides by the size.

    Shape: [N, at most size] float32 -> [N, size / 2 + 1] complex64.
    """
    return np.fft.rfft(frames, size, norm="forward").astype(np.complex64, copy=False)


def inverse(bins: np.ndarray) -> np.ndarray:
    """Shape: [N, num_bins] complex64 -> [N, size] float32."""
    return np.fft.irfft(bins).astype(np.float32, copy=False)


class Framing:
    """A wave in frames that overlap: each ends where its own hop does.

    Args:
        size: of a frame, at least a hop; before the first sample there are zeros.
    """

    def __init__(self, hop: int, size: int) -> None:
        self._hop, self._size = hop, size
        self._held = np.zeros(size - hop, np.float32)

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """Shape: wave [N · hop] -> frames [N, size] (a view)."""
        both = np.concatenate([self._held, wave])
        self._held = both[len(wave) :]
        shape = len(wave) // self._hop, self._size
        steps = self._hop * both.itemsize, both.itemsize
        return np.ndarray(shape, both.dtype, both, 0, steps)


class OverlapAdd:
    """Frames added up where they overlap; a hop comes out once its last frame is in."""

    def __init__(self, hop: int, overlap: int) -> None:
        self._hop, self._overlap = hop, overlap
        self._held = np.zeros((overlap - 1, hop), np.float32)

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """The hops that begin the frames of `overlap - 1` frames ago … now, in order.

        Shape: frames [N, overlap · hop] -> [N, hop].
        """
        count, overlap = len(frames), self._overlap
        parts = frames.reshape(count, overlap, self._hop)
        total = np.zeros((count + overlap - 1, self._hop), np.float32)
        total[: overlap - 1] = self._held
        for part in range(overlap):
            total[part : part + count] += parts[:, part]
        self._held = total[count:]
        return total[:count]
