"""Small uploads that claim a lot: refused or taken, they cost a bounded amount of memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.demo import bundles
from app.demo.limits import Limits
from app.demo.studio import Studio
from codec.audio import write_audio
from codec.errors import AudioError
from tests.app.demo import budget

BUDGET_MB = 300.0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_no_upload_costs_more_than_the_budget(checkpoint: Path) -> None:
    """Those of 15 kB and 113 kB took 2.6 GB and 756 MB before samples were bounded."""
    pytest.importorskip("gradio", reason="Gradio is not installed")
    done = subprocess.run(
        [sys.executable, budget.__file__, str(checkpoint)],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    print(done.stdout)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [outcome for outcome, *_ in rows] == ["taken", "refused", "taken", "refused", "taken"]
    assert max(float(growth_mb) for _, growth_mb, _ in rows) <= BUDGET_MB


@pytest.mark.parametrize(
    ("sample_rate", "channels", "seconds"),
    [(768_000, 8, 30), (655_350, 8, 20), (1_000, 8, 290), (768_000, 1, 40), (48_000, 2, 301)],
)
def test_channels_times_samples_are_bounded(sample_rate: int, channels: int, seconds: int) -> None:
    limits = Limits(300.0, 28_800_000, 16_000)
    with pytest.raises(AudioError, match="takes up to"):
        limits.check(sample_rate, channels, sample_rate * seconds)


def test_what_is_longer_than_its_header_says_is_stopped() -> None:
    limits = Limits(1.0, 10_000, 1_000)
    blocks = limits.watched((np.zeros((2, 3_000)) for _ in range(9)), 48_000)
    with pytest.raises(AudioError, match="takes up to"):
        list(blocks)


def test_both_directions_refuse_in_plain_words(studio: Studio, tmp_path: Path) -> None:
    """The demo of the tests takes 0.5 minutes, so 2.88 million samples."""
    recording = tmp_path / "wide.flac"
    write_audio(recording, np.zeros((8, 400_000), np.float32), 96_000)
    code = budget.claim(tmp_path / "wide.nsvq", studio.codec, 96_000, 8, 4.0)
    for result in (
        bundles.encode_one(studio, recording, 1.8),
        bundles.decode_one(studio, code, None),
    ):
        assert result.output is None
        assert "million samples" in result.note
    with pytest.raises(AudioError, match="million samples"):
        studio.open_clip(recording)
    assert [path for path in studio.shelf.root.rglob("*") if path.is_file()] == []
