"""The two things codebooks need when several processes train one model; no-ops in one process."""

from torch import Tensor, distributed


def _alone() -> bool:
    return not (distributed.is_available() and distributed.is_initialized())


def sum_over_ranks(value: Tensor) -> Tensor:
    """The sum of every rank's `value`."""
    if _alone():
        return value
    total = value.clone()
    distributed.all_reduce(total)
    return total


def copy_from_first_rank(value: Tensor) -> None:
    """Give every rank the first rank's `value`, in place: random choices differ between ranks."""
    if not _alone():
        distributed.broadcast(value, 0)
