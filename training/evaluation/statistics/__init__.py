"""What follows from rows: means with intervals, bitrate at equal score, tests against a run."""
