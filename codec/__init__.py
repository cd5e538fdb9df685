"""Compress speech to `.nsvq` and rebuild it."""
