"""Conditions: what becomes of a codec where speech is not one clean voice.

Clean recordings are changed in known ways, coded, and scored against what was coded (the noisy
recording, say, not the clean one behind it). Opus, where it is installed, meets the same.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.audio import resample, write_audio
from training.evaluation.clips import SAMPLE_RATE, find_clips, read_reference
from training.evaluation.jobs.rows import Row as Scored
from training.evaluation.session import Session
from training.evaluation.session import Settings as Evaluation
from training.experiments.figures import new_figure, save_figure
from training.experiments.speech_clips import BUNDLED
from training.experiments.tables import Row, Tell, as_table, summarise, write_record, write_rows

Change = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
"""`wave [T], another speaker's wave [T'], generator` -> [T'']: a condition."""


@dataclass(frozen=True)
class Settings:
    """How much."""

    data: Path | None = None
    """Folder of clean recordings of one voice each; None is the bundled clips."""
    checkpoint: str = "default"
    """As `nsvq evaluate` takes it: the bitrate varies, as in files, unless `@cbr` follows."""
    rates: tuple[float, ...] = (3.0, 6.0)
    """kbps of the checkpoint."""
    opus_rates: tuple[float, ...] = (8.0, 12.0)
    """kbps of Opus; none leaves it out."""
    clips: int = 24
    longest_s: float = 8.0
    conditions: tuple[str, ...] = ()
    """Names in `CONDITIONS`; none is all of them."""
    processes: int = 1
    seeds: int = 1


QUICK = Settings(
    rates=(3.0,), opus_rates=(), clips=2, longest_s=2.0, conditions=("clean", "noise, 10 dB")
)


def run(settings: Settings, folder: Path, tell: Tell) -> str:
    """Make the recordings, score them, write the results to `folder`; Markdown tables of them."""
    tell(0.0, "recordings")
    shutil.rmtree(folder / "recordings", ignore_errors=True)  # of an earlier run
    names = settings.conditions or tuple(CONDITIONS)
    _write_recordings(settings, names, folder / "recordings")
    session = Session(
        Evaluation(
            data=folder / "recordings",
            checkpoints=(f"nsvq={settings.checkpoint}",),
            rates_kbps=settings.rates,
            peers=("opus",) if settings.opus_rates else (),
            peer_rates_kbps={"opus": settings.opus_rates},
            metrics=METRICS,
            num_processes=settings.processes,
            cache=folder / "cache",
        )
    )
    done = 0

    def count(row: Scored, cached: bool) -> None:
        nonlocal done
        done += 1
        tell(0.05 + 0.9 * done / len(session.jobs), row.clip)

    results = session.run(count)
    rows = [_flat(row) for row in results.rows]
    write_rows(folder / "results.csv", rows)
    tables = {name: _summary(rows, names, name) for name in METRICS}
    failures = [f"{row.system}, {row.clip}: {row.error}" for row in results.failures]
    write_record(folder / "results.json", settings, summaries=tables, failures=failures)
    _draw(tables, folder)
    parts = [f"{name}:\n\n{as_table(tables[name], 'codec', 'method', name)}" for name in METRICS]
    return "\n\n".join([*parts, *session.notices, f"{len(failures)} failures", *failures])


METRICS = ("pesq_wb", "estoi")
"""Quality and intelligibility."""


def add_noise(decibels: float) -> Change:
    """Pink noise (power falls with frequency, as in rooms and traffic) at an SNR in dB."""

    def change(wave: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        spectrum = np.fft.rfft(rng.standard_normal(len(wave)))
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20))
        return _mix(wave, np.fft.irfft(spectrum, len(wave)), decibels)

    return change


def second_voice(wave: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another speaker at the same level, all the time."""
    return _mix(wave, np.resize(other, len(wave)), 0.0)


