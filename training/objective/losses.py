"""What a rebuilt wave is scored by while training, one function per loss.

Every loss takes `wave, target [B, 1, T]` at 16 kHz in float32 and gives a scalar; less is better.
"""

import math
from collections.abc import Callable, Iterable
from functools import cache

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional

SAMPLE_RATE = 16_000
MEL_WINDOWS = (64, 128, 256, 512, 1024, 2048)
COMPLEX_WINDOWS = (256, 512, 1024)
HARMONIC_WINDOWS = (512, 1024)
BALANCE_WINDOW = 1024


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


def low_complex_loss(wave: Tensor, target: Tensor) -> Tensor:
    """As `complex_loss`, with a weight that falls with frequency: 1 at 0 Hz, a half at 1.2 kHz, a
    tenth at 3.6 kHz. Where phase can't be known, the mean over what it might be is silence and
    tones, so nothing should ask for it there.

    Shape: wave, target [B, 1, T] -> scalar.
    """
    return _mean(
        _complex_loss_at(wave, target, window, half_hz=1_200.0) for window in COMPLEX_WINDOWS
    )


def harmonic_loss(wave: Tensor, target: Tensor) -> Tensor:
    """Mean |log10 |X| - log10 |Y|| of single bins over `HARMONIC_WINDOWS`: hears harmonics apart
    where bands of mel are too wide for it. What is 50 dB below a frame's loudest bin counts little,
    as does what is above 4 kHz, where speech is rather noise than tones.

    Shape: wave, target [B, 1, T] -> scalar.
    """
    return _mean(_harmonic_loss_at(wave, target, window) for window in HARMONIC_WINDOWS)


def balance_loss(wave: Tensor, target: Tensor) -> Tensor:
    """Mean |log10 - log10| of each band's energy over the whole excerpt, in bands of a sixth of
    their frequency, at least 62.5 Hz. Losses of single frames ask for a median where peaks can't be
    foreseen, which is less than the mean: vowels lose their formants' level to it.

    Shape: wave, target [B, 1, T] -> scalar.
    """
    bands = _sixths(BALANCE_WINDOW, wave.device)

    def energy(x: Tensor) -> Tensor:
        bins = _stft(x, BALANCE_WINDOW)
        return (bins.real**2 + bins.imag**2).sum(1) @ bands

    with torch.no_grad():
        goal = energy(target)
        floor = 1e-6 * goal.amax(-1, keepdim=True) + 1e-9
    return ((energy(wave) + floor).log10() - (goal + floor).log10()).abs().mean()


def wave_loss(wave: Tensor, target: Tensor) -> Tensor:
    """Mean |x - y| of samples: a click weighs by its height, where logarithms would forgive it.

    Shape: wave, target [B, 1, T] -> scalar.
    """
    return (wave - target).abs().mean()


def pesq_loss(wave: Tensor, target: Tensor) -> Tensor:
    """A differentiable approximation of PESQ's disturbance, from the package torch-pesq.

    The package scores whole groups of frames only, and levels both waves first: a click in what is
    left at the end costs nothing there and lowers everything else. So silence is put around the
    waves until every sample is in a group. A model tuned on this loss is scored with metrics it
    was not tuned on as well (model card).

    Shape: wave, target [B, 1, T] -> scalar.
    """
    padding = _whole_groups(wave.shape[-1])
    padded = functional.pad(wave[:, 0], padding)
    return _pesq_module(wave.device)(functional.pad(target[:, 0], padding), padded).mean()


def envelope_loss(wave: Tensor, target: Tensor) -> Tensor:
    """One minus the correlation of third-octave envelopes over 0.4 s, where somebody speaks.

    What intelligibility measures listen to (Taal et al. 2011, "STOI"), without their clipping: a
    model tuned on it is scored with metrics it was not tuned on as well.

    Shape: wave, target [B, 1, T] -> scalar.
    """
    loud, goal = _envelopes(wave), _envelopes(target)
    energy = goal.square().sum((2, 3))
    spoken = energy > 1e-4 * energy.amax(1, keepdim=True).clamp_min(1e-9)

    loud, goal = (x - x.mean(3, keepdim=True) for x in (loud, goal))
    floor = 1e-8  # bands below it in both waves count as alike
    norms = [x.square().sum(3) + floor for x in (loud, goal)]
    correlation = (((loud * goal).sum(3) + floor) / (norms[0] * norms[1]).sqrt()).mean(2)
    return 1.0 - (correlation * spoken).sum() / spoken.sum().clamp_min(1)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mel": mel_loss,
    "complex": complex_loss,
    "low_complex": low_complex_loss,
    "harmonic": harmonic_loss,
    "balance": balance_loss,
    "wave": wave_loss,
    "pesq": pesq_loss,
    "envelope": envelope_loss,
}


