"""Presets and configurations."""

import dataclasses
import json

import pytest

from pipelines import noise
from pipelines.errors import InputError
from udl_tf import presets
from udl_tf.networks.group import GroupConfig
from udl_tf.networks.polar import PolarConfig
from udl_tf.networks.siamese import SiameseConfig


def test_names_say_what_a_preset_is():
    assert list(presets.PRESETS)[:5] == ["cryo", "photo", "cryo-polar", "cryo-paper", "photo-paper"]
    networks = {"": GroupConfig, "polar": PolarConfig, "paper": SiameseConfig}
    for name, config in presets.PRESETS.items():
        kind, _, variant = name.partition("-")
        assert isinstance(config.network, networks[variant.partition("-")[0]])
        assert config.material == {"cryo": "particles", "photo": "photos"}[kind]
        # Amplitude spectra repeat after a half turn.
        assert config.period == (180.0 if kind == "cryo" and variant else 360.0)
        assert config.error_period == (180.0 if kind == "cryo" else 360.0)
        assert config.support == ("disc" if kind == "cryo" else "frame")
        assert config.noise == "any" or noise.parse(config.noise)


@pytest.mark.parametrize("name", ["cryo-paper", "photo-paper"])
def test_the_papers_own_figures(name):
    """Section 4.1: Adam 5e-4, batches of 64, a fifth less every 12,000 steps, images of 128 pixels."""
    config = presets.PRESETS[name]
    assert (config.learning_rate, config.batch, config.decay, config.box) == (5e-4, 64, "paper", 128)
    assert config.network.feature_widths == (32, 64, 128, 256) and config.network.dense_widths == (2000, 2000)


def test_configurations_cannot_be_changed():
    for part, name in ((presets.PRESETS["cryo"], "steps"), (presets.PRESETS["cryo"].network, "band")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, name, 1)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_survives_a_file(tmp_path, name):
    config = dataclasses.replace(presets.PRESETS[name], steps=7, seed=11)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(presets.as_dict(config)))
    assert presets.load(path) == config
    path.write_text(json.dumps({"config": presets.as_dict(config), "versions": {}}))  # as a run's config.json
    assert presets.resolve(str(path)) == config


def test_overrides():
    config = presets.resolve("cryo", steps=5, learning_rate=1, noise="clean", seed=0, batch=None)
    assert (config.steps, config.learning_rate, config.noise, config.seed) == (5, 1.0, "clean", 0)
    assert isinstance(config.learning_rate, float) and config.batch == presets.PRESETS["cryo"].batch
    assert presets.PRESETS["cryo"].noise == "gaussian:0.1"


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("cyro", {}, "unknown preset 'cyro': expected one of cryo, photo, cryo-polar, cryo-paper, photo-paper"),
        ("cryo", {"step": 3}, "unknown setting 'step': expected one of description, "),
        ("cryo", {"steps": "many"}, "'steps': received 'many', expected a number"),
        ("cryo", {"steps": 0}, "'steps': received 0, expected a positive whole number"),
        ("cryo", {"steps": 2.5}, "'steps': received 2.5"),
        ("cryo", {"seed": -1}, "'seed': received -1"),
        ("cryo", {"learning_rate": "fast"}, "'learning_rate': received 'fast'"),
        ("missing.json", {}, "missing.json: expected a configuration in JSON"),
    ],
)
def test_wrong_names_and_values(name, overrides, message):
    with pytest.raises(InputError, match=message):
        presets.resolve(name, **overrides)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("network"),
        lambda content: content["network"].pop("kind"),
        lambda content: content["network"].update(kind="oracle"),
        lambda content: content["network"].update(legs=4),
        lambda content: content.update(legs=4),
        lambda content: content.update(network=[1, 2]),
    ],
)
def test_wrong_files(tmp_path, change):
    content = presets.as_dict(presets.PRESETS["cryo"])
    change(content)
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="wrong.json: expected the fields of a configuration"):
        presets.load(path)


def test_values_in_files_are_checked(tmp_path):
    path = tmp_path / "wrong.json"
    for name, value in (("steps", "many"), ("batch", 0), ("reach", None)):
        path.write_text(json.dumps({**presets.as_dict(presets.PRESETS["cryo"]), name: value}))
        with pytest.raises(InputError, match=f"'{name}': received"):
            presets.load(path)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '"cryo"', ""])
def test_files_of_another_kind(tmp_path, text):
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(InputError, match="wrong.json: expected "):
        presets.resolve(str(path))


def test_a_box_too_small_for_the_frequencies_is_refused():
    with pytest.raises(InputError, match="'box': received 32, expected at least 42"):
        presets.resolve("cryo-paper-small", box=32)
    assert presets.resolve("cryo-paper-small", box=42).box == 42


def test_a_preset_file_in_a_line(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"preset": "cryo-paper", "box": 96, "seed": 3, "network": {"dense_widths": [64, 32]}}')
    expected = presets.PRESETS["cryo-paper"]
    network = dataclasses.replace(expected.network, dense_widths=(64, 32))
    assert presets.resolve(str(path), steps=7) == dataclasses.replace(expected, box=96, seed=3, steps=7, network=network)
    for text, told in (
        ('{"preset": "kryo"}', "unknown preset 'kryo': expected one of cryo"),
        ('{"preset": "cryo", "boxes": 96}', "unknown setting 'boxes': expected one of description, network"),
        ('{"preset": "cryo", "box": "large"}', "setting 'box': received 'large', expected a number"),
        ('{"preset": "cryo", "network": {"legs": 4}}', "unknown setting 'network': 'legs': expected one of "),
        ('{"preset": "other.json"}', "setting 'preset': received 'other.json', expected the name of a preset"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=told):
            presets.resolve(str(path))
