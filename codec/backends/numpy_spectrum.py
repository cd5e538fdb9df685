"""Compressed spectra in numpy; `torch_spectrum` has the definition and the picture."""

import numpy as np

FLOOR = np.float32(1e-9)


def window(size: int) -> np.ndarray:
    """The square root of a periodic Hann window. Shape: -> [size] float32."""
    phase = np.arange(size) / size
    return np.sin(np.pi * phase).astype(np.float32)


def analysis_window(size: int) -> np.ndarray:
    """`window` times its size, which `transform` divides by. Shape: -> [size] float32."""
    return window(size) * np.float32(size)


def compress(bins: np.ndarray, compression: float) -> tuple[np.ndarray, np.ndarray]:
    """Real and imaginary parts, magnitudes to the power of `compression`.

    Shape: bins [N, num_bins] complex -> [N, num_bins] float32 each.
    """
    power = np.square(bins.real)
    power += np.square(bins.imag)
    power += FLOOR
    scale = np.power(power, np.float32(0.5 * (compression - 1.0)), out=power)
    return bins.real * scale, bins.imag * scale


def expand(real: np.ndarray, imag: np.ndarray, compression: float) -> np.ndarray:
    """Undo `compress`. Shape: [N, num_bins] each -> [N, num_bins] complex."""
    power = np.square(real)
    power += np.square(imag)
    power += FLOOR
    exponent = 0.5 * (1.0 / compression - 1.0)
    scale = np.sqrt(power, out=power) if exponent == 0.5 else power ** np.float32(exponent)
    bins = np.empty(real.shape, np.complex64)
    np.multiply(real, scale, out=bins.real)
    np.multiply(imag, scale, out=bins.imag)
    return bins


def magnitude(real: np.ndarray, imag: np.ndarray) -> np.ndarray:
    """As the networks see it. Shape: [N, num_bins] each -> [N, num_bins]."""
    power = np.square(real)
    power += np.square(imag)
    power += np.float32(1e-6)
    return np.sqrt(power, out=power)


def transform(frames: np.ndarray) -> np.ndarray:
    """Spectra of frames under an `analysis_window`.

    numpy transforms float32 in float64 unless it also scales, so it divides by the size.

    Shape: [N, size] float32 -> [N, size / 2 + 1] complex64.
    """
    return np.fft.rfft(frames, norm="forward").astype(np.complex64, copy=False)


def inverse(bins: np.ndarray) -> np.ndarray:
    """Shape: [N, num_bins] complex64 -> [N, size] float32."""
    return np.fft.irfft(bins).astype(np.float32, copy=False)


class Framing:
    """A wave in frames that overlap: each ends where its own hop does.

    Args:
        overlap: hops in a frame; before the first sample there are zeros.
    """

    def __init__(self, hop: int, overlap: int) -> None:
        self._hop, self._overlap = hop, overlap
        self._held = np.zeros((overlap - 1) * hop, np.float32)

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """Shape: wave [N · hop] -> frames [N, overlap · hop] (a view)."""
        both = np.concatenate([self._held, wave])
        self._held = both[len(wave) :]
        size = self._overlap * self._hop
        return np.lib.stride_tricks.sliding_window_view(both, size)[:: self._hop]


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
