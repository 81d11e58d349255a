"""Agents that align a pair step by step (Liao et al. 2016, Krebs et al. 2017); see `registry`."""