FAMILIES: dict[str, str] = {
    "mel": "mel",
    "complex": "wave",
    "low_complex": "wave",
    "harmonic": "mel",
    "balance": "mel",
    "wave": "wave",
    "pesq": "pesq",
    "envelope": "stoi",
}
"""Family of scores that each loss is a relative of, as a checkpoint's `trained_on` names it: no
score of that family is a judge of the weights."""


def _envelopes(wave: Tensor) -> Tensor:
    """Third-octave envelopes in segments of 30 frames of 12.8 ms.

    Shape: wave [B, 1, T] -> [B, segments, bands, 30].
    """
    window, step, segment = 410, 205, 30
    frames = wave[:, 0].unfold(-1, window, step) * _hann(window, wave.device)
    bins = torch.fft.rfft(frames, 512)
    power = (bins.real**2 + bins.imag**2) @ _third_octaves(512, wave.device)
    return (power + 1e-10).sqrt().unfold(1, segment, 6)


def _whole_groups(num_samples: int) -> tuple[int, int]:
    """Samples of silence before and behind, so that torch-pesq's groups cover all the rest.

    Groups of 20 frames, 10 apart; a frame is 512 samples, 256 apart.

    >>> _whole_groups(20_480)
    (512, 2304)
    """
    window, step, group, stride = 512, 256, 20, 10
    frames = math.ceil((num_samples + window) / step) + 1  # a window of silence on both sides
    frames = group + stride * max(0, math.ceil((frames - group) / stride))
    return window, (frames - 1) * step - num_samples


def _mel_loss_at(wave: Tensor, target: Tensor, window: int) -> Tensor:
    filters = _mel_filters(window, wave.device)

    def log_mel(x: Tensor) -> Tensor:
        bins = _stft(x, window)
        magnitude = (bins.real**2 + bins.imag**2 + 1e-12).sqrt()
        return (magnitude @ filters).clamp_min(1e-5).log10()

    with torch.no_grad():
        goal = log_mel(target)
    return (log_mel(wave) - goal).abs().mean()


def _complex_loss_at(
    wave: Tensor, target: Tensor, window: int, half_hz: float = math.inf
) -> Tensor:
    frequency = torch.arange(window // 2 + 1, device=wave.device) * (SAMPLE_RATE / window)
    weight = 1.0 / (1.0 + (frequency / half_hz).square())

    def compress(x: Tensor) -> Tensor:
        bins = _stft(x, window)
        scale = (bins.real**2 + bins.imag**2 + 1e-9).rsqrt().sqrt()
        return torch.stack([bins.real * scale, bins.imag * scale])

    with torch.no_grad():
        goal = compress(target)
    return ((compress(wave) - goal).abs() * weight).mean()


def _harmonic_loss_at(wave: Tensor, target: Tensor, window: int) -> Tensor:
    frequency = torch.arange(window // 2 + 1, device=wave.device) * (SAMPLE_RATE / window)
    weight = 1.0 / (1.0 + (frequency / 4_000.0) ** 4)

    def magnitude(x: Tensor) -> Tensor:
        bins = _stft(x, window)
        return (bins.real**2 + bins.imag**2 + 1e-12).sqrt()

    with torch.no_grad():
        goal = magnitude(target)
        floor = 0.003 * goal.amax(-1, keepdim=True) + 1e-5
    difference = (magnitude(wave) + floor).log10() - (goal + floor).log10()
    return (difference.abs() * weight).mean()


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
def _sixths(window: int, device: torch.device) -> Tensor:
    """Bands side by side from 0 Hz up, four bins wide or more. Shape: [window / 2 + 1, bands]."""
    count, edges = window // 2 + 1, [0]
    while edges[-1] < count:
        edges.append(edges[-1] + max(4, edges[-1] // 6))
    edges[-1] = count
    band = torch.bucketize(torch.arange(count), torch.tensor(edges), right=True) - 1
    return functional.one_hot(band).float().to(device)


@cache
def _pesq_module(device: torch.device) -> nn.Module:
    from torch_pesq import PesqLoss

    return PesqLoss(1.0, sample_rate=SAMPLE_RATE).to(device)


@cache
def _third_octaves(window: int, device: torch.device) -> Tensor:
    """Fifteen bands from 150 Hz on. Shape: [window / 2 + 1, 15]."""
    frequency = torch.arange(window // 2 + 1) * (SAMPLE_RATE / window)
    centre = 150.0 * 2.0 ** (torch.arange(15) / 3.0)
    low, high = centre * 2 ** (-1 / 6), centre * 2 ** (1 / 6)
    inside = (frequency[:, None] >= low) & (frequency[:, None] < high)
    return inside.float().to(device)
