"""Codebooks that are fitted apart from the network, then stay: the paper's offline baseline."""

from codec.quantizers.ste import STE


class KMeans(STE):
    """No gradient and no average moves the codewords; `initialise` places them."""

    learning = "offline"
