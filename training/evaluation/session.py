"""A whole evaluation from its settings: which systems, which clips, which rows, what follows."""

import datetime
import math
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from codec.audio import read_audio, to_pcm16, write_audio
from codec.errors import CodecError, EvaluationError
from codec.live import NONE, Redundancy
from training.evaluation.clips import SAMPLE_RATE, Clip, find_clips, read_reference
from training.evaluation.jobs.cache import Cache
from training.evaluation.jobs.job import Engine, Job, code_clip, run_jobs
from training.evaluation.jobs.rows import Row, first_twice, read_csv
from training.evaluation.metrics.registry import find_metric
from training.evaluation.report.page import Sample
from training.evaluation.report.relatives import NOT_STATED
from training.evaluation.statistics.results import Results, gather
from training.evaluation.systems.folders import DecodedClip, DecodedFolder
from training.evaluation.systems.lossy import (
    Channel,
    Packets,
    PacketSystem,
    lossy_peers,
    lossy_systems,
)
from training.evaluation.systems.peers import Peer
from training.evaluation.systems.system import (
    CheckpointSystem,
    System,
    checkpoint_system,
    peer_systems,
)
from training.evaluation.versions import package_version


@dataclass(frozen=True)
class Settings:
    """What to evaluate."""

    data: Path | None = None
    """Folder of recordings; None to draw tables alone."""
    checkpoints: tuple[str, ...] = ("default",)
    """Names or paths, each perhaps behind `name=`."""
    rates_kbps: tuple[float, ...] = ()
    """Bitrates of the checkpoints; none: all."""
    peers: tuple[str, ...] = ()
    custom_peers: Mapping[str, Peer] = field(default_factory=dict)
    peer_rates_kbps: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    decoded: tuple[DecodedFolder, ...] = ()
    """What other codecs made of the clips elsewhere."""
    channels: tuple[Channel, ...] = ()
    """Send packets through these instead of writing files."""
    copies: tuple[Redundancy, ...] = (NONE,)
    """Of earlier frames in the packets; each is a system of its own."""
    dtx: bool = False
    """Whether packets without speech are not sent."""
    packet_vbr: bool = False
    """Whether packets have as many stages as their frames need."""
    pause_s: float = 0.0
    """Background before and after each clip that is sent in packets."""
    metrics: tuple[str, ...] = ("pesq_wb", "stoi", "estoi")
    """The first one picks the worst clips and leads the report."""
    seconds: tuple[float, float] = (0.0, math.inf)
    """Shortest and longest clip to take."""
    limit: int | None = None
    seed: int = 0
    num_processes: int = 1
    engine: str = "local"
    """Processes of this machine, or "ray"."""
    address: str | None = None
    """A running Ray cluster's; None starts Ray here."""
    cache: Path = Path(".cache/evaluate")
    tables: tuple[Path, ...] = ()
    """Per-clip tables of other codecs to draw beside."""
    command: str = ""
    """The command line, for the record."""


