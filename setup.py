"""The package: what is installed, from where, and what it depends on. Tool settings are in pyproject.toml."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
SERVING = [
    "tensorflow-serving-api>=2.15",  # has the version of the TensorFlow beside it
    "grpcio>=1.59",
    "grpcio-health-checking>=1.59",
    "starlette>=0.37",
    "uvicorn>=0.29",
    "requests>=2.31",
]
ZARR = ["zarr>=3; python_version >= '3.11'"]  # OME-Zarr; it has no version 3 for older ones
DASK = ["dask[distributed]>=2024.1"]
TUNING = ["scikit-learn>=1.3"]  # keras-tuner's Bayesian search


def version():
    """The version in udl_tf/__init__.py, read as text: importing it would need TensorFlow."""
    text = (HERE / "udl_tf" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE).group(1)


setup(
    name="udl_tf",
    version=version(),
    description="Unsupervised alignment of noisy images: rotation and shift of pairs and stacks, in TensorFlow",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The udl_tf developers",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
    packages=find_packages(include=["udl_tf*", "pipelines*", "saved_models*"]),
    package_data={
        # The shipped models, saved_models/NAME/VERSION/, whatever files TensorFlow writes there.
        "saved_models": ["README.md", "*/*.json", "*/[0-9]*/**/*"],
        "udl_tf.particles": ["report.html"],
        "udl_tf.rivals.features": ["exemplar.npz"],
    },
    entry_points={"console_scripts": ["udl-tf = udl_tf.commands:console"]},
    python_requires=">=3.10",
    install_requires=[
        "tensorflow>=2.15",
        "keras-tuner>=1.4.7",
        "numpy>=1.24",
        "opencv-python-headless>=4.8,<5",
        "mrcfile>=1.5",
        "tifffile>=2023.7",
        "imagecodecs>=2023.7",  # what tifffile decompresses with: LZW, JPEG, Zstandard, 12 bits
        "pillow>=10",
        "h5py>=3.8",  # Keras brings it, too
        "pandas>=2.1",  # the tables of STAR files
        "starfile>=0.5.10",  # writes those of classes
        # Takes their rows apart, and holds their text. 26 wants NumPy 2, which TensorFlow 2.15 cannot have.
        "pyarrow>=14,<26",
        "tensorboard>=2.15",  # no longer a dependency of TensorFlow
        "matplotlib>=3.7",
        "threadpoolctl>=3.1",  # one thread a chunk, for the same bytes anywhere
        "tqdm>=4.62",
    ],
    extras_require={
        # The last TensorFlow Addons imports only with TensorFlow 2.15 (Keras 2), on Python up to 3.11. The other bounds
        # follow from that TensorFlow's own; without them pip tries every version of everything for many minutes.
        "addons": [
            "tensorflow-addons>=0.23",
            "tensorflow>=2.15,<2.16",
            "tensorboard<2.16",
            "numpy<2",
            "opencv-python-headless<4.12",
        ],
        "gpu": ["tensorflow[and-cuda]>=2.15"],
        "serving": SERVING,
        "dask": DASK,
        "zarr": ZARR,
        "programs": ["jax>=0.10"],  # runs what --program exports; TensorFlow itself does not need it
        "tuning": TUNING,
        # What some of udl_tf/rivals need. imreg_dft uses a module that SciPy 2.0 no longer has.
        "benchmarks": ["SimpleITK>=2.3", "pystackreg>=0.2.7", "scikit-image>=0.22", "imreg_dft>=2.0", "scipy<2"],
        # setuptools and wheel: tests/test_packaging.py builds a wheel without the network.
        "test": [
            "pytest>=7.4",
            "pytest-xdist>=3.3",
            "setuptools>=64",
            "wheel",
            *SERVING,
            *DASK,
            *TUNING,
            *ZARR,
        ],
    },
)
