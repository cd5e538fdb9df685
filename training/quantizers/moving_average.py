"""Straight-through with moving-average codebooks (Razavi et al. 2019, VQ-VAE-2)."""

from training.quantizers.straight_through import STE


class EMA(STE):
    """Codewords follow the vectors they code; those hardly used begin again at one of the batch."""

    learning = "ema"
    restart_below = 0.03
