"""The NSVQ paper's three experiments run again, one on search, one on hard recordings.

One module each, with `Settings`, `QUICK` and `run(settings, folder, tell)`.
"""

EXPERIMENTS = {
    "distribution": "training.experiments.distribution",
    "speech": "training.experiments.speech",
    "images": "training.experiments.images",
    "search": "training.experiments.search",
    "conditions": "training.experiments.conditions",
}
"""Names and modules; a module is imported when its experiment runs."""
