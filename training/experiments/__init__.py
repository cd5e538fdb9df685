"""The NSVQ paper's three experiments run again, and one on search.

One module each, with `Settings`, `QUICK` and `run(settings, folder, tell)`.
"""

EXPERIMENTS = {
    "distribution": "training.experiments.distribution",
    "speech": "training.experiments.speech",
    "images": "training.experiments.images",
    "search": "training.experiments.search",
}
"""Names and modules; a module is imported when its experiment runs."""
