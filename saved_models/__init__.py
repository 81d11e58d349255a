"""Trained models that come with the package: ``NAME/VERSION/`` is a SavedModel, as TensorFlow Serving expects it."""
