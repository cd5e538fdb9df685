"""A recipe: the model, the data and the phases of one training run, read from TOML.

Frozen dataclasses with every default in sight; an unknown key or a value out of range raises
`ConfigError` naming it. `recipes/*.toml` are the ones that ship.
"""

import dataclasses
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codec.config import ModelConfig
from codec.errors import ConfigError
from training.checks import build_settings, check_ranges, table
from training.quantizers.chain import Learning

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class DataConfig:
    """What a batch is made of."""

    batch_size: int = 8
    """B, items a step over all processes."""
    crop_s: float = 1.28
    """Seconds an item."""
    lowest_gain_db: float = -15.0
    """Random gain is drawn uniformly from here …"""
    highest_gain_db: float = 3.0
    """… to here, and kept from clipping."""
    speed_share: float = 0.0
    """Share of items played at another speed, and so another pitch."""
    lowest_speed: float = 0.85
    """A factor, drawn uniformly from here …"""
    highest_speed: float = 1.3
    """… to here."""
    mix_share: float = 0.0
    """Share of items over which a second voice speaks, 0 to 15 dB softer."""
    shares: dict[str, float] = field(default_factory=dict)
    """Weight of each corpus, by folder; empty: each weighs the square root of its seconds."""
    stage_shares: dict[str, float] = field(default_factory=lambda: {"16": 1.0})
    """Weight of each number of stages in use (quantizer dropout), as strings: TOML keys."""


@dataclass(frozen=True)
class PhaseConfig:
    """A stretch of steps with one objective. The learning rate warms up, holds, falls to zero."""

    name: str = "noise"
    """Shown in the log."""
    steps: int = 1_000
    """Length of the phase."""
    learning_rate: float = 1e-3
    """Peak learning rate."""
    warmup_steps: int = 100
    """Steps over which it rises."""
    cooldown: float = 1.0
    """Last share of the phase over which it falls as a cosine."""
    train: tuple[str, ...] = ("encoder", "quantizer", "decoder", "refiner")
    """Parts that learn; the others stay as they are."""
    rates: dict[str, float] = field(default_factory=dict)
    """Share of the learning rate by part, where it is not all of it."""
    substitute: str = "noise"
    """What the decoder hears: `noise` (NSVQ), a vector beside the codeword that the error's length
    reaches (`towards`: DiVeQ), codewords with the gradient turned as they are from the latent
    (`rotation`) or passed `straight` on to the encoder, `hard` codewords without one, or `none` (no
    quantization)."""
    losses: dict[str, float] = field(default_factory=lambda: {"mel": 1.0, "complex": 5.0})
    """Weight of each loss in `training.losses.LOSSES`, of `adversarial` and of `features` (both of
    the discriminators)."""
    discriminators: tuple[str, ...] = ()
    """Keys of `training.discriminators.DISCRIMINATORS`; those that the phase before had go on."""
    discriminator_rate: float = 5e-4
    """Their peak learning rate, which rises and falls as the codec's."""
    latent_weight: float = 1.0
    """Weight of the quantizer's own loss."""
    replace_until: float = 0.8
    """Share of the phase during which codewords out of use are replaced."""


@dataclass(frozen=True)
class Recipe:
    """Everything a run is made of."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    phases: tuple[PhaseConfig, ...] = (PhaseConfig(),)
    seed: int = 0
    """Of batches, noise and initial weights."""
    quantizer: str = "nsvq"
    """Key of `training.quantizers.QUANTIZERS`; what the decoder hears is each phase's affair."""
    codebook_learning: Learning = "ema"
    """How codewords move: `ema` (moving average of what they code) or `gradient`."""
    weight_decay: float = 0.01
    """AdamW's."""
    clip_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    average_decay: float = 0.998
    """Of the averaged weights, which are what is validated and exported."""
    bfloat16: bool = True
    """Run encoder, decoder and refiner under bfloat16 autocast, as discriminators always are; all
    else stays float32."""

    @property
    def num_steps(self) -> int:
        """Steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    def phase_at(self, step: int) -> tuple[PhaseConfig, int]:
        """The phase that `step` falls into and the step within it."""
        for phase in self.phases:
            if step < phase.steps:
                return phase, step
            step -= phase.steps
        return self.phases[-1], self.phases[-1].steps

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return dataclasses.asdict(self)


def load_recipe(name_or_path: str, changes: Sequence[str] = ()) -> Recipe:
    """A shipped recipe by name, or any TOML file.

    Args:
        changes: settings to replace, as `phases.0.steps=300`; values are written as in TOML.

    Raises:
        ConfigError: no such recipe, not TOML, an unknown key or a value out of range.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise ConfigError(f"no recipe {name_or_path!r}; shipped: {known} (or give a .toml file)")
    try:
        values = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    for change in changes:
        _change(values, change)
    return parse_recipe(values)


def _change(values: dict[str, Any], change: str) -> None:
    """Replace one setting of a TOML document, in place."""
    path, _, text = change.partition("=")
    *folders, name = path.strip().split(".")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
        place: Any = values
        for folder in folders:
            place = place[int(folder)] if isinstance(place, list) else place.setdefault(folder, {})
        place[name] = value
    except (tomllib.TOMLDecodeError, ValueError, IndexError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{change!r} changes no setting; write SETTING=VALUE as in phases.0.steps=300"
        ) from error


def parse_recipe(values: dict[str, Any]) -> Recipe:
    """The recipe a TOML document holds.

    Raises:
        ConfigError: see `load_recipe`.
    """
    values = {"model": {}, "data": {}, "phases": [{}]} | values
    if not isinstance(values["phases"], list | tuple):
        raise ConfigError("recipe setting phases should be a list of tables: [[phases]]")
    built = {
        "model": ModelConfig.from_dict(table("model", values["model"])),
        "data": build_settings(DataConfig, "data", values["data"]),
        "phases": tuple(
            build_settings(PhaseConfig, f"phases.{n}", phase)
            for n, phase in enumerate(values["phases"])
        ),
    }
    recipe: Recipe = build_settings(Recipe, "recipe", values | built)
    check_ranges(recipe)
    return recipe


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What two trees of settings don't agree on, one line for each.

    >>> differences({"seed": 0, "phases": [{"steps": 3}]}, {"seed": 0, "phases": [{"steps": 4}]})
    ['phases.0.steps was 3, is 4']
    """
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [
        f"{name} was {old.get(name, 'not there')}, is {new.get(name, 'not there')}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def _leaves(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The settings in a tree by their path."""
    if isinstance(values, dict):
        branches = [(str(key), value) for key, value in values.items()]
    elif isinstance(values, list | tuple):
        branches = [(str(key), value) for key, value in enumerate(values)]
    else:
        yield name, values
        return
    for key, value in branches:
        yield from _leaves(value, f"{name}.{key}".lstrip("."))
