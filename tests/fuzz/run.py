"""Coverage-guided fuzzing with Atheris: `python tests/fuzz/run.py reader --minutes 5`.

`make fuzz MINUTES=10` runs every target. What it finds interesting is kept in --corpus; an input
that breaks something is written to the working folder, and the exit code is not 0.
"""

import argparse
import resource
import sys
from pathlib import Path


def main() -> None:
    """Run one target for so many minutes."""
    import atheris  # the extra `fuzz`; pytest looks for doctests here without it

    with atheris.instrument_imports(include=["codec"]):
        sys.path.insert(0, str(Path(__file__).parent))
        import targets

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=list(targets.TARGETS))
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--corpus", type=Path, default=Path(".cache/fuzz"))
    chosen = parser.parse_args()
    corpus = chosen.corpus / chosen.target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(targets.seeds(chosen.target)):
        (corpus / f"seed-{number}").write_bytes(data)
    run = targets.TARGETS[chosen.target]
    options = [
        f"-max_total_time={max(1, round(60 * chosen.minutes))}",
        f"-max_len={2 * max(map(len, targets.seeds(chosen.target)))}",
        "-timeout=60",
        f"-rss_limit_mb={_peak_mb() + 2_048}",
        "-print_final_stats=1",
        f"-artifact_prefix={chosen.target}-",
    ]
    atheris.Setup([sys.argv[0], str(corpus), *options], lambda data: run(data) and None)
    atheris.Fuzz()


def _peak_mb() -> int:
    """The peak of memory so far, which Linux lets a process inherit from the one before exec."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
