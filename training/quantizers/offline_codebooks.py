"""Codebooks that are fitted apart from the network, then stay: the paper's offline baseline."""

from training.quantizers.straight_through import STE


class Fitted(STE):
    """No gradient and no average moves the codewords; `initialise` places them."""

    learning = "offline"