def scale_voice(factor: float) -> Change:
    """Pitch, formants and speed times `factor`: above 1, towards a child's voice."""

    def change(wave: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return resample(wave[None], round(SAMPLE_RATE * factor), SAMPLE_RATE)[0]

    return change


def reverberate(wave: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room: exponentially decaying noise of 0.5 s (-60 dB), as loud as the direct sound."""
    from scipy.signal import fftconvolve

    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / 0.5)
    return _mix(wave, fftconvolve(wave, tail)[: len(wave)], 0.0)


def telephone(wave: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """300 to 3,400 Hz only."""
    from scipy.signal import butter, sosfilt

    band = butter(6, (300, 3_400), "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(band, wave))


def plucked_chords(wave: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """No speech at all: chords of plucked strings (Karplus and Strong 1983), one every 0.5 s."""
    from scipy.signal import lfilter

    music = np.zeros(len(wave))
    for start in range(0, len(wave), SAMPLE_RATE // 2):
        root = rng.integers(0, 12)
        for step in (0, 4, 7, 12):
            period = round(SAMPLE_RATE / (130.8 * 2 ** ((root + step) / 12)))
            pluck = np.zeros(min(SAMPLE_RATE, len(wave) - start))
            length = min(period, len(pluck))
            pluck[:length] = rng.standard_normal(length)
            loop = np.zeros(period + 2)
            loop[0], loop[period : period + 2] = 1.0, -0.498
            music[start : start + len(pluck)] += lfilter([1.0], loop, pluck)
    return music * np.std(wave) / np.std(music)


CONDITIONS: dict[str, Change] = {
    "clean": lambda wave, other, rng: wave,
    "noise, 20 dB": add_noise(20.0),
    "noise, 10 dB": add_noise(10.0),
    "noise, 0 dB": add_noise(0.0),
    "two voices": second_voice,
    "voice × 1.3": scale_voice(1.3),
    "voice × 0.8": scale_voice(0.8),
    "room": reverberate,
    "telephone band": telephone,
    "30 dB quieter": lambda wave, other, rng: wave * 10**-1.5,
    "plucked chords": plucked_chords,
}


def _mix(wave: np.ndarray, other: np.ndarray, decibels: float) -> np.ndarray:
    """`other` added to `wave` so that their power stands `decibels` apart. Shape: [T] each."""
    scale = np.std(wave) / max(float(np.std(other)), 1e-9)
    return wave + other * scale * 10 ** (-decibels / 20)


def _write_recordings(settings: Settings, names: Sequence[str], folder: Path) -> None:
    """`folder/CONDITION/CLIP.wav`, 16-bit; what would clip is turned down."""
    source = settings.data or BUNDLED[0]
    found = find_clips(source, seconds=(2.0, 30.0))
    clips = found[:: max(1, len(found) // settings.clips)][: settings.clips]
    longest = int(settings.longest_s * SAMPLE_RATE)
    waves = [read_reference(clip)[:longest] / 32768.0 for clip in clips]
    for place, name in enumerate(names):
        for number, wave in enumerate(waves):
            rng = np.random.default_rng((place, number))
            other = waves[(number + len(waves) // 2) % len(waves)]
            changed = CONDITIONS[name](wave, other, rng)
            changed = changed / max(1.0, float(np.abs(changed).max()) / 0.99)
            path = folder / name / f"{number:03d}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_audio(path, changed[None].astype(np.float32), SAMPLE_RATE)


def _flat(row: Scored) -> Row:
    """A scored clip as a row of this laboratory."""
    codec = f"{row.system} {row.nominal_kbps:g}"
    scores = {name: row.scores.get(name) for name in METRICS}
    return {"method": row.corpus, "codec": codec, "clip": row.clip, "kbps": row.kbps} | scores


def _summary(rows: Sequence[Row], names: Sequence[str], metric: str) -> list[Row]:
    """Mean and interval by condition and codec, in the order of `names`."""
    scored = [row for row in rows if row[metric] is not None]
    summary = summarise(scored, ("method", "codec"), metric)
    return sorted(summary, key=lambda row: names.index(row["method"]))


def _draw(tables: dict[str, list[Row]], folder: Path) -> None:
    """Scores by condition, a mark for each codec."""
    figure, panels = new_figure(len(tables))
    for axes, (metric, rows) in zip(panels, tables.items(), strict=True):
        for number, codec in enumerate(dict.fromkeys(row["codec"] for row in rows)):
            mine = [row for row in rows if row["codec"] == codec]
            axes.errorbar(
                [row[metric] for row in mine], [row["method"] for row in mine],
                xerr=[row["plus_minus"] for row in mine],
                fmt="osD^v<>"[number % 7], markersize=4, capsize=2, label=codec,
            )  # fmt: skip
        axes.set_xlabel(metric)
        axes.invert_yaxis()
    panels[0].legend(fontsize=7)
    save_figure(figure, folder, "conditions")
