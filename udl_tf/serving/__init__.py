"""Serving: what a SavedModel answers, the server behind the wire protocol of TensorFlow Serving, and both ends of the wire."""
