"""What a run is asked for: model, data and phases, in TOML files that lie here."""

from training.recipe.reading import RECIPES, differences, load_recipe, parse_recipe
from training.recipe.settings import DataConfig, PhaseConfig, Recipe

__all__ = [
    "RECIPES",
    "DataConfig",
    "PhaseConfig",
    "Recipe",
    "differences",
    "load_recipe",
    "parse_recipe",
]
