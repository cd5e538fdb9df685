"""The engine of several machines: one Ray actor a core, each with the model loaded once.

Every machine needs this package installed, and the recordings, manifests and checkpoint at the
same paths. Codes come back to this process, which alone writes shards.
"""

import time
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from app.tokens.engine import Group
from app.tokens.recording import Outcome, Settings
from app.tokens.worker import Tokenizer
from codec.errors import CodecError, ConfigError
from training.evaluation.jobs.ray_cluster import ONE_THREAD, join

WAITING = 2
"""Groups that each actor has at hand: one under way, one next."""
PATIENCE_S = 300.0
"""How long is waited for a first actor, or for one again after all have died."""
ASK_EVERY_S = 1.0
"""Time between two questions to an actor whether it is up."""


class RayPool:
    """Actors on a cluster, or on this machine if no address is given."""

    def __init__(
        self, settings: Settings, num_actors: int | None = None, address: str | None = None
    ) -> None:
        """Join or start Ray, and start the actors.

        Args:
            num_actors: one for each core (on a GPU, each GPU) of the cluster if None or 0.
            address: a running cluster's; "auto" finds the one of this machine.

        Raises:
            ConfigError: no cluster answers there.
        """
        self._ours = not ray.is_initialized()
        if self._ours:
            join(num_actors, address)
        one_each = "GPU" if settings.device.startswith("cuda") else "CPU"
        count = num_actors or max(1, int(ray.cluster_resources().get(one_each, 1)))
        actor: Any = ray.remote(Tokenizer)
        options = {"max_restarts": -1, "num_cpus": 1}
        if settings.device.startswith("cuda"):
            options["num_gpus"] = 1
        self._actors = [
            actor.options(**options, runtime_env=ONE_THREAD).remote(settings) for _ in range(count)
        ]
        self._load: dict[int, int] = {}
        """Groups at hand, of each actor that is up."""
        self._down: dict[int, tuple[Any, float]] = {}
        """A call that an actor will answer once it is up, and when it was made."""
        self._running: dict[Any, tuple[int, Group]] = {}
        for index in range(count):
            self._ask(index)

    @property
    def window(self) -> int:
        """Groups that may be under way; actors that are not up yet count nothing."""
        return WAITING * max(1, len(self._load))

    def submit(self, group: Group) -> None:
        """Give it to the actor with the least at hand, waiting for one if none is up.

        Raises:
            ConfigError: none comes up.
        """
        end = time.monotonic() + PATIENCE_S
        self._look()
        while not self._load:
            if time.monotonic() > end:
                raise ConfigError(f"no worker of Ray is up after {PATIENCE_S:g} s")
            time.sleep(0.05)
            self._look()
        index = min(self._load, key=self._load.__getitem__)
        self._load[index] += 1
        self._running[self._actors[index].outcomes.remote(group)] = index, group

    def wait(self) -> list[tuple[Group, list[Outcome] | None]]:
        """See `Pool.wait`."""
        ready: list[Any] = []
        while not ready:
            self._look()
            timeout = ASK_EVERY_S if self._down else None
            ready, _ = ray.wait(list(self._running), num_returns=1, timeout=timeout)
        index, group = self._running.pop(ready[0])
        found = _result(ready[0])
        if found is None and self._load.pop(index, None) is not None:
            self._ask(index)
        elif self._load.get(index):  # 0 or missing: it died and came up since
            self._load[index] -= 1
        return [(group, found)]

    def _ask(self, index: int) -> None:
        self._down[index] = self._actors[index].pid.remote(), time.monotonic()

    def _look(self) -> None:
        """Note which actors have come up, for the first time or again."""
        for index, (call, asked_s) in list(self._down.items()):
            if not ray.wait([call], timeout=0)[0]:
                continue
            try:
                ray.get(call)
            except RayError:  # on its way; what it is given now fails
                if time.monotonic() - asked_s > ASK_EVERY_S:
                    self._ask(index)
            else:
                del self._down[index]
                self._load[index] = 0

    def pids(self) -> list[int]:
        """The actors' processes, once they are up."""
        return [ray.get(actor.pid.remote()) for actor in self._actors]

    def close(self) -> None:
        """Stop the actors, and Ray if it was started here."""
        for actor in self._actors:
            ray.kill(actor)
        if self._ours:
            ray.shutdown()


def _result(reference: Any) -> list[Outcome] | None:
    """The outcomes behind `reference`; None if its actor died."""
    try:
        found: list[Outcome] = ray.get(reference)
    except RayActorError:
        return None
    except RayTaskError as error:
        if isinstance(error.cause, CodecError):
            raise error.cause from error
        raise
    except RayError:  # out of memory, a lost machine
        return None
    return found
