"""Several processes: each needs a GPU of its own; two that train are in test_fit.py."""

import pytest
import torch

from codec.errors import TrainingError
from training.ranks import join


def test_alone_the_device_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join("cuda:1") == "cuda:1"


@pytest.mark.parametrize(("device", "named"), [("cuda:1", "cuda:1"), ("cuda", "1 GPUs")])
def test_processes_do_not_share_a_gpu(
    monkeypatch: pytest.MonkeyPatch, device: str, named: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(TrainingError, match=named):
        join(device)
