"""Where trained models lie."""

import hashlib
import importlib.resources
import pathlib

from pipelines.errors import InputError


def shipped():
    """The models that come with the package: {name: folder of its newest version}."""
    home = pathlib.Path(str(importlib.resources.files("saved_models")))
    found = {folder.name: newest(folder) for folder in sorted(home.iterdir()) if folder.is_dir()}
    return {name: folder for name, folder in found.items() if folder is not None}


def find(name):
    """The SavedModel folder of a shipped name, a run folder, a SavedModel folder, or a folder of numbered versions.

    Raises:
        InputError: there is none; the message lists the shipped names.
    """
    models = shipped()
    if str(name) in models:
        return models[str(name)]
    for folder in (pathlib.Path(name), pathlib.Path(name) / "model"):
        if (folder / "saved_model.pb").exists():
            return folder
        if folder.is_dir() and newest(folder) is not None:
            return newest(folder)
    raise InputError(f"no model {str(name)!r}: expected one of {', '.join(models)}, a run folder or a SavedModel folder")


def digest(folder):
    """SHA-256 of the files of a model."""
    files = sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def newest(folder):
    """The SavedModel of the highest version number in a folder, or None."""
    versions = [part for part in folder.iterdir() if part.name.isdigit() and (part / "saved_model.pb").exists()]
    return max(versions, key=lambda part: int(part.name), default=None)
