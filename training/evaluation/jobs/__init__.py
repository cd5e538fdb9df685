"""One clip through one codec at one bitrate: run, scored, and kept as a row."""
