"""`nsvq conformance`: whether this installation codes as the one that made the vectors."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.options import backend_option, checkpoint_option, device_option, json_option
from app.work import load_codec
from codec.catalog import FOLDER

if TYPE_CHECKING:
    from codec.conformance import Verdict

VECTORS = FOLDER / "conformance"
"""The vectors of the shipped checkpoint."""


@click.command()
@click.option(
    "--vectors",
    type=click.Path(path_type=Path, file_okay=False),
    default=VECTORS,
    metavar="DIR",
    help="Vectors to compare with; the shipped ones if not given.",
)
@click.option(
    "--make",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Make vectors of the checkpoint instead, into DIR.",
)
@click.option("--force", "-f", is_flag=True, help="Replace vectors that exist.")
@checkpoint_option
@backend_option
@device_option
@json_option
def command(
    *,
    vectors: Path,
    target: Path | None,
    force: bool,
    checkpoint: str,
    backend: str,
    device: str,
    as_json: bool,
) -> None:
    """Compare what this installation codes with vectors made elsewhere.

    Fourteen short signals are coded, and fourteen files decoded: over channels, sample rates,
    bitrates, constant and variable, and lengths. The exit code is 1 if one differs by more than
    another machine's rounding.
    """
    from codec.conformance import check_vectors, failing, make_vectors

    codec = load_codec(checkpoint, backend=backend, device=device)
    if target is not None:
        target.mkdir(parents=True, exist_ok=True)
        written = make_vectors(codec, target, force=force)
        size = sum(path.stat().st_size for path in written)
        click.echo(f"{len(written)} files, {size:,} bytes in {target}")
        return
    verdicts = check_vectors(codec, vectors)
    if as_json:
        click.echo(json.dumps([_facts(verdict) for verdict in verdicts], indent=2))
    else:
        for verdict in verdicts:
            click.echo(_line(verdict))
        passed = len(verdicts) - len(failing(verdicts))
        click.echo(f"{passed} of {len(verdicts)} vectors agree")
    if failing(verdicts):
        raise click.exceptions.Exit(1)


def _facts(verdict: "Verdict") -> dict[str, object]:
    steps = verdict.sample_steps if math.isfinite(verdict.sample_steps) else None
    return asdict(verdict) | {"sample_steps": steps, "passes": verdict.passes}


def _line(verdict: "Verdict") -> str:
    share = 100.0 * verdict.differing_codes / max(1, verdict.num_codes)
    told = verdict.problem or (
        f"{share:.2f} % of {verdict.num_codes} codes differ, decoded samples by at most "
        f"{verdict.sample_steps:g} / 32768"
    )
    return f"{'ok  ' if verdict.passes else 'FAIL'} {verdict.name:<15} {told}"
