"""Whole stacks: aligned to their own average or to a reference, measured, and told about."""
