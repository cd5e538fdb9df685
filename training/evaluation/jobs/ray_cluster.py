"""Joining a Ray cluster, or one that is started on this machine."""

import os
from typing import Any

import ray
from ray.exceptions import RayError

from codec.errors import ConfigError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
ONE_THREAD = {"env_vars": dict.fromkeys(THREADS, "1")}
"""Of a worker's environment: each has one core, and libraries would take all."""


def join(num_cores: int | None, address: str | None) -> None:
    """Join the cluster at `address`, or start Ray on this machine.

    Args:
        num_cores: of a Ray that starts here; all if None or 0.
        address: a running cluster's; "auto" finds the one of this machine.

    Raises:
        ConfigError: no cluster answers there.
    """
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        options |= {"num_cpus": num_cores or os.cpu_count(), "include_dashboard": False}
        options["address"] = "local"
    else:
        options["address"] = address
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RayError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"no Ray cluster at {address or 'this machine'} ({reason})") from error