class Session:
    """The systems, clips and jobs of an evaluation, made ready by its settings.

    Raises:
        EvaluationError, CheckpointError: something asked for can't be had.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        for name in settings.metrics:
            find_metric(name)
        self.systems: list[System] = []
        self.notices: list[str] = []
        """What was asked for and can't be had, one line each."""
        self.clips: list[Clip] = []
        self._ours: Sequence[CheckpointSystem | PacketSystem] = []
        self._decoded_jobs: list[Job] = []
        if settings.data is not None:
            self._find(settings, settings.data)
        self.tables = self._read_tables(settings.tables)
        self.jobs = [
            Job(system, rate, clip, settings.metrics)
            for clip in self.clips
            for system in self.systems
            for rate in system.rates_kbps
        ] + self._decoded_jobs
        self._cache = Cache(settings.cache)

    def run(self, report: Callable[[Row, bool], None] = lambda row, cached: None) -> Results:
        """Every job's row and what follows, external tables included."""
        settings = self.settings
        engine = _ray_engine(settings) if settings.engine == "ray" else None
        rows = run_jobs(self.jobs, self._cache, settings.num_processes, report, engine)
        rows.sort(key=lambda row: (row.system, row.nominal_kbps, row.clip))
        ours = [system.name for system in self._ours]
        return gather(
            [*rows, *self.tables], settings.metrics, ours, self._about(), seed=settings.seed
        )

    def samples(self, rows: Sequence[Row]) -> list[Sample]:
        """The waves of `rows`, coded again where the cache has none; external rows have none."""
        found, jobs = [], {job.blank.identity: job for job in self.jobs}
        for row in rows:
            job = jobs.get(row.identity)
            if job is None:
                continue
            try:
                reference = read_reference(job.clip)
                found.append(Sample(row, reference, self._decoded(job, reference)))
            except (CodecError, OSError):
                continue
        return found

    def _find(self, settings: Settings, data: Path) -> None:
        self._ours, peers, self.notices = _systems(settings)
        self.systems = [*self._ours, *peers]
        names = [system.name for system in self.systems]
        names += {folder.name for folder in settings.decoded}
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise EvaluationError(f"two codecs are called {twice[0]!r}; call one NAME=...")
        self.clips = find_clips(
            data, seconds=settings.seconds, limit=settings.limit, seed=settings.seed
        )
        self._decoded_jobs = [job for folder in settings.decoded for job in self._read(folder)]

    def _read(self, folder: DecodedFolder) -> list[Job]:
        """A job for each clip that was decoded elsewhere; what is missing is told."""
        label = f"{folder.name} {folder.kbps:g}"
        if any((f.name, f.kbps) == (folder.name, folder.kbps) and f is not folder
               for f in self.settings.decoded):  # fmt: skip
            raise EvaluationError(f"{label} is decoded twice; give one another name or bitrate")
        found = folder.find(self.clips)
        if len(found) < len(self.clips):
            self.notices.append(f"{label} is decoded for {len(found)} of {len(self.clips)} clips")
        return [
            Job(DecodedClip(folder.name, folder.kbps, found[clip.name]), folder.kbps, clip,
                self.settings.metrics)
            for clip in self.clips if clip.name in found
        ]  # fmt: skip

    def _read_tables(self, paths: Sequence[Path]) -> list[Row]:
        """Rows of external tables: of this run's clips if it has any, and of codecs not run here.

        A mean over other clips is another figure, so what is left out is told.
        """
        here = {system.name for system in self.systems}
        here |= {folder.name for folder in self.settings.decoded}
        rows = [row for path in paths for row in read_csv(path)]
        if row := first_twice(rows):
            raise EvaluationError(f"{row.system} {row.nominal_kbps:g} is in two of the tables")
        for name in sorted(here & {row.system for row in rows}):
            self.notices.append(f"{name} of the tables left out: it runs here")
        rows = [row for row in rows if row.system not in here]
        if not self.clips:
            return rows
        clips = {clip.name for clip in self.clips}
        for name in dict.fromkeys(row.system for row in rows):
            found = {row.clip for row in rows if row.system == name} & clips
            if len(found) < len(clips):
                self.notices.append(f"{name} of the tables has {len(found)} of {len(clips)} clips")
        return [row for row in rows if row.clip in clips]

    def _decoded(self, job: Job, reference: np.ndarray) -> np.ndarray:
        """[T] int16 of what the job's codec gives back, kept beside its row."""
        path = self._cache.wave_path(job.key())
        if path.exists():
            return to_pcm16(read_audio(path)[0][0])
        wave = code_clip(job, reference).wave
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, wave[None] / np.float32(32768), SAMPLE_RATE)
        return wave

    def _codec_versions(self) -> dict[str, str]:
        """What each codec says of its release, by name; those that say nothing are left out."""
        first = {job.system.name: job.system for job in self._decoded_jobs}
        systems = {system.name: system for system in self.systems} | first
        return {name: told for name, system in systems.items() if (told := system.version())}

    def _about(self) -> dict[str, Any]:
        """What another run needs to come out the same."""
        settings = self.settings
        judges = {word for name in settings.metrics for word in find_metric(name).packages}
        packages = ("nsvq-codec", "torch", "numpy", "pesq", "pystoi", "soxr", *sorted(judges))
        return {
            "date": datetime.date.today().isoformat(),
            "command": settings.command,
            "data": f"{len(self.clips)} clips of {settings.data.name if settings.data else 'none'}",
            "tables": ", ".join(path.name for path in settings.tables) or "none",
            "seed": str(settings.seed),
            "systems": ", ".join(f"{s.name} ({s.identity()[:12]})" for s in self.systems),
            "decoded": ", ".join(f"{f.name} {f.kbps:g}" for f in settings.decoded) or "none",
            "codec_versions": self._codec_versions(),
            "trained_on": {system.name: _trained_on(system) for system in self._ours},
            "versions": ", ".join(f"{name} {package_version(name)}" for name in packages),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}",
        }


def _ray_engine(settings: Settings) -> Engine:
    from training.evaluation.jobs.ray_jobs import score_on_ray

    return partial(score_on_ray, num_cores=settings.num_processes, address=settings.address)


def _systems(
    settings: Settings,
) -> tuple[Sequence[CheckpointSystem | PacketSystem], list[System], list[str]]:
    """Ours, the peers, and a line for each that can't be had."""
    ours = [checkpoint_system(text, settings.rates_kbps) for text in settings.checkpoints]
    if not settings.channels:
        rates = {name: settings.rates_kbps for name in settings.custom_peers if settings.rates_kbps}
        rates |= settings.peer_rates_kbps
        return ours, *peer_systems(settings.peers, settings.custom_peers, rates)
    names = (*settings.peers, *settings.custom_peers)
    opus_rates = settings.peer_rates_kbps.get("opus", ())
    peers, notices = lossy_peers(names, opus_rates, settings.channels)
    ways = Packets(settings.dtx, settings.packet_vbr, settings.pause_s)
    lossy = lossy_systems(ours, settings.channels, settings.copies, ways)
    return lossy, peers, notices


def _trained_on(system: CheckpointSystem | PacketSystem) -> str:
    told = system.trained_on()
    return NOT_STATED if told is None else ", ".join(told) or "none of these scores"
