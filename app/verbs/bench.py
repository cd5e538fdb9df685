"""`nsvq bench`: what coding costs, beside other codecs, in one run."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.options import comma_numbers, comma_words, jobs_option
from app.workers import num_cores
from codec.backends.loading import BACKENDS

if TYPE_CHECKING:
    from app.encode_cost import BackendCost, Size
    from app.packet_cost import PacketCost
    from training.evaluation.cost.speed import Cost

_MISSING = "–"
_KBPS = 8.0
"""Of files, unless said otherwise."""
Plan = tuple[str, str, float, float]
"""Kind, source, kbps and seconds: what `training.evaluation.cost.speed.measure` takes."""


def _known_backends(
    ctx: click.Context | None, parameter: click.Parameter | None, text: str
) -> tuple[str, ...]:
    """Callback of `--backends`."""
    names = comma_words(ctx, parameter, text)
    for name in names:
        if name not in BACKENDS:
            raise click.BadParameter(f"no backend {name!r}; known: {', '.join(BACKENDS)}")
    return names


@click.command()
@click.option("--checkpoint", default="default", show_default=True, help="Weights to measure.")
@click.option(
    "--peers",
    callback=comma_words,
    default="opus,speex,codec2",
    show_default=True,
    metavar="NAME,...",
    help="Other codecs to measure in the same run.",
)
@click.option(
    "--neural",
    callback=comma_words,
    default="",
    metavar="NAME,...",
    help="Neural codecs by architecture, untrained: mimi, encodec, dac (package transformers).",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=1.0),
    default=10.0,
    show_default=True,
    help="Length of the audio.",
)
@click.option(
    "--lengths",
    callback=comma_numbers,
    default="1,10,60",
    show_default=True,
    metavar="S,...",
    help="Lengths at which the checkpoint's cost must stay in proportion.",
)
@click.option(
    "--repeats",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Runs, of which the median counts.",
)
@click.option(
    "--backends",
    callback=_known_backends,
    default=",".join(BACKENDS),
    show_default=True,
    metavar="NAME,...",
    help="What computes the network, each measured where it is installed.",
)
@click.option(
    "--clips",
    type=click.IntRange(1, 10_000),
    default=8,
    show_default=True,
    metavar="N",
    help="Clips of about 6.5 s in the folder that `nsvq encode DIR` is timed on; 200 for a figure "
    "to publish.",
)
@jobs_option
@click.option(
    "--live",
    "live_s",
    type=click.FloatRange(min=1.0),
    metavar="SECONDS",
    help="Measure nothing but a conversation: what each packet costs over that much speech.",
)
@click.option(
    "--rates",
    callback=comma_numbers,
    default="",
    metavar="KBPS,...",
    help="With --live: bitrates to measure, by default those of one, half and all of the stages.",
)
@click.option(
    "--bitrate",
    type=float,
    metavar="KBPS",
    help="Of files; the highest on offer that isn't above it.  [default: 8]",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON a measurement.")
def command(
    *, checkpoint: str, peers: tuple[str, ...], neural: tuple[str, ...], seconds: float,
    lengths: tuple[float, ...], repeats: int, backends: tuple[str, ...], clips: int,
    num_processes: int | None, live_s: float | None, rates: tuple[float, ...],
    bitrate: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure speed, delay, memory and arithmetic on one thread.

    Times are processor seconds for a second of audio, so that other programs on the machine matter
    little; whole `nsvq encode` processes and folders are timed by the clock. Compare figures of one
    run only.

    \b
    nsvq bench
    nsvq bench --peers opus --neural mimi,encodec --seconds 4
    nsvq bench --backends numpy --clips 200 --jobs 2 --peers ""
    nsvq bench --live 60
    nsvq bench --live 3600 --rates 6
    """
    if live_s is not None and bitrate is not None:
        raise click.UsageError("--bitrate is of files; packets take --rates")
    if live_s is not None:
        _bench_packets(checkpoint, live_s, rates, as_json)
        return
    from app.encode_cost import Size
    from codec.catalog import describe_checkpoint, find_checkpoint
    from training.evaluation.cost.speed import measure

    info = describe_checkpoint(find_checkpoint(checkpoint))
    stages = sorted({1, (info.config.num_stages + 1) // 2, info.config.num_stages})
    offered = [info.config.bitrate_kbps(count) for count in stages]
    kbps = info.config.bitrate_kbps(info.config.stages_for(bitrate or max(_KBPS, offered[0])))
    size = Size(kbps, seconds, repeats, clips, num_processes or num_cores())
    _bench_backends(backends, info.path, size, as_json)
    ours = ("checkpoint", str(info.path), kbps, seconds)
    tables = {
        "Codecs": [ours, *_plan_peers(peers, kbps, seconds), *_plan_neural(neural, seconds)],
        "Cost against stages": [("checkpoint", str(info.path), rate, seconds) for rate in offered],
        "Cost against length": [("checkpoint", str(info.path), kbps, s) for s in lengths],
    }
    for title, plan in tables.items():
        costs = [measure(*words, repeats) for words in plan]
        _print(title, costs, as_json)
        if title == "Cost against length" and len(costs) > 1 and not as_json:
            per_second = [cost.encode_rtf + cost.decode_rtf for cost in costs]
            click.echo(
                f"Cost for a second of audio at {costs[-1].seconds:g} s is "
                f"{per_second[-1] / per_second[0]:.2f} times that at {costs[0].seconds:g} s."
            )


def _bench_packets(
    checkpoint: str, seconds: float, rates: tuple[float, ...], as_json: bool
) -> None:
    """What a conversation costs at `rates`, or the lowest bitrate, half the stages and the highest.

    Raises:
        ConfigError: a bitrate below the lowest.
    """
    from app.packet_cost import measure_packets
    from app.work import load_codec

    codec = load_codec(checkpoint)
    most = codec.config.num_stages
    stages = [codec.stages_for(kbps) for kbps in rates] or sorted({1, (most + 1) // 2, most})
    costs = [measure_packets(codec, count, seconds) for count in stages]
    if as_json:
        _print_json("Packets", costs)
        return
    names = ("kbps", "packets", "processor ms", "95 %", "wall ms", "95 %", "of it encoding",
             "MB", "growth MB", "codes that files have otherwise")  # fmt: skip
    rows = [
        (c.kbps, str(c.num_packets), c.processor_ms_median, c.processor_ms_p95, c.wall_ms_median,
         c.wall_ms_p95, c.encode_ms_median, c.memory_mb, c.growth_mb,
         f"{c.differing_codes} of {c.compared_codes}")
        for c in costs
    ]  # fmt: skip
    _print_table(f"Packets of {costs[0].packet_ms:g} ms, one thread", names, rows)


def _bench_backends(names: tuple[str, ...], checkpoint: Path, size: "Size", as_json: bool) -> None:
    """Every backend that is installed; others are told on stderr."""
    from app import encode_cost

    for name in names:
        if reason := encode_cost.missing(name):
            click.echo(f"nsvq: {reason}", err=True)
    costs = [
        encode_cost.measure_backend(name, checkpoint, size)
        for name in names
        if not encode_cost.missing(name)
    ]
    _print_backends(costs, as_json)


def _plan_peers(names: tuple[str, ...], kbps: float, seconds: float) -> list[Plan]:
    """Every peer that can run here, at its bitrate nearest to `kbps`; others are told on stderr."""
    from training.evaluation.systems.system import peer_systems

    systems, skipped = peer_systems(names, {}, {})
    for line in skipped:
        click.echo(f"nsvq: {line}", err=True)
    return [
        ("peer", system.name, min(system.rates_kbps, key=lambda r: abs(r - kbps)), seconds)
        for system in systems
    ]


def _plan_neural(names: tuple[str, ...], seconds: float) -> list[Plan]:
    """Every architecture, if the package that holds them is here; if not, a line on stderr."""
    from training.evaluation.cost.neural import ARCHITECTURES, missing

    for name in names:
        if name not in ARCHITECTURES:
            raise click.BadParameter(f"no architecture {name!r}; known: {', '.join(ARCHITECTURES)}")
    if names and (reason := missing()):
        click.echo(f"nsvq: {', '.join(names)} skipped: {reason}", err=True)
        return []
    return [("neural", name, math.nan, seconds) for name in names]


def _print(title: str, costs: "list[Cost]", as_json: bool) -> None:
    names = ("codec", "kbps", "audio s", "encode", "decode", "start s", "delay ms",
             "first sound ms", "peak MB", "model MB", "GMAC/s")  # fmt: skip
    rows = [
        (c.name, c.kbps, c.seconds, c.encode_rtf, c.decode_rtf, c.start_s, c.delay_ms,
         c.first_sound_ms, c.peak_mb, c.model_mb, c.macs / 1e9)
        for c in costs
    ]  # fmt: skip
    _print_json(title, costs) if as_json else _print_table(title, names, rows)


def _print_backends(costs: "list[BackendCost]", as_json: bool) -> None:
    title = "Backends"
    names = ("backend", "encode", "decode", "× real time", "nsvq encode s", "nsvq encode MB",
             "clips", "jobs", "folder audio s/s")  # fmt: skip
    rows = [
        (c.backend, c.encode_rtf, c.decode_rtf, c.times_real_time, c.process_s, c.process_mb,
         c.clips, c.num_jobs, c.audio_per_s)
        for c in costs
    ]  # fmt: skip
    _print_json(title, costs) if as_json else _print_table(title, names, rows)


def _print_json(title: str, costs: "Sequence[Cost | BackendCost | PacketCost]") -> None:
    """One line each; what was not measured is null."""
    for cost in costs:
        values = {
            k: None if isinstance(v, float) and math.isnan(v) else v
            for k, v in asdict(cost).items()
        }
        click.echo(json.dumps({"table": title, **values}))


def _print_table(
    title: str, names: tuple[str, ...], rows: Sequence[tuple[str | float, ...]]
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*names, title=title)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, str) else _number(cell) for cell in row))
    Console(width=max(110, Console().width)).print(table)


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else _MISSING
