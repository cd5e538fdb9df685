"""Scores of a decoded wave beside its reference; judges among them."""
