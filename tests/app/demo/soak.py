"""The demo under visitors who hurry, break off and send nonsense: does it end as it began?

    python tests/app/demo/soak.py                     200 requests of 20 visitors, shipped weights
    python tests/app/demo/soak.py --requests 40 --visitors 4 --checkpoint FILE

Half as many requests come first: they load what is loaded on use, and let pools and caches grow to
their size. What the demo takes after them is compared with what it takes in the end, each time once
uploads and results were swept. Exit code
1 if it takes more, or if an answer was wrong. Linux only.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

KEEP_MINUTES = 1.5
SWEPT_S = 240.0
"""Longest wait for the sweeper."""
KILL_EVERY = 50
"""Requests between two kills of a process that scores."""


@dataclass(frozen=True)
class Footprint:
    """What the demo takes of the machine."""

    memory_mb: float
    """Resident, of all its processes."""
    disk_mb: float
    num_files: int
    num_processes: int
    num_threads: int
    num_open: int
    """Open files and connections."""

    def exceeds(self, before: "Footprint") -> list[str]:
        """What is more than `before`, beyond how much memory and threads vary without a cause."""
        room = Footprint(0.1 * before.memory_mb + 30.0, 0.0, 0, 0, 4, 4)
        return [
            field.name
            for field, now, then, more in zip(
                fields(self), astuple(self), astuple(before), astuple(room), strict=True
            )
            if now > then + more
        ]


def family(pid: int) -> list[int]:
    """A process and all below it that are more than a dead one's entry."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it ended meanwhile
        if state != "Z":
            parents[int(path.parent.name)] = int(parent)
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def footprint(pid: int, folder: Path) -> Footprint:
    """What process `pid` and those below it take now."""
    memory_kb = num_threads = num_open = 0
    pids = family(pid)
    for one in pids:
        place = Path("/proc", str(one))
        text = (place / "status").read_text()
        lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        memory_kb += int(lines["VmRSS"].split()[0])
        num_threads += int(lines["Threads"])
        num_open += len(list((place / "fd").iterdir()))
    sizes = file_sizes(folder)
    return Footprint(
        memory_kb / 1000, sum(sizes) / 1e6, len(sizes), len(pids), num_threads, num_open
    )


def file_sizes(folder: Path) -> list[int]:
    """Bytes of each file below `folder`, from which the sweeper may take some meanwhile."""
    sizes = []
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                sizes.append(Path(parent, name).stat().st_size)
    return sizes


def swept(pid: int, folder: Path) -> Footprint:
    """The footprint once no file is left of uploads and results, or after a long wait."""
    give_up = time.monotonic() + SWEPT_S
    while (now := footprint(pid, folder)).num_files and time.monotonic() < give_up:
        time.sleep(2.0)
    return now


def send(url: str, pid: int, numbers: range, num_visitors: int) -> Counter[str]:
    """Make requests, some at a time; how often each kind ended how."""
    from visits import KINDS, Visitor, kill_scorer

    def one(number: int) -> str:
        if number and number % KILL_EVERY == 0:
            kill_scorer(family(pid)[1:])
        kind: Callable[[Visitor], str] = KINDS[number % len(KINDS)]
        with Visitor(url, number) as visitor:
            return f"{kind.__name__}: {kind(visitor)}"

    with ThreadPoolExecutor(num_visitors) as pool:
        return Counter(pool.map(one, numbers))


def main() -> None:
    """Run the soak and print how it went."""
    sys.path.insert(0, str(Path(__file__).parent))
    from process import running
    from visits import EXPECTED

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--checkpoint", default="default")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder)
        options = ("--checkpoint", chosen.checkpoint, "--keep-minutes", KEEP_MINUTES)
        votes = ("--votes", temporary / "votes.csv", "--max-minutes", 1)
        with running(*options, *votes, temporary=temporary) as (url, process):
            shelf = next(temporary.glob("nsvq-demo-*"))
            send(url, process.pid, range(chosen.requests // 2), chosen.visitors)
            before = swept(process.pid, shelf)
            started = time.monotonic()
            outcomes = send(url, process.pid, range(chosen.requests), chosen.visitors)
            took_s = time.monotonic() - started
            after = swept(process.pid, shelf)
    for field, then, now in zip(fields(before), astuple(before), astuple(after), strict=True):
        print(f"{field.name}\t{then:g}\t{now:g}")
    for outcome, count in sorted(outcomes.items()):
        print(f"{count}\t{outcome}")
    print(f"{chosen.requests} requests of {chosen.visitors} visitors in {took_s:.0f} s")
    wrong = [outcome for outcome in outcomes if outcome not in EXPECTED]
    wrong += [] if outcomes["score: right"] else ["not one score"]
    more = after.exceeds(before)
    sys.exit(f"wrong: {wrong}; more than before: {more}" if wrong or more else 0)


if __name__ == "__main__":
    main()
