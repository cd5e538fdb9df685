"""A training run: its state, one step of it, and the loop around the steps."""
