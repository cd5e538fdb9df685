"""What the experiments compare: a quantizer together with the way its codewords are kept in use."""

from dataclasses import dataclass, field

from codec.errors import EvaluationError
from training.quantizers import QUANTIZERS, ResidualChain
from training.quantizers.chain import Learning


@dataclass(frozen=True)
class Method:
    """A quantizer and its settings."""

    title: str
    """What a plot calls it."""
    quantizer: str
    """Key of `QUANTIZERS`."""
    learning: Learning | None = None
    """How codewords learn; None is the quantizer's own way."""
    rule: str | None = None
    """Key of `REPLACEMENTS`, or None for no replacement."""
    weights: dict[str, float] = field(default_factory=dict)
    """`pull` and `commitment` other than the quantizer's own."""
    restart: bool = True
    """Whether a moving average begins again at vectors of the batch; others have no restart."""

    def build(self, num_stages: int, codebook_size: int, width: int) -> ResidualChain:
        """A chain that learns by this method."""
        restart = {} if self.restart else {"restart_below": 0.0}
        return QUANTIZERS[self.quantizer](
            num_stages, codebook_size, width, learning=self.learning, **self.weights, **restart
        )


PUBLISHED = {"pull": 0.0, "commitment": 0.0}
"""NSVQ as published: no loss but the decoder's own."""

METHODS = {
    "nsvq": Method("NSVQ + replacement", "nsvq", rule="paper", weights=PUBLISHED),
    "nsvq-alone": Method("NSVQ", "nsvq", weights=PUBLISHED),
    "nsvq-latent": Method("NSVQ + latent loss", "nsvq", rule="proportional"),
    "nsvq-ema": Method("NSVQ + moving average", "nsvq", learning="ema", rule="proportional"),
    "ste": Method("STE + replacement", "ste", rule="paper"),
    "ste-alone": Method("STE", "ste"),
    "ema": Method("EMA + restart", "ema"),
    "ema-alone": Method("EMA", "ema", restart=False),
    "diveq": Method("DiVeQ + replacement", "diveq", rule="proportional"),
    "rotation": Method("Rotation + replacement", "rotation", rule="paper"),
    "simvq": Method("SimVQ", "simvq"),
    "product": Method("Product NSVQ + replacement", "product", rule="proportional"),
    "kmeans": Method("MiniBatchKMeans", "kmeans"),
}


def pick_methods(names: str) -> tuple[str, ...]:
    """The keys of `METHODS` in a comma-separated list.

    Raises:
        EvaluationError: one that is none.
    """
    keys = tuple(name.strip() for name in names.split(","))
    for key in keys:
        if key not in METHODS:
            raise EvaluationError(f"no method {key!r}; known: {', '.join(METHODS)}")
    return keys
