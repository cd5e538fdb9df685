"""Scores, peers, rate-distortion runs and reports."""
