"""Where models are found."""

import pathlib

import pytest

import udl_tf
from pipelines.errors import InputError
from udl_tf.alignment import models

SHIPPED = pathlib.Path(models.__file__).parents[2] / "saved_models"


def make(folder):
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"")
    return folder


def test_the_shipped_models_are_there():
    assert {"cryo", "photo"} <= set(models.shipped())
    for name in ("cryo", "photo"):
        folder = models.find(name)
        assert folder.parent == SHIPPED / name and (folder / "saved_model.pb").exists()
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        assert size < 3e6, f"{folder} weighs {size / 1e6:.1f} MB"


def test_the_newest_version_by_number(tmp_path):
    for version in ("2", "10", "9"):
        make(tmp_path / "name" / version)
    (tmp_path / "name" / "11").mkdir()  # not whole
    make(tmp_path / "name" / "latest")
    assert models.find(tmp_path / "name") == tmp_path / "name" / "10"


def test_run_folders_and_model_folders(tmp_path):
    model = make(tmp_path / "run" / "model" / "1")
    for given in (tmp_path / "run", tmp_path / "run" / "model", model, str(model)):
        assert models.find(given) == model


def test_a_shipped_name_goes_before_a_folder(tmp_path, monkeypatch):
    inside = make(tmp_path / "package" / "cryo" / "3")
    make(tmp_path / "cryo" / "1")
    monkeypatch.setattr(models.importlib.resources, "files", lambda package: tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    assert models.find("cryo") == inside
    assert models.find("./cryo") == pathlib.Path("cryo/1")


@pytest.mark.parametrize("name", ["nothing", "empty", "file.txt"])
def test_unknown_names_list_what_there_is(tmp_path, monkeypatch, name):
    make(tmp_path / "package" / "cryo" / "1")
    make(tmp_path / "package" / "photo" / "1")
    (tmp_path / "package" / "__pycache__").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("")
    monkeypatch.setattr(models.importlib.resources, "files", lambda package: tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"no model '{name}': expected one of cryo, photo, a run folder"):
        models.find(name)


def test_load_gives_an_aligner(model_folder, picture):
    result = udl_tf.load(model_folder).align(picture(40.0, (1.0, 2.0)), picture(0.0, (0.0, 0.0)))
    assert abs(result.angle[0] - 40) < 0.2 and abs(result.shift[0, 0] - 1) < 0.1 and abs(result.shift[0, 1] - 2) < 0.1
