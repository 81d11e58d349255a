"""Settings for the whole suite; they must be made before TensorFlow and matplotlib are imported."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's C++ log: errors only
os.environ.setdefault("MPLBACKEND", "Agg")  # pictures go to files: no display needed
