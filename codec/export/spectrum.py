"""Spectra without complex numbers: the windowed Fourier transform as a convolution with a stride.

    wave [B, 1, T] --Conv: a window long, a hop apart--> bins [B, 2 · num_bins, F]

Real parts come first, then imaginary parts. The way back is the transposed convolution, which
windows and adds up frames where they overlap.
"""

import numpy as np

from codec.export.graph import Graph
from codec.export.layers import turned

_FLOOR = 1e-9


def analyse(
    g: Graph, wave: str, hop: int, window: np.ndarray, pads: tuple[int, int]
) -> tuple[str, str]:
    """Real and imaginary parts of the bins of frames as long as the window.

    Args:
        pads: zeros before and after the wave; frames that are not whole are left out.

    Shape: wave [B, T], window [size] -> [B, F, num_bins] each.
    """
    kernel = g.constant(_forward(window)[:, None], f"fourier_{len(window)}_{hop}")
    bins = g("Conv", g("Unsqueeze", wave, g.integers(1)), kernel, strides=[hop], pads=list(pads))
    real, imag = g.split(turned(g, bins), 2)
    return real, imag


def synthesise(g: Graph, real: str, imag: str, hop: int, window: np.ndarray) -> str:
    """Frames added up, from the first one's first sample to the last one's last.

    Shape: [B, F, num_bins] each, window [size] -> wave [B, (F - 1) · hop + size].
    """
    size = len(window)
    kernel = _inverse(window) * np.float32(2.0 * hop / size)
    bins = turned(g, g("Concat", real, imag, axis=-1))
    constant = g.constant(kernel[:, None], f"inverse_fourier_{size}_{hop}")
    return g("Squeeze", g("ConvTranspose", bins, constant, strides=[hop]), g.integers(1))


def scaled(g: Graph, real: str, imag: str, exponent: float) -> tuple[str, str]:
    """Both parts times the magnitude to the power of `exponent`. Shape: [B, F, num_bins] each."""
    power = g("Add", g("Add", g("Mul", real, real), g("Mul", imag, imag)), g.number(_FLOOR))
    scale = g("Pow", power, g.number(0.5 * exponent))
    return g("Mul", real, scale), g("Mul", imag, scale)


def with_magnitude(g: Graph, real: str, imag: str) -> str:
    """What the networks see. Shape: [B, F, num_bins] each -> [B, F, 3 · num_bins]."""
    power = g("Add", g("Add", g("Mul", real, real), g("Mul", imag, imag)), g.number(1e-6))
    return g("Concat", real, imag, g("Sqrt", power), axis=-1)


def _forward(window: np.ndarray) -> np.ndarray:
    """Shape: [size] -> [2 · num_bins, size] float32."""
    size = len(window)
    angle = 2.0 * np.pi * (np.outer(np.arange(size // 2 + 1), np.arange(size)) % size) / size
    return (np.concatenate([np.cos(angle), -np.sin(angle)]) * window).astype(np.float32)


def _inverse(window: np.ndarray) -> np.ndarray:
    """Shape: [size] -> [2 · num_bins, size] float32."""
    size = len(window)
    share = np.full(size // 2 + 1, 2.0 / size)  # each bin stands for its mirror image too
    share[0] = share[-1] = 1.0 / size
    return (_forward(window) * np.tile(share, 2)[:, None]).astype(np.float32)
