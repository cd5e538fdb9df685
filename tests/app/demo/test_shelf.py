"""Temporary files: names, secrecy, age."""

import os
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.demo.shelf import ABORTED_S, MAX_NAME, Shelf, safe_name


@given(st.text(max_size=300))
def test_any_name_becomes_a_harmless_one(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= MAX_NAME
    assert Path(safe).name == safe
    assert not safe.startswith(".")
    assert not set(safe) & set('/\\\0\n\r<>"&')


def test_a_long_name_keeps_its_suffix() -> None:
    assert safe_name("a" * 500 + ".wav").endswith("a.wav")


def test_places_differ_and_stay_inside() -> None:
    shelf = Shelf(keep_s=60)
    try:
        places = {shelf.place("../../same.wav") for _ in range(50)}
        assert len({place.parent for place in places}) == 50
        assert all(place.is_relative_to(shelf.root) for place in places)
        assert all(len(place.parent.name) >= 24 for place in places)
        assert (shelf.root.stat().st_mode & 0o077) == 0
    finally:
        shelf.close()


def test_old_files_go_and_young_ones_stay() -> None:
    shelf = Shelf(keep_s=60)
    try:
        old, young = shelf.place("old.wav"), shelf.place("young.wav")
        old.write_bytes(b"1")
        young.write_bytes(b"2")
        past = time.time() - 100
        os.utime(old, (past, past))
        assert shelf.sweep() == 1
        assert not old.exists()
        assert young.exists()
        shelf.sweep(now=time.time() + 1000)
        assert list(shelf.root.iterdir()) == []
    finally:
        shelf.close()


def test_broken_off_uploads_go_long_before_the_rest() -> None:
    """Gradio writes an upload at the top of the folder and moves it down once it is complete."""
    shelf = Shelf(keep_s=3600)
    try:
        broken, growing = shelf.root / "tmp1", shelf.root / "tmp2"
        whole = shelf.place("whole.wav")
        for path, age_s in ((broken, 2 * ABORTED_S), (growing, 1.0), (whole, 2 * ABORTED_S)):
            path.write_bytes(b"1")
            os.utime(path, (time.time() - age_s,) * 2)
        assert shelf.sweep() == 1
        assert [path.exists() for path in (broken, growing, whole)] == [False, True, True]
    finally:
        shelf.close()


def test_too_much_costs_the_oldest() -> None:
    shelf = Shelf(keep_s=3600, max_bytes=250)
    try:
        paths = [shelf.place(f"{n}.wav") for n in range(4)]
        for age, path in enumerate(reversed(paths)):
            path.write_bytes(bytes(100))
            os.utime(path, (time.time() - 10 * age,) * 2)
        assert shelf.sweep() == 2
        assert [path.exists() for path in paths] == [False, False, True, True]
    finally:
        shelf.close()


def test_nothing_is_left_after_closing() -> None:
    shelf = Shelf(keep_s=0.2)
    shelf.start_sweeping()
    shelf.place("a.wav").write_bytes(b"1")
    shelf.close()
    assert not shelf.root.exists()
