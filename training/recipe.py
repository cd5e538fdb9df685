"""A recipe: the model, the data and the phases of one training run, read from TOML.

Frozen dataclasses with every default in sight; an unknown key or a value out of range raises
`ConfigError` naming it. `recipes/*.toml` are the ones that ship.
"""

import dataclasses
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codec.config import ModelConfig
from codec.errors import ConfigError
from codec.quantizers.residual import Learning

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
    train: tuple[str, ...] = ("encoder", "quantizer", "decoder")
    """Parts that learn; the others stay as they are."""
    substitute: str = "noise"
    """What the decoder hears: `noise` (NSVQ), codewords with the gradient passed `straight` on to
    the encoder, `hard` codewords without one, or `none` (no quantization)."""
    losses: dict[str, float] = field(default_factory=lambda: {"mel": 1.0, "complex": 5.0})
    """Weight of each loss in `training.losses.LOSSES`."""
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
    codebook_learning: Learning = "ema"
    """How codewords move: `ema` (moving average of what they code) or `gradient`."""
    weight_decay: float = 0.01
    """AdamW's."""
    clip_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    average_decay: float = 0.998
    """Of the averaged weights, which are what is validated and exported."""
    bfloat16: bool = True
    """Run encoder and decoder under bfloat16 autocast; all else stays float32."""

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
    values = dict(values)
    model = ModelConfig.from_dict(values.pop("model", {}))
    data = _build(DataConfig, "data", values.pop("data", {}))
    phases = tuple(_build(PhaseConfig, "phases", phase) for phase in values.pop("phases", [{}]))
    recipe = _build(Recipe, "recipe", values | {"model": model, "data": data, "phases": phases})
    _check(recipe)
    return recipe


def _build(kind: type, where: str, values: dict[str, Any]) -> Any:
    known = {item.name for item in dataclasses.fields(kind)}
    for name in values:
        if name not in known:
            raise ConfigError(
                f"unknown setting {name!r} in {where}; known: {', '.join(sorted(known))}"
            )
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    built = kind(**values)
    for item in dataclasses.fields(kind):
        value = getattr(built, item.name)
        if item.type in (int, float) and (
            isinstance(value, bool) or not isinstance(value, int | float)
        ):
            raise ConfigError(f"{where} setting {item.name} = {value!r} should be a number")
    return built


def _check(recipe: Recipe) -> None:
    """Refuse values no run could work with."""
    from training.losses import LOSSES

    data = recipe.data
    checks = [
        ("data.batch_size", data.batch_size >= 1),
        ("data.crop_s", data.crop_s > 0.2),
        ("phases", len(recipe.phases) > 0),
        ("codebook_learning", recipe.codebook_learning in ("ema", "gradient")),
    ]
    stages = [int(n) if n.isdigit() else 0 for n in data.stage_shares]
    checks.append(
        (
            "data.stage_shares",
            bool(stages) and all(1 <= n <= recipe.model.num_stages for n in stages),
        )
    )
    for phase in recipe.phases:
        checks += [
            (f"{phase.name}.steps", phase.steps >= 1),
            (f"{phase.name}.learning_rate", 0 < phase.learning_rate < 1),
            (f"{phase.name}.cooldown", 0 <= phase.cooldown <= 1),
            (f"{phase.name}.substitute", phase.substitute in ("noise", "straight", "hard", "none")),
            (
                f"{phase.name}.train",
                set(phase.train) <= {"encoder", "quantizer", "decoder"} and len(phase.train) > 0,
            ),
            (f"{phase.name}.losses", set(phase.losses) <= set(LOSSES) and len(phase.losses) > 0),
        ]
    for name, good in checks:
        if not good:
            raise ConfigError(f"recipe setting {name} is out of range")
