"""Several processes on one model: joining them, who am I, and a decision for all.

`torchrun --nproc-per-node 2 -m app train …` starts them; each takes its share of every batch.
DistributedDataParallel averages their gradients (`training/run/forward.py`). With one
process alone, all of this does nothing.
"""

import os
from collections.abc import Iterable

import torch
from torch import distributed

from codec.errors import TrainingError


def join(device: str) -> str:
    """Join the processes torchrun started, if it did; the device this one trains on.

    Raises:
        TrainingError: one GPU named for them all, or fewer GPUs than processes.
    """
    if "WORLD_SIZE" not in os.environ or distributed.is_initialized():
        return device
    if not device.startswith("cuda"):
        distributed.init_process_group("gloo")
        return device
    local, found = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if device != "cuda":
        raise TrainingError(f"device {device!r} for several processes; cuda gives each its own")
    if local >= found:
        raise TrainingError(f"{found} GPUs here, one for each process; start no more than that")
    torch.cuda.set_device(local)  # else all exchange through the first
    distributed.init_process_group("nccl")
    return f"cuda:{local}"


def rank() -> int:
    """This process's number; 0 writes the files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def num_ranks() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def average_over_ranks(tensors: Iterable[torch.Tensor]) -> None:
    """Replace each tensor by its mean over all processes, in place."""
    if num_ranks() > 1:
        for tensor in tensors:
            distributed.all_reduce(tensor)
            tensor.div_(num_ranks())


def agree(decision: bool) -> bool:
    """What the first rank decided."""
    if num_ranks() == 1:
        return decision
    flag = torch.tensor([float(decision)])
    if distributed.get_backend() == "nccl":
        flag = flag.cuda()
    distributed.broadcast(flag, 0)
    return bool(flag.item())


def sum_over_ranks(value: torch.Tensor) -> torch.Tensor:
    """The sum of every process's `value`, as a new tensor."""
    if num_ranks() == 1:
        return value
    total = value.clone()
    distributed.all_reduce(total)
    return total


def copy_from_first_rank(value: torch.Tensor) -> None:
    """Give every process the first one's `value`, in place: random choices differ between them."""
    if num_ranks() > 1:
        distributed.broadcast(value, 0)
