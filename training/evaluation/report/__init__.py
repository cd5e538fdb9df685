"""What a person gets to see of an evaluation: pages, plots and tables."""
