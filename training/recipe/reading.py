"""Recipes read from TOML; an unknown key or a value out of range raises `ConfigError` naming it.

`*.toml` beside this file are the recipes that ship.
"""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from codec.config import ModelConfig
from codec.errors import ConfigError
from training.recipe.kinds import build_settings, table
from training.recipe.ranges import check_ranges
from training.recipe.settings import DataConfig, PhaseConfig, Recipe

RECIPES = Path(__file__).parent


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
    """What two trees of settings don't agree on, one line for each: a table that only one of them
    has is one line.

    >>> differences({"seed": 0, "phases": [{"steps": 3}]}, {"seed": 0, "phases": [{"steps": 4}]})
    ['phases.0.steps was 3, is 4']
    >>> differences({"phases": []}, {"phases": [{"name": "long", "steps": 4}]})
    ['phases.0 is new']
    """
    return list(_differences(before, after, ""))


def _differences(before: Any, after: Any, name: str) -> Iterator[str]:
    old, new = _branches(before), _branches(after)
    if old is None or new is None:
        if _plain(before) != _plain(after):
            yield f"{name} was {before}, is {after}"
        return
    for key in dict.fromkeys([*old, *new]):
        inner = f"{name}.{key}".lstrip(".")
        if key not in new:
            yield f"{inner} is gone"
        elif key not in old:
            yield f"{inner} is new"
        else:
            yield from _differences(old[key], new[key], inner)


def _branches(values: Any) -> dict[str, Any] | None:
    """What a tree divides into by its names; None for a value, or a list of plain ones."""
    if isinstance(values, dict):
        return {str(key): value for key, value in values.items()}
    if isinstance(values, list | tuple) and all(isinstance(value, dict) for value in values):
        return {str(key): value for key, value in enumerate(values)}
    return None


def _plain(value: Any) -> Any:
    """A value as JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value
