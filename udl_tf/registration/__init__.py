"""Rigid registration at the resolution that pictures have: from a proposal at 128 pixels to hundredths of a pixel."""
