"""The folder of models: what lies there is in service, and a version that comes or goes is noticed."""

import dataclasses
import logging
import pathlib
import threading

import grpc

from pipelines.errors import InputError
from udl_tf.serving.errors import ServingError
from udl_tf.serving.model import Model

LOG = logging.getLogger(__name__)


@dataclasses.dataclass
class _Failed:
    """A version that could not be loaded, and the state its files were in."""

    message: str
    files: tuple


def find(base, name=None):
    """The versions that lie in a folder: {(model name, version number): folder}.

    Args:
        base: a folder ``MODEL/VERSION/saved_model.pb``, or one model's own folder ``VERSION/saved_model.pb``.
        name: of the model, in the latter case; default: the folder's name.
    """
    base = pathlib.Path(base)
    if not base.is_dir():
        return {}
    if _versions(base):
        return {(name or base.resolve().name, number): folder for number, folder in _versions(base).items()}
    models = [part for part in base.iterdir() if part.is_dir() and not part.name.startswith((".", "_"))]
    return {(model.name, number): folder for model in models for number, folder in _versions(model).items()}


class Repository:
    """Models in service, by name and version; the newest answers where no version is asked for.

    Args:
        base, name: see `find`. largest: see `Batcher`.

    Raises:
        InputError: no model lies there, or none of them can be loaded.
    """

    def __init__(self, base, name=None, largest=64):
        self._base, self._name, self._largest = base, name, largest
        self._models, self._failed, self._gone = {}, {}, set()
        self._lock, self._stopped, self._thread = threading.Lock(), threading.Event(), None
        if not find(base, name):
            raise InputError(f"{base}: no models found, expected NAME/VERSION/saved_model.pb")
        self.refresh()
        if not self._models:
            raise InputError(f"{base}: no model can be loaded ({next(iter(self._failed.values())).message})")

    def names(self):
        """(name, version) of all models in service, sorted."""
        return sorted(self._models)

    def get(self, name, version=None):
        """The `Model` in service; ServingError NOT_FOUND if there is none."""
        models = self._models
        versions = [number for known, number in models if known == name]
        if not versions or (version is not None and version not in versions):
            known = ", ".join(sorted({known for known, _ in models}))
            what = f"no model {name[:80]!r}" if not versions else f"no version {version} of model {name!r}"
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"{what} here: expected one of {known}")
        return models[name, max(versions) if version is None else version]

    def states(self, name, version=None):
        """(version, state, error message or "") of a model, newest first, in TensorFlow Serving's words; NOT_FOUND as `get`."""
        with self._lock:
            found = [(number, "AVAILABLE", "") for known, number in self._models if known == name]
            found += [(number, "END", failed.message) for (known, number), failed in self._failed.items() if known == name]
            found += [(number, "END", "") for known, number in self._gone if known == name]
        chosen = sorted((state for state in found if version in (None, state[0])), reverse=True)
        if not chosen:
            self.get(name, version)  # raises
        return chosen

    def refresh(self):
        """Load what is new and retire what is gone."""
        wanted = find(self._base, self._name)
        for key in [key for key in self._models if key not in wanted]:
            self._retire(key)
        self._failed = {key: failed for key, failed in self._failed.items() if key in wanted}
        for key, folder in sorted(wanted.items()):
            if key not in self._models:
                self._load(key, folder)

    def watch(self, seconds):
        """Refresh every so many seconds, in a thread, until `close`."""

        def work():
            while not self._stopped.wait(seconds):
                try:
                    self.refresh()
                except OSError as error:  # of the folder, which may be on a network: it may come back
                    LOG.warning("%s: %s", self._base, error)

        self._thread = threading.Thread(target=work, name="repository", daemon=True)
        self._thread.start()

    def close(self):
        """Stop watching, and finish what waits in the models."""
        self._stopped.set()
        if self._thread:
            self._thread.join()
        for key in list(self._models):
            self._retire(key)

    def _load(self, key, folder):
        files = _state(folder)
        if key in self._failed and self._failed[key].files == files:
            return  # nothing has changed since
        try:
            model = Model(*key, folder, self._largest)
        except Exception as error:  # whatever a damaged folder makes TensorFlow raise: the other models stay in service
            message = " ".join(str(error).split())[:300]
            LOG.warning("%s/%d cannot be loaded: %s", *key, message)
            self._failed[key] = _Failed(message, files)
            return
        with self._lock:
            self._models = {**self._models, key: model}  # never changed in place: `get` needs no lock
            self._failed.pop(key, None)
            self._gone.discard(key)
        LOG.info("%s/%d is in service", *key)

    def _retire(self, key):
        with self._lock:
            model = self._models[key]
            self._models = {known: kept for known, kept in self._models.items() if known != key}
            self._gone.add(key)
        model.close()
        LOG.info("%s/%d is out of service", *key)


def _versions(folder):
    parts = (part for part in folder.iterdir() if part.name.isdecimal() and (part / "saved_model.pb").is_file())
    return {int(part.name): part for part in parts}


def _state(folder):
    """Sizes and times of all files: equal while nothing changes."""
    parts = sorted(part for part in folder.rglob("*") if part.is_file())
    return tuple((str(part), part.stat().st_size, part.stat().st_mtime_ns) for part in parts)
