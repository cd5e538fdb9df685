"""Pictures: well-formed, bounded, harmless."""

from xml.etree import ElementTree

import numpy as np
import pytest

from app.demo.markup import alert, cards, table
from app.demo.pictures import Line, curves, lost_packets, spectrograms


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


def test_each_run_of_lost_packets_is_one_bar() -> None:
    lost = np.array([1, 0, 0, 1, 1, 1, 0, 1], bool)
    page = ElementTree.fromstring(lost_packets(lost, 0.02, "lost & gone"))
    bars = [bar for bar in page.iter("rect") if bar.get("class") == "lost"]
    widths = [float(bar.get("width", "0")) for bar in bars]
    assert widths[1] / widths[0] == pytest.approx(3.0, rel=0.01)
    assert widths[2] == pytest.approx(widths[0], rel=0.01)
    assert list(page.iter("line")) != []
    assert [x for x in page.iter("line") if x.get("class") == "grid"] == []  # no scale of y
    for none in (np.zeros(5, bool), np.zeros(0, bool)):
        page = ElementTree.fromstring(lost_packets(none, 0.02, "none"))
        assert list(page.iter("rect")) == []


def test_markup_escapes_what_visitors_wrote() -> None:
    evil = '<img src=x onerror="alert(1)">'
    for text in (alert(evil), table([evil], [[evil, evil]], evil), cards([(evil, evil, evil)])):
        assert "<img" not in text
