"""Pictures: well-formed, bounded, harmless."""

from xml.etree import ElementTree

import numpy as np

from app.demo.markup import alert, cards, table
from app.demo.pictures import Line, curves, spectrograms


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
