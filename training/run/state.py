"""All that a step of training changes."""

from dataclasses import dataclass

import torch

from codec.errors import ConfigError
from training.quantizers import LearningModel, build_model
from training.recipe import PhaseConfig, Recipe
from training.run.learner import Learner


@dataclass
class State:
    """A model in training after `step` steps."""

    model: LearningModel
    average: LearningModel
    """Averaged weights: what is validated and exported."""
    learner: Learner
    """What the phase of the last step learnt by."""
    step: int = 0
    replaced: int = 0
    """Codewords that were replaced last, in this phase."""

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.spectrum.window.device

    def enter(self, phase: PhaseConfig, recipe: Recipe) -> None:
        """Set what learns to what does in `phase`."""
        self.learner = Learner(self.model, recipe, phase, self.learner.adversary)
        self.replaced = 0

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Averaged weights follow the live ones, faster at the beginning."""
        decay = min(decay, 1.0 - 2.0 / (self.step + 10.0))
        live = list(self.model.state_dict().values())
        torch._foreach_lerp_(list(self.average.state_dict().values()), live, 1.0 - decay)


def new_state(recipe: Recipe, device: str) -> State:
    """Random weights, from the recipe's seed.

    Raises:
        ConfigError: the device isn't there.
    """
    torch.manual_seed(recipe.seed)
    model = _placed(build_model(recipe.model, recipe.quantizer), device)
    model.quantizer.learn_by(recipe.codebook_learning)
    average = build_model(recipe.model, recipe.quantizer).to(device).requires_grad_(False)
    return State(model, average, Learner(model, recipe, recipe.phases[0], None))


def _placed(model: LearningModel, device: str) -> LearningModel:
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {device!r} can't be used here ({reason})") from error
