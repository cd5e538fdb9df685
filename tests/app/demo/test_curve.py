"""The small bitrate-PESQ curve."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.demo import curve
from app.demo.examples import EXAMPLES
from app.demo.studio import Studio

FILES = Path("/proc/self/fd")


def test_every_clip_at_every_rate_with_progress(studio: Studio, tmp_path: Path) -> None:
    letter = tmp_path / "letter.wav"
    letter.write_text("dear all")
    steps = list(curve.measure(studio, [EXAMPLES[3].path, letter], num_rates=2))
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == 1.0
    last = steps[-1]
    assert [point.kbps for point in last.points] == [studio.rates_kbps[0], studio.rates_kbps[-1]]
    assert all(point.kbps_on_disk > point.kbps for point in last.points)
    assert len(last.failures) == 1
    assert "letter.wav" in last.failures[0]
    table, picture = tmp_path / "curve.csv", tmp_path / "curve.png"
    curve.write_csv(table, last.points)
    curve.write_picture(picture, last.points)
    rows = list(csv.reader(table.read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == curve.COLUMNS
    assert len(rows) == 3
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in curve.draw(last.points)


def test_too_many_clips_are_named(studio: Studio) -> None:
    paths = [Path(f"{n}.wav") for n in range(curve.MAX_CLIPS + 1)]
    last = list(curve.measure(studio, paths, num_rates=1))[-1]
    assert "left out" in last.failures[0]


@pytest.mark.skipif(not FILES.exists(), reason="open files are listed in /proc")
def test_pictures_drawn_in_many_threads_leave_no_files_open(tmp_path: Path) -> None:
    """Each thread that drew one opened the fonts anew, and a demo has forty."""
    points = [curve.Point("a", 1.0, 1.1, 2.0, 0.8), curve.Point("a", 2.0, 2.1, 3.0, 0.9)]
    curve.write_picture(tmp_path / "first.png", points)
    before = len(list(FILES.iterdir()))
    for number in range(5):
        with ThreadPoolExecutor(1) as thread:
            thread.submit(curve.write_picture, tmp_path / f"{number}.png", points).result()
    assert len(list(FILES.iterdir())) <= before
