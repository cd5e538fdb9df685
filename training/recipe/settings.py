"""A recipe: the model, the data and the phases of one training run, every default in sight."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from codec.config import ModelConfig
from training.quantizers.chain import Learning


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
    """What the decoder hears: `noise` (NSVQ), noise with the errors' own
    covariance (`shaped`), a vector beside the codeword that the error's length
    reaches (`towards`: DiVeQ), codewords with the gradient turned as they are from the latent
    (`rotation`) or passed `straight` on to the encoder, `hard` codewords without one, or `none` (no
    quantization)."""
    vbr_share: float = 0.0
    """Share of items whose stages vary from frame to frame, as in files (`codec.allocation`); their
    number of stages is then the mean over the batch's frames."""
    lost_share: float = 0.0
    """Share of items of which some frames get lost, as in conversations."""
    teacher: str = ""
    """A checkpoint whose decoded speech the losses compare with; empty: with the recordings."""
    losses: dict[str, float] = field(default_factory=lambda: {"mel": 1.0, "complex": 5.0})
    """Weight of each loss in `training.objective.losses.LOSSES`, of `adversarial` and of `features`
    (both of the discriminators)."""
    discriminators: tuple[str, ...] = ()
    """Keys of `training.objective.discriminators.DISCRIMINATORS`; those that the phase before had
    go on."""
    discriminator_rate: float = 5e-4
    """Their peak learning rate, which rises and falls as the codec's."""
    discriminators_per_step: int = 0
    """How many of them, drawn anew, hear each step and learn from it; 0: all. They cost most of a
    step, so fewer make for more steps."""
    latent_weight: float = 1.0
    """Weight of the quantizer's own loss."""
    refit_from: int = 0
    """The first stage, counted from 1, whose codewords k-means finds anew when the phase begins,
    with all stages after it; 0 leaves them as they are."""
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
