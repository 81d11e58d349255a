"""What a run folder says of the run: where it came from, so that it can be made again, and gone on with."""

import json
import pathlib
import sys

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.fingerprint import fingerprint
from udl_tf.presets import as_dict, load
from udl_tf.versions import revision, versions

NAME = "config.json"


def about(config, gathered, data, simulate_from, init, deterministic, xla=False):
    """The record of a run as plain types.

    Args:
        config: `udl_tf.presets.Config`. gathered: what the task of its network has gathered from `data` or `simulate_from`.
        data, simulate_from, init, deterministic: as `runs.fit` was told. xla: whether its step is an XLA program.

    Returns:
        dict of ``config``, ``material`` (a line), ``data`` (a path, two of them, or None), ``simulate_from`` (a path or None),
        ``data_fingerprint`` (see `pipelines.files.fingerprint`), ``init``, ``deterministic``, ``xla``, ``command``,
        ``versions``, ``git_revision`` (None outside a checkout).
    """
    return {
        "config": as_dict(config),
        "material": gathered.description,
        "data": absolute(data),
        "simulate_from": absolute(simulate_from),
        "data_fingerprint": fingerprint(gathered.files),
        "init": str(init or ""),
        "deterministic": deterministic,
        "xla": xla,
        "command": " ".join(["python -m udl_tf.fit", *sys.argv[1:]]),
        **code(),
    }


def code():
    """What ran: ``versions`` of the libraries and ``git_revision``, None outside a checkout."""
    return {"versions": versions(), "git_revision": revision()}


def absolute(path):
    """A path, or a list of several, as text that means the same from any folder; None for none."""
    if isinstance(path, (list, tuple)):
        return [absolute(one) for one in path]
    return str(pathlib.Path(path).absolute()) if path else None


def write(folder, content):
    """Write the record of a run; it appears when it is whole."""
    write_json(pathlib.Path(folder) / NAME, content)


def read(folder):
    """(`Config`, record) of a run.

    Raises:
        InputError: it is not the folder of a run.
    """
    path = pathlib.Path(folder) / NAME
    if not path.is_file():
        raise InputError(f"cannot resume {folder}: expected the folder of a run, with a {NAME}")
    config, content = load(path), json.loads(path.read_text())
    if not isinstance(content.get("data_fingerprint"), dict):
        raise InputError(f"cannot resume {folder}: {path} does not say what data it had, expected a run of this version")
    return config, content


def check_same(record, gathered, folder):
    """`check_files` of what a task has gathered."""
    check_files(record, gathered.files, folder)


def check_files(record, files, folder):
    """Refuse to go on with other data or other libraries: the end would not be the one of the unbroken run.

    Raises:
        InputError: names what differs between the run's `record` and what is there now.
    """
    before, now = record["data_fingerprint"], fingerprint(files)
    if before != now:
        raise InputError(f"cannot resume {folder}: the data were {_short(before)} and are {_short(now)}, expected the same")
    before, now = record["versions"], versions()
    changed = [f"{name} was {before.get(name)} and is {now[name]}" for name in now if before.get(name) != now[name]]
    if changed:
        raise InputError(f"cannot resume {folder}: {'; '.join(changed)}, expected the same versions")


def write_json(path, content):
    """Write a JSON file; it appears when it is whole."""
    with atomic_path(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n")


def _short(found):
    return f"{found['files']} file(s) of {found['bytes']} bytes ({found['sha256'][:8]})"
