"""What the decoder hears in place of codewords while it learns, by its name in a recipe."""

from functools import partial

from training.quantizers.chain import Surrogate
from training.quantizers.diveq import DiVeQ, towards_codeword
from training.quantizers.nsvq import substitute_noise, substitute_shaped_noise
from training.quantizers.rotation import rotate_and_scale
from training.quantizers.straight_through import straight_through

SUBSTITUTES: dict[str, Surrogate] = {
    "noise": substitute_noise,
    "shaped": substitute_shaped_noise,
    "towards": partial(towards_codeword, noise=DiVeQ.noise),
    "rotation": rotate_and_scale,
    "straight": straight_through,
    "hard": lambda x, hard: hard,
}
