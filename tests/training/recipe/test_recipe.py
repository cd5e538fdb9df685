"""Recipes: what ships is valid, what is wrong is named."""

import pytest

from codec.errors import ConfigError
from training.recipe import RECIPES, load_recipe, parse_recipe


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_shipped_recipes_are_valid(path) -> None:
    recipe = load_recipe(path.stem)
    assert recipe.num_steps > 0
    assert recipe.model.delay_ms <= 400.0


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"modle": {}}, "modle"),
        ({"model": {"widht": 3}}, "widht"),
        ({"model": {"codebook_size": 1000}}, "codebook_size"),
        ({"data": {"batch_size": 0}}, "batch_size"),
        ({"data": {"crop_s": "long"}}, "crop_s"),
        ({"data": {"stage_shares": {"17": 1.0}}}, "stage_shares"),
        ({"phases": [{"steps": 0}]}, "steps"),
        ({"phases": [{"losses": {"magic": 1.0}}]}, "losses"),
        ({"phases": [{"train": ["everything"]}]}, "train"),
        ({"phases": [{"substitute": "hope"}]}, "substitute"),
        ({"phases": []}, "phases"),
        ({"codebook_learning": "osmosis"}, "codebook_learning"),
        ({"model": 3}, "model"),
        ({"model": {"sample_rate": 24_000}}, "sample_rate"),
        ({"model": {"latent_width": 700}}, "latent_width"),
        ({"data": []}, "data"),
        ({"data": {"batch_size": 8.0}}, "batch_size"),
        ({"data": {"crop_s": float("inf")}}, "crop_s"),
        ({"data": {"lowest_gain_db": 6.0}}, "lowest_gain_db"),
        ({"data": {"shares": {"reads": "much"}}}, "shares"),
        ({"data": {"shares": {"reads": 0.0}}}, "shares"),
        ({"data": {"shares": {"reads": 2.0, "talks": -1.0}}}, "shares"),
        ({"data": {"stage_shares": {"4": 0.0}}}, "stage_shares"),
        ({"data": {"stage_shares": {}}}, "stage_shares"),
        ({"data": {"speed_share": 1.5}}, "speed_share"),
        ({"data": {"lowest_speed": 1.4}}, "lowest_speed"),
        ({"data": {"highest_speed": 9.0}}, "lowest_speed"),
        ({"data": {"mix_share": -0.1}}, "mix_share"),
        ({"phases": [{"vbr_share": 1.1}]}, "vbr_share"),
        ({"phases": [{"lost_share": -0.1}]}, "lost_share"),
        ({"phases": 3}, "phases"),
        ({"phases": [3]}, "phases.0"),
        ({"phases": [{}, {"name": 3}]}, "phases.1"),
        ({"phases": [{"steps": True}]}, "steps"),
        ({"phases": [{"warmup_steps": -1}]}, "warmup_steps"),
        ({"phases": [{"train": "decoder"}]}, "train"),
        ({"phases": [{"train": ["quantizer"]}]}, "train"),
        ({"phases": [{"train": ["decoder"], "substitute": "noise"}]}, "substitute"),
        ({"phases": [{"losses": {"mel": "1"}}]}, "losses"),
        ({"data": {"crop_s": 0.3}, "phases": [{"losses": {"envelope": 1.0}}]}, "crop_s"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"bfloat16": "no"}, "bfloat16"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"average_decay": 1.0}, "average_decay"),
        ({"weight_decay": float("nan")}, "weight_decay"),
    ],
)
def test_a_wrong_value_is_named(values: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        parse_recipe(values)


def test_an_unknown_recipe_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match="small"):
        load_recipe("no-such-recipe")


def test_a_file_that_is_not_toml_says_so(tmp_path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("steps = = 3")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_recipe(str(path))


def test_phases_follow_each_other() -> None:
    recipe = parse_recipe({"phases": [{"name": "a", "steps": 3}, {"name": "b", "steps": 2}]})
    found = [(recipe.phase_at(step)[0].name, recipe.phase_at(step)[1]) for step in range(5)]
    assert found == [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)]


def test_settings_can_be_replaced_one_by_one() -> None:
    recipe = load_recipe(
        "small", ["phases.0.steps=7", "model.compression = 0.4", 'codebook_learning="gradient"']
    )
    assert recipe.phases[0].steps == 7
    assert recipe.model.compression == 0.4
    assert recipe.codebook_learning == "gradient"


@pytest.mark.parametrize("change", ["phases.9.steps=1", "phases.x=1", "seed", "seed="])
def test_a_change_of_nothing_is_named(change: str) -> None:
    with pytest.raises(ConfigError, match="changes no setting"):
        load_recipe("small", [change])
