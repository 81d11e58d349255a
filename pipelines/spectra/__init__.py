"""Spectra of images, planes of low frequencies, resampling, and the contrast transfer function."""
