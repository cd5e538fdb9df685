"""Jobs of the page that are cleared while they run."""

from collections.abc import Iterator

import pytest

jobs = pytest.importorskip("app.demo.page.jobs", reason="gradio is not installed")


def shown(clears: dict[str, int]) -> Iterator[str]:
    """What a job of three steps shows, the third of which is its last."""
    run = jobs.until_cleared(lambda: iter("abc"), lambda: "empty")
    yield from run(clears)


def test_a_job_that_is_not_cleared_shows_all() -> None:
    assert list(shown({"count": 0, "jobs": 0})) == ["a", "b", "c"]


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_what_a_cleared_job_says_last_is_nothing(steps: int) -> None:
    """Also if its last step was on its way to the page."""
    clears = {"count": 0, "jobs": 0}
    job = shown(clears)
    seen = [next(job) for _ in range(steps)]
    clears["count"] += 1
    assert [*seen, *job] == [*"abc"[:steps], "empty"]


def test_a_cleared_job_leaves_alone_what_the_next_one_shows() -> None:
    clears = {"count": 0, "jobs": 0}
    job = shown(clears)
    next(job)
    clears["count"] += 1
    assert next(shown(clears)) == "a"
    assert list(job) == []
