"""Corpora by name: what `nsvq train --corpus` can download. To add one, add a line to `CORPORA`.

torchaudio's dataset classes know addresses, checksums and how to unpack; recordings are then found
by their place in the folder and read by `codec.audio`, since torchaudio itself reads none any more.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from codec.errors import TrainingError
from training.corpora.corpus import Corpus, join_corpora
from training.corpora.downloads import download_once
from training.corpora.memory_map import load_packed


class NamedCorpus(NamedTuple):
    """A corpus that can be had by its name."""

    title: str
    licence: str
    parts: Mapping[str, float]
    """Each part and about how many gigabytes (10⁹ bytes) its archive has."""
    default: tuple[str, ...]
    """The parts that the name alone means."""
    download: Callable[[Path, str], object]
    """Downloads one part into a folder, checks and unpacks it."""
    recordings: str
    """Pattern of a part's recordings below that folder."""
    speaker: Callable[[Path], str]
    """Who speaks in a recording, by its path."""


def _librispeech(folder: Path, part: str) -> object:
    from torchaudio.datasets import LIBRISPEECH

    return LIBRISPEECH(folder, part, download=True)


def _libritts(folder: Path, part: str) -> object:
    from torchaudio.datasets import LIBRITTS

    return LIBRITTS(folder, part, download=True)


def _vctk(folder: Path, part: str) -> object:
    from torchaudio.datasets import VCTK_092

    return VCTK_092(str(folder), mic_id="mic1", download=True)


def _cmu_arctic(folder: Path, part: str) -> object:
    from torchaudio.datasets import CMUARCTIC

    # by the address that torchaudio has a checksum for, which isn't the one it has for the name
    url = f"http://festvox.org/cmu_arctic/packed/cmu_us_{part}_arctic.tar.bz2"
    return CMUARCTIC(folder, url, download=True)


_ARCTIC_SPEAKERS = (
    *("aew", "ahw", "aup", "awb", "axb", "bdl", "clb", "eey", "fem"),
    *("gka", "jmk", "ksp", "ljm", "lnh", "rms", "rxr", "slp", "slt"),
)

CORPORA: dict[str, NamedCorpus] = {
    "librispeech": NamedCorpus(
        "LibriSpeech, English audiobooks, 16 kHz",
        "CC BY 4.0",
        {
            "train-clean-100": 6.4,
            "train-clean-360": 23.0,
            "train-other-500": 30.6,
            "dev-clean": 0.34,
            "dev-other": 0.32,
            "test-clean": 0.35,
            "test-other": 0.33,
        },
        ("train-clean-100",),
        _librispeech,
        "LibriSpeech/{part}/*/*/*.flac",
        lambda path: path.parts[-3],
    ),
    "libritts": NamedCorpus(
        "LibriTTS, the same readers by sentences, 24 kHz",
        "CC BY 4.0",
        {
            "train-clean-100": 7.7,
            "train-clean-360": 27.0,
            "train-other-500": 44.0,
            "dev-clean": 1.3,
            "dev-other": 1.0,
            "test-clean": 1.3,
            "test-other": 1.0,
        },
        ("train-clean-100",),
        _libritts,
        "LibriTTS/{part}/*/*/*.wav",
        lambda path: path.parts[-3],
    ),
    "vctk": NamedCorpus(
        "VCTK 0.92, 110 English speakers with many accents, studio, 48 kHz",
        "CC BY 4.0",
        {"0.92": 11.8},
        ("0.92",),
        _vctk,
        "VCTK-Corpus-0.92/wav48_silence_trimmed/*/*_mic1.flac",
        lambda path: path.parts[-2],
    ),
    "cmu-arctic": NamedCorpus(
        "CMU Arctic, 18 speakers of English, one a part, 16 kHz",
        "free for any purpose",
        dict.fromkeys(_ARCTIC_SPEAKERS, 0.1),
        _ARCTIC_SPEAKERS,
        _cmu_arctic,
        "ARCTIC/cmu_us_{part}_arctic/wav/*.wav",
        lambda path: path.parts[-3].split("_")[2],
    ),
}


def load_named(
    names: Sequence[str], folder: Path, sample_rate: int, say: Callable[[str], None]
) -> Corpus:
    """Corpora as `NAME` or `NAME:PART`, downloaded if they aren't in `folder` yet.

    Args:
        folder: where corpora are kept.
        say: told what is downloaded and how large it is, a line at a time.

    Raises:
        TrainingError: no such corpus or part, too little room, a download that failed.
    """
    wanted = [(name, part) for text in names for name, part in _parts(text)]
    return join_corpora(
        [_load_part(name, part, folder, sample_rate, say) for name, part in dict.fromkeys(wanted)]
    )


def _parts(text: str) -> list[tuple[str, str]]:
    """The parts that `NAME` or `NAME:PART` means.

    >>> _parts("librispeech"), _parts("cmu-arctic:bdl")
    ([('librispeech', 'train-clean-100')], [('cmu-arctic', 'bdl')])
    """
    name, colon, part = text.partition(":")
    if name not in CORPORA:
        raise TrainingError(f"no corpus {name!r}; known by name: {', '.join(CORPORA)}")
    corpus = CORPORA[name]
    if colon and part not in corpus.parts:
        raise TrainingError(f"{name} has no part {part!r}; it has {', '.join(corpus.parts)}")
    return [(name, one) for one in ([part] if colon else corpus.default)]


def _load_part(
    name: str, part: str, folder: Path, sample_rate: int, say: Callable[[str], None]
) -> Corpus:
    """One part, from its packed samples (made on first use)."""
    corpus = CORPORA[name]
    place = folder / f"{name}-{part}"
    download_once(
        f"{name}:{part} ({corpus.title}; {corpus.licence})",
        place,
        corpus.parts[part],
        lambda target: corpus.download(target, part),
        say,
    )

    def recordings() -> list[tuple[str, Path]]:
        paths = sorted(place.glob(corpus.recordings.format(part=part)))
        return [(corpus.speaker(path), path) for path in paths]

    return load_packed(name, place, recordings, sample_rate)
