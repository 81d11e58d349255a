"""The registry of networks: what follows from an entry, and that nothing else is needed for a new one."""

import dataclasses
import json
import subprocess
import sys

import keras_tuner
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf import presets
from udl_tf.networks import registry
from udl_tf.networks.build import build
from udl_tf.networks.entry import Network
from udl_tf.networks.output import degrees
from udl_tf.networks.polar import PolarConfig
from udl_tf.networks.search_space import Real, Space
from udl_tf.tuning.space import configuration


@dataclasses.dataclass(frozen=True)
class ConstantConfig:
    """Sizes of a network that always says the same."""

    degrees: float = 30.0
    widths: tuple = (1, 2)


def constant(config, box, period, precision):
    fixed, moving = (tf.keras.Input((box, box), name=name) for name in ("fixed", "moving"))
    angle = tf.keras.layers.Lambda(lambda pair: 0.0 * pair[0][:, 0, 0] + config.degrees)([fixed, moving])
    return tf.keras.Model({"fixed": fixed, "moving": moving}, {"angle": angle}, name=precision)


CONSTANT = Network(
    config=ConstantConfig,
    build=constant,
    period=lambda config: 90.0,
    proposes="angles",
    task="pair",
    space=Space((Real("constant_degrees", 0.0, 40.0, field="degrees"),)),
    family="correlation",
    precisions=("float32", "mixed_bfloat16"),
)


BORROWED = dataclasses.replace(CONSTANT, config=PolarConfig)


@pytest.fixture
def with_constant(monkeypatch):
    monkeypatch.setitem(registry.NETWORKS, "constant", CONSTANT)
    return dataclasses.replace(presets.PRESETS["cryo"], network=ConstantConfig(), box=48, period=90.0)


def test_an_entry_is_all_that_a_new_network_needs(with_constant, tmp_path):
    output = build(with_constant)({name: tf.zeros((3, 48, 48)) for name in ("fixed", "moving")})
    assert degrees(output, 90.0).numpy().tolist() == [30.0] * 3
    path = tmp_path / "config.json"
    path.write_text(json.dumps(presets.as_dict(with_constant)))
    assert presets.load(path) == with_constant
    assert json.loads(path.read_text())["network"] == {"kind": "constant", "degrees": 30.0, "widths": [1, 2]}
    assert presets.resolve(str(path), precision="mixed_bfloat16").precision == "mixed_bfloat16"
    with pytest.raises(InputError, match="received 'mixed_float16', expected one of float32, mixed_bfloat16 here"):
        presets.resolve(str(path), precision="mixed_float16")


def test_a_search_tries_the_networks_of_one_family(with_constant):
    hp = keras_tuner.HyperParameters()
    assert configuration(hp, with_constant) == with_constant
    assert hp.space[0].name == "network" and hp.space[0].values == ["group", "polar", "constant"]
    other = keras_tuner.HyperParameters()
    other.values = {"network": "polar"}
    assert configuration(other, with_constant).period == 180.0
    # Polar spectra know no full circle: photographs are not searched with them.
    photographs = keras_tuner.HyperParameters()
    configuration(photographs, dataclasses.replace(with_constant, material="photos"))
    assert photographs.space[0].values == ["group", "constant"]


def test_a_network_of_ones_own_goes_by_its_module(tmp_path):
    path, kind = tmp_path / "mine.json", f"{__name__}:CONSTANT"
    path.write_text(json.dumps({"preset": "cryo", "box": 48, "network": {"kind": kind, "degrees": 20.0}}))
    config = presets.resolve(str(path))
    assert config == dataclasses.replace(presets.PRESETS["cryo"], network=ConstantConfig(20.0), box=48, period=90.0)
    output = build(config)({name: tf.zeros((3, 48, 48)) for name in ("fixed", "moving")})
    assert degrees(output, 90.0).numpy().tolist() == [20.0] * 3
    path.write_text(json.dumps(presets.as_dict(config)))  # as a run keeps it
    assert presets.load(path) == config and json.loads(path.read_text())["network"]["kind"] == kind
    hp = keras_tuner.HyperParameters()
    assert configuration(hp, config) == config and hp.space[0].values == ["group", "polar", kind]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("udl_tf.nothing:NETWORK", "No module named 'udl_tf.nothing'"),
        ("udl_tf.networks.polar:polar", "polar is of type function, expected udl_tf.networks.entry.Network"),
        ("udl_tf.networks.polar:NOTHING", "NOTHING is of type NoneType"),
        (f"{__name__}:BORROWED", "BORROWED has the config PolarConfig, expected a class of its own"),
        ("legs", "expected the fields of a configuration .'legs'."),
    ],
)
def test_a_module_without_such_a_network_is_named(tmp_path, kind, told):
    (tmp_path / "mine.json").write_text(json.dumps({"preset": "cryo", "network": {"kind": kind}}))
    with pytest.raises(InputError, match=told):
        presets.resolve(str(tmp_path / "mine.json"))


def test_what_is_no_network_is_named():
    with pytest.raises(TypeError, match=f"type int: expected that of one of {', '.join(registry.NETWORKS)}"):
        registry.kind_of(3)


@pytest.mark.parametrize("kind", registry.NETWORKS)
def test_every_entry_is_complete(kind):
    network = registry.NETWORKS[kind]
    config = network.config()
    assert registry.from_dict(json.loads(json.dumps(registry.as_dict(config)))) == config
    assert network.period(config) in (180.0, 360.0) and network.precisions[0] == "float32"


def test_presets_are_read_without_tensorflow():
    program = "import sys, udl_tf.presets; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
