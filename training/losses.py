"""What a rebuilt wave is scored by while training, one function per loss.

Every loss takes `wave, target [B, 1, T]` at 16 kHz in float32 and gives a scalar; less is better.
"""

from collections.abc import Callable, Iterable
from functools import cache

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional

SAMPLE_RATE = 16_000
MEL_WINDOWS = (64, 128, 256, 512, 1024, 2048)
COMPLEX_WINDOWS = (256, 512, 1024)


def mel_loss(wave: Tensor, target: Tensor) -> Tensor:
    """Mean |log10 mel - log10 mel| over `MEL_WINDOWS`: hears magnitudes, from 4 to 128 ms.

    Shape: wave, target [B, 1, T] -> scalar.
    """
    return _mean(_mel_loss_at(wave, target, window) for window in MEL_WINDOWS)


def complex_loss(wave: Tensor, target: Tensor) -> Tensor:
    """Mean |X - Y| of square-root compressed complex spectra over `COMPLEX_WINDOWS`: hears phase.

    Shape: wave, target [B, 1, T] -> scalar.
    """
    return _mean(_complex_loss_at(wave, target, window) for window in COMPLEX_WINDOWS)


def pesq_loss(wave: Tensor, target: Tensor) -> Tensor:
    """A differentiable approximation of PESQ's disturbance, from the package torch-pesq.

    A model tuned on it is scored with metrics it was not tuned on as well (model card).

    Shape: wave, target [B, 1, T] -> scalar.
    """
    return _pesq_module(wave.device)(target[:, 0], wave[:, 0]).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mel": mel_loss,
    "complex": complex_loss,
    "pesq": pesq_loss,
}


def _mel_loss_at(wave: Tensor, target: Tensor, window: int) -> Tensor:
    filters = _mel_filters(window, wave.device)

    def log_mel(x: Tensor) -> Tensor:
        bins = _stft(x, window)
        magnitude = (bins.real**2 + bins.imag**2 + 1e-12).sqrt()
        return (magnitude @ filters).clamp_min(1e-5).log10()

    with torch.no_grad():
        goal = log_mel(target)
    return (log_mel(wave) - goal).abs().mean()


def _complex_loss_at(wave: Tensor, target: Tensor, window: int) -> Tensor:
    def compress(x: Tensor) -> Tensor:
        bins = _stft(x, window)
        scale = (bins.real**2 + bins.imag**2 + 1e-9).rsqrt().sqrt()
        return torch.stack([bins.real * scale, bins.imag * scale])

    with torch.no_grad():
        goal = compress(target)
    return (compress(wave) - goal).abs().mean()


def _stft(wave: Tensor, window: int) -> Tensor:
    """Four-fold overlap, also at the ends: a sample no window weighs would never be learnt.

    Shape: wave [B, 1, T] -> [B, F, window / 2 + 1] complex.
    """
    step = window // 4
    padded = functional.pad(wave[:, 0], (window - step, window - step))
    frames = padded.unfold(-1, window, step) * _hann(window, wave.device)
    return torch.fft.rfft(frames)


def _mean(values: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean()


@cache
def _hann(window: int, device: torch.device) -> Tensor:
    return torch.hann_window(window, device=device) * (2.0 / window)


@cache
def _mel_filters(window: int, device: torch.device) -> Tensor:
    """Shape: [window / 2 + 1, bands]."""
    filters = torchaudio.functional.melscale_fbanks(
        window // 2 + 1,
        0.0,
        SAMPLE_RATE / 2,
        min(80, window // 8 + 2),
        SAMPLE_RATE,
        norm=None,
        mel_scale="slaney",
    )
    return filters.to(device)


@cache
def _pesq_module(device: torch.device) -> nn.Module:
    from torch_pesq import PesqLoss

    return PesqLoss(1.0, sample_rate=SAMPLE_RATE).to(device)
