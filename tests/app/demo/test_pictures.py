"""Pictures: well-formed, bounded, harmless."""

from xml.etree import ElementTree

import numpy as np
import pytest

from app.demo.markup import alert, cards, table
from app.demo.pictures import MAX_COLUMNS, Line, curves, spectrogram_db, spectrograms


@pytest.mark.parametrize("seconds", [0.01, 1.0, 40.0])
def test_spectrograms_of_any_length_are_bounded(seconds: float) -> None:
    wave = np.random.default_rng(1).standard_normal(int(seconds * 16_000)).astype(np.float32)
    level = spectrogram_db(wave, 16_000)
    assert level.shape[0] == 257
    assert 1 <= level.shape[1] <= MAX_COLUMNS
    assert np.isfinite(level).all()


def test_a_tone_shows_at_its_frequency() -> None:
    wave = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    level = spectrogram_db(wave, 16_000)
    assert level.mean(axis=1).argmax() == pytest.approx(1000 / (16_000 / 512), abs=1)


def test_silence_is_drawn_too() -> None:
    page = ElementTree.fromstring(spectrograms(np.zeros(8_000), np.zeros(7_900), 16_000))
    pictures = page.findall("figure/svg")
    assert len(pictures) == 3
    assert all(picture.get("role") == "img" and picture.get("aria-label") for picture in pictures)


def test_curves_are_well_formed_and_escape_names() -> None:
    lines = [Line("<script>alert(1)</script>", [(1, 1.5), (2, 2.5)]), Line("none", [])]
    text = curves(lines, "title & more", ("x", "y"), mark=(2.0, "<b>here</b>"))
    assert "<script>" not in text
    assert "<b>" not in text
    ElementTree.fromstring(text)


def test_markup_escapes_what_visitors_wrote() -> None:
    evil = '<img src=x onerror="alert(1)">'
    for text in (alert(evil), table([evil], [[evil, evil]], evil), cards([(evil, evil, evil)])):
        assert "<img" not in text
