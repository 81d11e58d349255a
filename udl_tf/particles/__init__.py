"""Stacks of particles: poses, averages, scores, and the report."""
