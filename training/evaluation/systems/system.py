"""What is compared: our checkpoints and other codecs, all run from a file to a file on disk."""

import functools
import hashlib
import resource
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

import codec
from codec.audio import read_audio, resample, to_pcm16, write_audio
from codec.catalog import describe_checkpoint, find_checkpoint
from codec.errors import CodecError, EvaluationError
from training.evaluation.clips import SAMPLE_RATE
from training.evaluation.systems.peers import PEERS, Peer
from training.evaluation.systems.programs import run_program
from training.evaluation.versions import package_version

if TYPE_CHECKING:
    from codec.codec import Codec

PATIENCE_S, PATIENCE_RTF = 60.0, 20.0
"""A peer's program is ended after so many seconds, and so many more for a second of audio."""


@dataclass(frozen=True)
class Decoded:
    """What came back of a clip, and what it cost."""

    wave: np.ndarray
    """[T] int16 at `SAMPLE_RATE`, read from the decoded file."""
    file_bytes: float
    payload_bytes: float
    """`file_bytes` without a peer's container; of a `.nsvq` file nothing is left out."""
    encode_s: float
    """Processor seconds."""
    decode_s: float
    peak_mb: float


class System(Protocol):
    """A codec that can be scored."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def rates_kbps(self) -> tuple[float, ...]:
        """Bitrates to run it at."""

    def identity(self) -> str:
        """A hash that changes whenever its output may."""

    def version(self) -> str:
        """Which release it is, as its own program says; empty if it doesn't."""

    def code(self, reference: np.ndarray, kbps: float, folder: Path) -> Decoded:
        """Code `reference` ([T] int16) into a file in the empty `folder`, and decode that."""


@dataclass(frozen=True)
class CheckpointSystem:
    """A checkpoint of this project; its files are what `nsvq encode` writes."""

    name: str
    path: Path
    rates_kbps: tuple[float, ...]
    effort: int = 1
    """Hypotheses kept in the search for codes."""
    vbr: bool = True
    """Variable bitrate of files, `rates_kbps` being means; packets have a setting of their own."""

    def identity(self) -> str:
        """Hash of the weights, the effort, the kind of bitrate and the code that runs them."""
        kind = "vbr" if self.vbr else "cbr"
        return f"{_checkpoint_identity(self.path)} effort {self.effort} {kind}"

    def version(self) -> str:
        """The weights' name, and whether the bitrate varies."""
        return f"{self.weights()}, {'variable' if self.vbr else 'constant'} bitrate"

    def weights(self) -> str:
        """The weights' name in coded files."""
        return f"weights {describe_checkpoint(self.path).model_id.hex()}"

    def trained_on(self) -> tuple[str, ...] | None:
        """Families of metrics whose relatives were losses of these weights; None: not stated."""
        told = describe_checkpoint(self.path).metadata.get("trained_on")
        return None if told is None else tuple(w.strip() for w in told.split(",") if w.strip())

    def code(self, reference: np.ndarray, kbps: float, folder: Path) -> Decoded:
        """Through `.nsvq` on disk and back into a 16-bit file, on one thread."""
        ours = load_codec(self.path, self.effort)
        coded, out = folder / "clip.nsvq", folder / "out.wav"
        start = time.process_time()
        wave = reference / np.float32(32768)
        coded.write_bytes(ours.compress(wave, SAMPLE_RATE, kbps, vbr=self.vbr))
        middle = time.process_time()
        decoded, sample_rate = ours.decompress(coded.read_bytes())
        write_audio(out, decoded, sample_rate)
        end = time.process_time()
        data = coded.read_bytes()
        return Decoded(
            read_16bit(out), len(data), len(data), middle - start, end - middle,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )  # fmt: skip


@dataclass(frozen=True)
class PeerSystem:
    """A codec run by its own programs."""

    name: str
    peer: Peer
    rates_kbps: tuple[float, ...]

    def identity(self) -> str:
        """Hash of its commands and programs."""
        return self.peer.identity()

    def version(self) -> str:
        """What its decoder says of itself."""
        return self.peer.version()

    def code(self, reference: np.ndarray, kbps: float, folder: Path) -> Decoded:
        """Through the peer's encoder and decoder.

        Raises:
            EvaluationError: one of them failed, wrote nothing or did not end.
        """
        peer, suffix = self.peer, ".raw" if self.peer.raw else ".wav"
        files = {"in": folder / f"in{suffix}", "code": folder / f"clip{peer.suffix}"}
        files["out"] = folder / f"out{suffix}"
        names = {key: str(path) for key, path in files.items()}
        _write_input(files["in"], reference, peer)
        limit_s = PATIENCE_S + PATIENCE_RTF * len(reference) / SAMPLE_RATE
        encode_s, encode_mb = run_program(
            peer.command(peer.encode, kbps, names), files["code"], limit_s
        )
        decode_s, decode_mb = run_program(
            peer.command(peer.decode, kbps, names), files["out"], limit_s
        )
        data = files["code"].read_bytes()
        return Decoded(
            _read_output(files["out"], peer), len(data), peer.payload(data), encode_s, decode_s,
            max(encode_mb, decode_mb),
        )  # fmt: skip


