"""What the operator may set."""

import pytest

from app.demo.settings import DemoSettings
from codec.errors import ConfigError


@pytest.mark.parametrize(
    "bad",
    [
        {"port": -1},
        {"port": 70_000},
        {"max_minutes": 0.0},
        {"max_minutes": 61.0},
        {"max_minutes": float("nan")},
        {"concurrency": 0},
        {"queue_limit": 0},
        {"keep_minutes": 0.0},
    ],
    ids=str,
)
def test_out_of_range_is_named(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(bad))):
        DemoSettings(**bad)  # type: ignore[arg-type]


def test_uploads_have_room_for_the_longest_recording() -> None:
    assert DemoSettings(max_minutes=5).max_upload_bytes >= 5 * 60 * 48_000 * 2 * 3
