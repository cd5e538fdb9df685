"""`nsvq demo` itself: what it says, and when it opens a browser."""

import pytest
from click.testing import CliRunner

from app.demo import server
from app.verbs import demo

ADDRESS = "http://127.0.0.1:7860/"


@pytest.mark.parametrize(
    ("options", "terminal", "desktop", "opened"),
    [
        ([], True, True, [ADDRESS]),
        (["--no-browser"], True, True, []),
        ([], False, True, []),
        ([], True, False, []),
    ],
)
def test_a_browser_opens_on_a_desktop(
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    terminal: bool,
    desktop: bool,
    opened: list[str],
) -> None:
    found: list[str] = []
    monkeypatch.setattr(server, "serve", lambda _, announce: announce(ADDRESS))
    monkeypatch.setattr(demo, "in_terminal", lambda: terminal)
    monkeypatch.setattr(demo, "on_desktop", lambda: desktop)
    monkeypatch.setattr(demo.webbrowser, "open", found.append)
    result = CliRunner().invoke(demo.command, options)
    assert result.exit_code == 0, result.output
    assert found == opened
    first, last = result.output.splitlines()
    assert first.startswith("Starting")
    assert ADDRESS in last
