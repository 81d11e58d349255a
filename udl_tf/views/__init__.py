"""Stacks of many views: averages of each view learned from the particles alone, their members, poses, and what is junk."""
