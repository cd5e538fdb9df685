"""The NSVQ paper's experiments, run again: one module each, with `Settings`, `QUICK` and `run`."""

EXPERIMENTS = {
    "distribution": "training.experiments.distribution",
    "speech": "training.experiments.speech",
    "images": "training.experiments.images",
}
"""Names and modules; a module is imported when its experiment runs."""