@functools.lru_cache(maxsize=2)
def load_codec(path: Path, effort: int = 1, backend: str | None = None) -> "Codec":
    """The codec of a checkpoint, once a process, on one thread and warmed up."""
    from codec.codec import Codec

    loaded = Codec.load(path, effort=effort, backend=backend)
    loaded.decompress(loaded.compress(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE))
    return loaded


def checkpoint_system(text: str, rates_kbps: Iterable[float] = ()) -> CheckpointSystem:
    """The checkpoint that `text` names: `[NAME=]default` or a path.

    Behind it, `@8` asks for effort 8 and `@cbr` for a constant bitrate.

    Args:
        rates_kbps: bitrates wanted; each becomes the highest on offer not above it. None: all.

    Raises:
        CheckpointError: there is no such checkpoint.
        EvaluationError: a bitrate below the lowest on offer.
    """
    name, _, source = text.rpartition("=")
    source, effort, vbr = split_options(source)
    path = find_checkpoint(source)
    config = describe_checkpoint(path).config
    try:
        stages = {config.stages_for(rate) for rate in rates_kbps}
    except CodecError as error:
        raise EvaluationError(f"checkpoint {source}: {error}") from error
    stages = stages or set(range(1, config.num_stages + 1))
    rates = tuple(round(config.bitrate_kbps(count), 3) for count in sorted(stages))
    if not name:
        name = "nsvq" if source == "default" else path.stem
        name += "" if vbr else "-cbr"
        name += f" effort {effort}" if effort > 1 else ""
    return CheckpointSystem(name, path, rates, effort, vbr)


def split_options(source: str) -> tuple[str, int, bool]:
    """Path, effort, and whether the bitrate varies, of a checkpoint without `NAME=`.

    >>> split_options("default@8"), split_options("runs/a@2.safetensors@cbr")
    (('default', 8, True), ('runs/a@2.safetensors', 1, False))
    """
    effort, vbr = 1, True
    while True:
        path, sign, word = source.rpartition("@")
        if sign and word == "cbr":
            vbr = False
        elif sign and word.isdigit():
            effort = int(word)
        else:
            return source, effort, vbr
        source = path


def peer_systems(
    names: Iterable[str], custom: Mapping[str, Peer], rates_kbps: Mapping[str, tuple[float, ...]]
) -> tuple[list[System], list[str]]:
    """The peers that can run here, and one line for each that can't.

    Args:
        names: keys of `PEERS`.
        custom: further peers by name (`parse_peer`).
        rates_kbps: bitrates by peer; a peer's own where it is not named.

    Raises:
        EvaluationError: an unknown name, one used twice, or no bitrates for a custom peer.
    """
    wanted = {name: PEERS.get(name) for name in names}
    if taken := sorted(wanted.keys() & custom.keys()):
        raise EvaluationError(f"two peers are called {taken[0]!r}; give the new one another name")
    wanted |= custom
    if unknown := sorted(name for name in rates_kbps if rates_kbps[name] and name not in wanted):
        raise EvaluationError(f"bitrates for {unknown[0]!r}, which is not among the peers")
    systems: list[System] = []
    skipped: list[str] = []
    for name, peer in wanted.items():
        if peer is None:
            raise EvaluationError(f"no peer {name!r}; known: {', '.join(PEERS)}")
        rates = tuple(dict.fromkeys(rates_kbps.get(name, peer.rates_kbps)))
        if not rates:
            raise EvaluationError(f"peer {name!r} needs bitrates: --peer-rates {name}=6,8")
        if reason := peer.missing():
            skipped.append(f"{name} skipped: {reason}")
        else:
            systems.append(PeerSystem(name, peer, rates))
    return systems, skipped


@functools.cache
def _checkpoint_identity(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes() + package_version("numpy").encode())
    for source in sorted(Path(codec.__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _write_input(path: Path, reference: np.ndarray, peer: Peer) -> None:
    wave = reference[None] / np.float32(32768)
    wave = resample(wave, SAMPLE_RATE, peer.sample_rate)
    if peer.raw:
        path.write_bytes(to_pcm16(wave[0]).astype("<i2").tobytes())
    else:
        write_audio(path, wave, peer.sample_rate)


def _read_output(path: Path, peer: Peer) -> np.ndarray:
    if not peer.raw:
        return read_16bit(path)
    data = path.read_bytes()
    wave = np.frombuffer(data[: len(data) // 2 * 2], "<i2") / np.float32(32768)
    return to_pcm16(resample(wave[None], peer.sample_rate, SAMPLE_RATE)[0])


def read_16bit(path: Path) -> np.ndarray:
    """A decoded file as [T] int16 at `SAMPLE_RATE`."""
    wave, sample_rate = read_audio(path)
    return to_pcm16(resample(wave[:1], sample_rate, SAMPLE_RATE)[0])
