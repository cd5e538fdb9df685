"""The network's arithmetic, several times over."""
