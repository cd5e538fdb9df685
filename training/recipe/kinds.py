"""Settings as dataclasses: each known, and of the type that its field has."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from codec.errors import ConfigError


class Kind(NamedTuple):
    """A type of setting."""

    name: str
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


KINDS: dict[Any, Kind] = {
    int: Kind("a whole number", lambda value: type(value) is int),
    float: Kind("a number", _is_number),
    bool: Kind("true or false", lambda value: type(value) is bool),
    str: Kind("a string", lambda value: type(value) is str),
    tuple[str, ...]: Kind(
        "a list of strings",
        lambda value: isinstance(value, list | tuple) and all(type(one) is str for one in value),
    ),
    dict[str, float]: Kind(
        "a table of numbers",
        lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
    ),
}


def build_settings(kind: type, where: str, values: Any) -> Any:
    """A dataclass of settings, each known and of its field's type.

    Raises:
        ConfigError: one that is not.
    """
    known = {item.name: item.type for item in dataclasses.fields(kind)}
    for name, value in table(where, values).items():
        if name not in known:
            raise ConfigError(
                f"unknown setting {name!r} in {where}; known: {', '.join(sorted(known))}"
            )
        expected = KINDS.get(known[name])
        if expected and not expected.holds(value):
            raise ConfigError(f"{where} setting {name} = {value!r} should be {expected.name}")
    return kind(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
    )


def table(where: str, values: Any) -> dict[str, Any]:
    """`values`, if it is a table.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"recipe setting {where} = {values!r} should be a table of settings")
    return values
