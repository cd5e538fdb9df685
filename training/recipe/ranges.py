"""Values of a recipe's settings that a run could work with."""

from collections.abc import Mapping

from codec.errors import ConfigError
from training.objective.discriminators import DISCRIMINATORS
from training.objective.losses import LOSSES, SAMPLE_RATE
from training.objective.objective import TAUGHT
from training.quantizers import QUANTIZERS
from training.quantizers.surrogates import SUBSTITUTES
from training.recipe.settings import DataConfig, PhaseConfig, Recipe

PARTS = ("encoder", "quantizer", "decoder", "refiner")
_LARGEST_SEED = 2**24


def check_ranges(recipe: Recipe) -> None:
    """Refuse values no run could work with.

    Raises:
        ConfigError: naming the first.
    """
    checks = [*_of_run(recipe), *_of_data(recipe.data, recipe.model.num_stages)]
    for number, phase in enumerate(recipe.phases):
        checks += _of_phase(f"phases.{number}", phase, recipe)
    for name, good, expected in checks:
        if not good:
            raise ConfigError(f"recipe setting {name} is out of range; expected {expected}")


Checks = list[tuple[str, bool, str]]
"""Each a setting, whether it is good, and what would be."""


def _of_run(recipe: Recipe) -> Checks:
    model = recipe.model
    num_features = 2 * (model.hop + 1)
    return [
        (
            "model.sample_rate",
            model.sample_rate == SAMPLE_RATE,
            f"{SAMPLE_RATE}, which the losses are made for",
        ),
        (
            "model.latent_width",
            model.latent_width <= num_features,
            f"at most {num_features}, the numbers in a frame's spectrum",
        ),
        (
            "data.crop_s",
            recipe.data.crop_s >= 0.4
            or not any("envelope" in phase.losses for phase in recipe.phases),
            "0.4 or more for the envelope loss",
        ),
        ("phases", len(recipe.phases) > 0, "one phase at least"),
        ("seed", 0 <= recipe.seed < _LARGEST_SEED, f"0 to {_LARGEST_SEED - 1}"),
        ("quantizer", recipe.quantizer in QUANTIZERS, f"one of {', '.join(QUANTIZERS)}"),
        ("codebook_learning", recipe.codebook_learning in ("ema", "gradient"), "ema or gradient"),
        ("weight_decay", recipe.weight_decay >= 0, "0 or more"),
        ("clip_norm", recipe.clip_norm > 0, "more than 0"),
        ("average_decay", 0 <= recipe.average_decay < 1, "0 to less than 1"),
    ]


def _of_data(data: DataConfig, top: int) -> Checks:
    stages = [int(n) if n.isdecimal() else 0 for n in data.stage_shares]
    weighs = not data.shares or _weighs(data.shares)
    return [
        ("data.batch_size", data.batch_size >= 1, "1 or more"),
        ("data.crop_s", 0.2 < data.crop_s <= 60.0, "more than 0.2 and at most 60"),
        (
            "data.lowest_gain_db",
            data.lowest_gain_db <= data.highest_gain_db,
            "no more than highest_gain_db",
        ),
        ("data.speed_share", 0.0 <= data.speed_share <= 1.0, "from 0 to 1"),
        (
            "data.lowest_speed",
            0.25 <= data.lowest_speed <= data.highest_speed <= 4.0,
            "from 0.25 to highest_speed, which is 4 at most",
        ),
        ("data.mix_share", 0.0 <= data.mix_share <= 1.0, "from 0 to 1"),
        ("data.shares", weighs, "no share below 0 and one above it"),
        (
            "data.stage_shares",
            _weighs(data.stage_shares) and all(1 <= n <= top for n in stages),
            f"shares of numbers of stages from 1 to {top}, none below 0 and one above it",
        ),
    ]


def _weighs(shares: Mapping[str, float]) -> bool:
    return min(shares.values(), default=0.0) >= 0.0 < sum(shares.values())


def _of_phase(where: str, phase: PhaseConfig, recipe: Recipe) -> Checks:
    substitutes = [*SUBSTITUTES, "none"]
    taught = bool(set(phase.losses) & set(TAUGHT))
    codebook_learning = recipe.codebook_learning
    absent = set() if recipe.model.refiner_lookahead else {"refiner"}
    by_gradient = codebook_learning == "gradient" and phase.substitute != "none"
    return [
        (f"{where}.steps", phase.steps >= 1, "1 or more"),
        (f"{where}.learning_rate", 0 < phase.learning_rate < 1, "between 0 and 1"),
        (f"{where}.warmup_steps", phase.warmup_steps >= 0, "0 or more"),
        (f"{where}.cooldown", 0 <= phase.cooldown <= 1, "0 to 1"),
        (
            f"{where}.refit_from",
            0 <= phase.refit_from <= recipe.model.num_stages,
            f"0 to {recipe.model.num_stages}, the model's stages",
        ),
        (f"{where}.substitute", phase.substitute in substitutes, " or ".join(substitutes)),
        (f"{where}.vbr_share", 0.0 <= phase.vbr_share <= 1.0, "0 to 1"),
        (f"{where}.lost_share", 0.0 <= phase.lost_share <= 1.0, "0 to 1"),
        (
            f"{where}.train",
            len(set(phase.train) - absent) > 0 and set(phase.train) <= set(PARTS),
            f"some of {', '.join(PARTS)}",
        ),
        (
            f"{where}.train",
            set(phase.train) != {"quantizer"} or by_gradient,
            "another part too: codebooks that learn by moving average, or that nothing is coded "
            "with, leave nothing to the optimizer",
        ),
        (
            f"{where}.substitute",
            phase.substitute != "noise" or "quantizer" in phase.train,
            "another where the quantizer doesn't learn: noise is for its training",
        ),
        (
            f"{where}.losses",
            len(phase.losses) > 0 and set(phase.losses) <= {*LOSSES, *TAUGHT},
            f"weights of some of {', '.join([*LOSSES, *TAUGHT])}",
        ),
        (
            f"{where}.rates",
            set(phase.rates) <= set(PARTS) and min(phase.rates.values(), default=0.0) >= 0.0,
            f"shares of the learning rate for some of {', '.join(PARTS)}",
        ),
        (
            f"{where}.rates",
            "quantizer" not in phase.rates or codebook_learning != "ema",
            "none for the quantizer: its moving average has no rate; leave it out of train",
        ),
        (
            f"{where}.discriminators",
            set(phase.discriminators) <= set(DISCRIMINATORS)
            and bool(phase.discriminators) == taught,
            f"some of {', '.join(DISCRIMINATORS)} where losses name {' or '.join(TAUGHT)}, "
            "else none",
        ),
        (
            f"{where}.discriminators_per_step",
            0 <= phase.discriminators_per_step <= len(phase.discriminators),
            f"0 (all) to {len(phase.discriminators)}, as many as there are",
        ),
        (f"{where}.discriminator_rate", 0 < phase.discriminator_rate < 1, "between 0 and 1"),
    ]
