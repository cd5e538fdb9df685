"""The engine of several machines: one Ray actor a core, each with the model loaded once.

Every machine needs this package installed, and the recordings, manifests and checkpoint at the
same paths. Codes come back to this process, which alone writes shards.
"""

import os
import time
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from app.tokens.local import THREADS
from app.tokens.recording import Outcome, Recording, Settings
from app.tokens.worker import Tokenizer
from codec.errors import CodecError, ConfigError

WAITING = 2
"""Recordings that each actor has at hand: one under way, one next."""
RESTART_S = 300
"""How long a new worker in the place of one that died is waited for."""


class RayPool:
    """Actors on a cluster, or on this machine if no address is given."""

    def __init__(
        self, settings: Settings, num_actors: int | None = None, address: str | None = None
    ) -> None:
        """Join or start Ray, and start the actors.

        Args:
            num_actors: one for each core of the cluster if None or 0.
            address: a running cluster's; "auto" finds the one of this machine.

        Raises:
            ConfigError: no cluster answers there.
        """
        self._ours = not ray.is_initialized()
        if self._ours:
            _join(num_actors, address)
        count = num_actors or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self.window = WAITING * count
        actor: Any = ray.remote(Tokenizer)
        options = {"max_restarts": -1, "num_cpus": 1}
        if settings.device.startswith("cuda"):
            options["num_gpus"] = 1
        environment = {"env_vars": dict.fromkeys(THREADS, "1")}
        self._actors = [
            actor.options(**options, runtime_env=environment).remote(settings) for _ in range(count)
        ]
        self._load = dict.fromkeys(range(count), 0)
        self._running: dict[Any, tuple[int, Recording]] = {}

    def submit(self, recording: Recording) -> None:
        """Give it to the actor with the least at hand."""
        index = min(self._load, key=self._load.__getitem__)
        self._load[index] += 1
        self._running[self._actors[index].outcome.remote(recording)] = index, recording

    def wait(self) -> list[tuple[Recording, Outcome | None]]:
        """See `Pool.wait`."""
        ready, _ = ray.wait(list(self._running), num_returns=1)
        found = []
        for reference in ready:
            index, recording = self._running.pop(reference)
            self._load[index] -= 1
            found.append((recording, _result(reference)))
            if found[-1][1] is None:
                self._revived(index)
        return found

    def _revived(self, index: int) -> None:
        """Wait until an actor that died is up again: what it is given before that fails unseen."""
        for _ in range(RESTART_S):
            try:
                ray.get(self._actors[index].pid.remote())
                return
            except RayError:
                time.sleep(1.0)

    def pids(self) -> list[int]:
        """The actors' processes, once they are up."""
        return [ray.get(actor.pid.remote()) for actor in self._actors]

    def close(self) -> None:
        """Stop the actors, and Ray if it was started here."""
        for actor in self._actors:
            ray.kill(actor)
        if self._ours:
            ray.shutdown()


def _join(num_actors: int | None, address: str | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        options |= {"num_cpus": num_actors or os.cpu_count(), "include_dashboard": False}
        options["address"] = "local"
    else:
        options["address"] = address
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RayError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"no Ray cluster at {address or 'this machine'} ({reason})") from error


def _result(reference: Any) -> Outcome | None:
    """The outcome behind `reference`; None if its actor died."""
    try:
        outcome: Outcome = ray.get(reference)
    except RayActorError:
        return None
    except RayTaskError as error:
        if isinstance(error.cause, CodecError):
            raise error.cause from error
        raise
    except RayError:  # out of memory, a lost machine
        return None
    return outcome
