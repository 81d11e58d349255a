"""Unsupervised difference learning: losses, the training step, the run, and what it is measured by."""
