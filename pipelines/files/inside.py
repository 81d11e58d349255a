"""Paths that go on within a file: ``tissue.h5/volumes/raw`` is the array ``volumes/raw`` of the HDF5 file ``tissue.h5``."""

import pathlib

SUFFIXES = (".h5", ".hdf5", ".hdf")


def split(path) -> tuple[pathlib.Path, str]:
    """(path of the file, name within it); the name is empty where the path is one of the file system."""
    path = pathlib.Path(path)
    for file in path.parents:
        if file.suffix.lower() in SUFFIXES and file.is_file():
            return file, path.relative_to(file).as_posix()
    return path, ""
