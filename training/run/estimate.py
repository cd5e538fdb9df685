"""What a run would take, measured on a few steps of each kind of phase it has."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from training.run.run import Run
from training.run.step import take_step

_TIMED_STEPS = 3


def estimate(run: Run) -> dict[str, str]:
    """Parameters, bitrates, delay, memory and time of `run`, ready to print.

    It takes real steps, so the run is not to be used afterwards.
    """
    config, recipe = run.recipe.model, run.recipe
    parameters = sum(p.numel() for p in run.state.model.parameters())
    heard_s = recipe.data.batch_size * recipe.data.crop_s
    seconds = _step_seconds(run)
    total_s = sum(
        phase.steps * step_s for phase, step_s in zip(recipe.phases, seconds, strict=True)
    )
    phases = {
        f"phase {number}, {phase.name}": f"{phase.steps} steps of {step_s:.3f} s, "
        f"{_duration(phase.steps * step_s)}; {heard_s / step_s:.1f} s of audio a second"
        for number, (phase, step_s) in enumerate(zip(recipe.phases, seconds, strict=True))
    }
    return {
        "parameters": f"{parameters / 1e6:.2f} M ({2 * parameters / 1e6:.1f} MB as a checkpoint)",
        "bitrates": f"{config.bitrate_kbps(1):g} to {config.bitrate_kbps():g} kbps in "
        f"{config.num_stages} stages",
        "algorithmic delay": f"{config.delay_ms:g} ms",
        "a step": f"{recipe.data.batch_size} excerpts, {heard_s:.1f} s of audio",
        "memory": _memory(run.state.device),
        **phases,
        "a step of the kind measured last": step_shares(run),
        "the whole run": f"{recipe.num_steps} steps, {_duration(total_s)}, without validation",
    }


def _step_seconds(run: Run) -> list[float]:
    """Seconds a step of each phase; phases that do the same work are measured once."""
    measured: dict[Any, float] = {}
    first, found = 0, []
    for phase in run.recipe.phases:
        work = (
            phase.train,
            phase.substitute,
            phase.teacher,
            frozenset(phase.losses),
            phase.discriminators,
            phase.discriminators_per_step,
        )
        if work not in measured:
            run.state.step = first
            run.train_step()  # the first is slower
            begin = time.perf_counter()
            for number in range(_TIMED_STEPS):  # several: each draws discriminators of its own
                run.state.step = first + number % phase.steps
                run.train_step()
            measured[work] = (time.perf_counter() - begin) / _TIMED_STEPS
        found.append(measured[work])
        first += phase.steps
    return found


def step_shares(run: Run) -> str:
    """Where the time of a step of the run's present phase goes, largest share first.

    It is the last step taken once more.
    """
    spent: dict[str, float] = {}
    clock = _clock(run.state.device)

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        begin = clock()
        yield
        spent[part] = spent.get(part, 0.0) + clock() - begin

    begins: list[float] = []
    quantizer = run.state.model.quantizer
    hooks = [
        quantizer.register_forward_pre_hook(lambda *call: begins.append(clock())),
        quantizer.register_forward_hook(
            lambda *call: spent.update(quantizer=clock() - begins.pop())
        ),
    ]
    run.state.step = max(0, run.state.step - 1)
    take_step(run.state, run.recipe, run.batches, timed)
    for hook in hooks:
        hook.remove()
    spent["network"] -= spent.get("quantizer", 0.0)
    total = sum(spent.values())
    parts = sorted(spent.items(), key=lambda item: -item[1])
    return ", ".join(f"{part} {100 * seconds / total:.0f} %" for part, seconds in parts)


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds: of the processor, whatever else it does, or of the GPU once it is done."""
    if device.type != "cuda":
        return time.process_time

    def now() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return now


def _duration(seconds: float) -> str:
    """In the unit that suits.

    >>> _duration(90.0), _duration(9_000.0)
    ('1.5 min', '2.5 h')
    """
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _memory(device: torch.device) -> str:
    """The most that was held at a time, so ask after some steps."""
    import resource

    here = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB"
    if device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB on the device, {here} beside it"
    return f"{here} with all recordings"
