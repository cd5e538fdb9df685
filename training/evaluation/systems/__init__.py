"""What is compared: our checkpoints, other codecs' programs, folders of decoded clips."""
