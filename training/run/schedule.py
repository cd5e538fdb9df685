"""The learning rate over a phase: a rise, a level stretch, a cosine down to zero."""

import math

from training.recipe import PhaseConfig


def learning_rate(phase: PhaseConfig, done: int) -> float:
    """The rate of the step after `done` steps of `phase`.

    >>> phase = PhaseConfig(steps=100, learning_rate=1.0e-2, warmup_steps=10, cooldown=0.5)
    >>> [round(learning_rate(phase, step), 4) for step in (0, 9, 49, 75, 100)]
    [0.001, 0.01, 0.01, 0.005, 0.0]
    """
    rise = min(1.0, (done + 1) / max(1, phase.warmup_steps))
    left = max(0.0, 1.0 - done / phase.steps)
    if phase.cooldown == 0.0 or left >= phase.cooldown:
        return phase.learning_rate * rise
    fall = 0.5 * (1.0 - math.cos(math.pi * left / phase.cooldown))
    return phase.learning_rate * rise * fall
