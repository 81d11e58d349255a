"""The wheel, built from the checkout without the network, and what it does away from the checkout."""

import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("pipelines", "udl_tf", "saved_models")
DISTRIBUTIONS = {  # of what is imported under another name
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "distributed": "dask",
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "skimage": "scikit-image",
    "tensorflow_serving": "tensorflow-serving-api",
}
BROUGHT = {"absl", "google", "urllib3"}  # by TensorFlow, tensorflow-serving-api and requests
LEFTOVERS = shutil.ignore_patterns("__pycache__", ".*")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the files of the wheel, as pip lays them out in site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy, since setuptools reuses what it finds in build/
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=LEFTOVERS)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    built = subprocess.run([*pip_wheel, "--wheel-dir", folder, source], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_is_imported_is_installed(installed):
    """What only the extra `test` brings is not there for somebody who just installs the package."""
    (metadata,) = installed.glob("*.dist-info/METADATA")
    required = re.findall(r"^Requires-Dist: ([\w.-]+)(.*)$", metadata.read_text(), re.MULTILINE)
    there = {name.lower().replace("_", "-") for name, rest in required if not re.search("extra == .test.", rest)}
    assert {"tensorflow", "numpy", "tensorflow-addons"} <= there and "pytest" not in there
    missing = set()
    for path in [path for package in ("pipelines", "udl_tf") for path in (ROOT / package).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in {name.partition(".")[0] for name in names} - {"pipelines", "udl_tf", *sys.stdlib_module_names, *BROUGHT}:
                if DISTRIBUTIONS.get(name, name).lower().replace("_", "-") not in there:
                    missing.add((name, str(path.relative_to(ROOT))))
    assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_holds_every_file_of_the_package(installed, package):
    assert files(installed / package) == files(installed.parent / "source" / package)


def test_wheel_holds_the_packages_and_the_licence_only(installed):
    (metadata,) = installed.glob("udl_tf-*.dist-info")
    assert {path.name for path in installed.iterdir()} == {*PACKAGES, metadata.name}
    assert next(metadata.rglob("LICENSE")).read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")


ALIGN = """
import sys
import numpy as np
import udl_tf

images = np.random.default_rng(0).normal(size=(2, 128, 128)).astype("float32")
for model in sys.argv[1:]:
    turned = udl_tf.load(model).align(np.rot90(images, axes=(1, 2)), images)  # 90 degrees counter-clockwise
    print(udl_tf.__file__, udl_tf.__version__, *turned.angle)
"""


def test_shipped_models_align_from_the_wheel_in_another_folder(installed, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", ALIGN, "cryo", "photo"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for line in run.stdout.splitlines()[-2:]:
        file, version, *angles = line.split()
        assert pathlib.Path(file) == installed / "udl_tf" / "__init__.py"
        assert (installed / f"udl_tf-{version}.dist-info").is_dir()
        assert [float(angle) for angle in angles] == pytest.approx([90.0, 90.0], abs=0.5)
