"""Stacks of many views with known truth, and how well classes and poses were found in them."""
