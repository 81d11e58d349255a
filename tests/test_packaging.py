"""The wheel, built from the checkout without the network, and what it does away from the checkout."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("pipelines", "udl_tf", "saved_models")
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
turned = udl_tf.load(sys.argv[1]).align(np.rot90(images, axes=(1, 2)), images)  # 90 degrees counter-clockwise
print(udl_tf.__file__, udl_tf.__version__, *turned.angle)
"""


@pytest.mark.parametrize("model", ["cryo", "photo"])
def test_shipped_models_align_from_the_wheel_in_another_folder(installed, model, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", ALIGN, model]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    file, version, *angles = run.stdout.split()[-4:]
    assert pathlib.Path(file) == installed / "udl_tf" / "__init__.py"
    assert (installed / f"udl_tf-{version}.dist-info").is_dir()
    assert [float(angle) for angle in angles] == pytest.approx([90.0, 90.0], abs=0.5)
