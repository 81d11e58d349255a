"""Learned features, and how their maps are matched; see `registry`."""
