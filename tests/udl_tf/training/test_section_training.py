"""Training on sections: who is updated when, a run that is gone on with, what is learned from, and that it learns."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tifffile

from pipelines.errors import InputError
from pipelines.pictures.section_faults import plant
from pipelines.pictures.tissue import made_volume
from udl_tf.networks.build import build
from udl_tf.networks.sections.alignment import SectionAlignmentConfig
from udl_tf.networks.sections.superresolution import SectionBlocksConfig
from udl_tf.presets import SECTION_PRESETS
from udl_tf.training.section_blocks import where_sections_are
from udl_tf.training.section_interpolation import means, measured
from udl_tf.training.section_triplets import HeldOut, gather
from udl_tf.training.tasks import task_of

SMALL = {"slice_modules": 1, "fused_modules": 1, "maps": 4, "discriminator_maps": (2, 2, 2), "dense": 4}


def small(adversarial=0.0, **fields):
    config = SECTION_PRESETS["sections-interpolation"]
    network = dataclasses.replace(config.network, **SMALL, adversarial=adversarial, discriminator_floor=0.0)
    return dataclasses.replace(config, network=network, box=48, batch=2, sources=6, steps=8, **fields)


@pytest.fixture(scope="module")
def data():
    return gather(small())


def stepped(model, data, start, steps):
    """Logs of eager steps, which need no tracing."""
    found = [model.train_step(one) for one in data.train(start).take(steps)]
    return [{name: float(value) for name, value in logs.items()} for logs in found]


def changed(model, data, **settings):
    """Which of generator and discriminator one step changes."""
    for name, value in settings.items():
        setattr(model, name, value)
    before = [[weight.numpy() for weight in part.trainable_weights] for part in (model.network, model.discriminator)]
    stepped(model, data, 0, 1)
    after = [[weight.numpy() for weight in part.trainable_weights] for part in (model.network, model.discriminator)]
    return [any(not np.array_equal(a, b) for a, b in zip(*pair)) for pair in zip(before, after)]


def test_who_is_updated(data):
    """Algorithm 1: the generator twice a step; the discriminator not while its loss is below the floor."""
    config = small(adversarial=0.1)
    model = task_of(config).compiled(config, data)
    assert changed(model, data, warm_steps=1) == [True, False] and int(model.optimizer.iterations) == 1
    assert changed(model, data) == [True, True] and int(model.optimizer.iterations) == 3
    assert changed(model, data, floor=99.0) == [True, False] and int(model.optimizer.iterations) == 5
    assert int(model.judge_optimizer.iterations) == 1 and int(model.steps_done) == 3


def test_a_training_is_gone_on_with_bit_by_bit(data):
    config = small(adversarial=0.1)
    whole, second = (task_of(config).compiled(config, data) for _ in range(2))
    stepped(whole, data, 0, 1)
    between = [variable.numpy() for variable in whole.training_state]
    stepped(whole, data, 1, 1)
    for weight in second.network.weights:
        weight.assign(tf.ones_like(weight))
    for variable, value in zip(second.training_state, between, strict=True):
        variable.assign(value)
    stepped(second, data, 1, 1)
    for one, other in zip(whole.training_state, second.training_state, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_pixel_loss_is_that_of_the_crops(data):
    config = small()
    model = task_of(config).compiled(config, data)
    one = next(iter(data.train(0)))
    made = model.network(one["slices"]).numpy()
    logs = stepped(model, data, 0, 1)
    assert logs == [{"loss": pytest.approx(np.abs(made - one["section"].numpy()).mean(), rel=1e-4)}]


def test_a_network_begins_with_the_best_linear_mixture(data):
    """Of least squares on the same windows: no other mixture has a smaller error, and that of the slices has a larger one."""
    config = small()
    network = task_of(config).compiled(config, data).network
    errors, others = [], []
    for batch in data.train(0).take(20):
        slices, section, margin = batch["slices"].numpy(), batch["section"].numpy(), config.network.margin
        made = network(slices).numpy()
        errors.append(np.square(made - section).mean())
        mean = slices[:, margin:-margin, margin:-margin, 2:4].mean(-1)
        others.append([np.square(made + 0.05 * mean - section).mean(), np.square(mean - section).mean()])
    assert np.mean(errors) < np.mean(others, 0).min() and np.mean(errors) < 0.8 * np.mean(others, 0)[1]


def test_the_lowest_rows_are_held_out(data):
    config = small()
    margin, strip = config.network.margin, data.held_out.slices.shape[1]
    volume = made_volume(6, (128, 144), config.seed, 2.0)
    normal = (np.float32(volume) - data.scale.level) / data.scale.spread
    assert volume[2:4].mean() == pytest.approx(data.scale.level) and volume[2:4].std() == pytest.approx(data.scale.spread)
    rows = slice(128 - strip + margin, 128 - margin)
    np.testing.assert_allclose(data.held_out.sections, normal[2:4, rows, margin:-margin], atol=2e-3)
    crop = next(iter(data.train(0)))
    assert crop["section"].shape == (2, 48, 48) and crop["slices"].shape == (2, 48 + 2 * margin, 48 + 2 * margin, 6)


def test_faulty_sections_are_left_out(tmp_path):
    volume, _ = plant(made_volume(16, (128, 144), 4, 2.0), [6], 0)
    tifffile.imwrite(tmp_path / "volume.tif", volume)
    found = gather(small(), str(tmp_path / "volume.tif"))
    assert len(found.held_out.sections) == 12 - 5 and "1 faulty ones left out" in found.description
    assert [str(path) for path in found.files] == [str(tmp_path / "volume.tif")]


def test_measures_by_hand():
    sections = np.random.default_rng(0).normal(size=(3, 30, 32)).astype(np.float32)
    slices = np.stack([sections + 0.5, sections + 0.25], -1)
    held_out = HeldOut(slices, sections[:, 4:-4, 4:-4])
    assert measured(means(held_out), held_out.sections) == {"mae": pytest.approx(0.375), "sharpness": pytest.approx(1.0)}
    assert measured(0.5 * held_out.sections, held_out.sections)["sharpness"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, "clean.mrcs"), "received --simulate-from"),
        (("small.tif", None), r"sections of 60x60 pixels, expected at least \d+x\d+"),
    ],
)
def test_what_cannot_be_learned_from(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("small.tif", made_volume(5, (60, 60), 4, 2.0))
    with pytest.raises(InputError, match=message):
        gather(small(), *arguments)


def test_super_resolution_is_held_out_where_it_says():
    config = SECTION_PRESETS["sections-superresolution"]
    network = dataclasses.replace(config.network, coarse_modules=1, fine_modules=1, maps=4)
    config = dataclasses.replace(config, network=network, box=48, batch=2, sources=4)
    task = task_of(config)
    data = task.gather(config)
    volume = np.float32(made_volume(4, (144, 192), config.seed, 3.0))
    normal, strip = (volume - data.scale.level) / data.scale.spread, data.held_out.sections.shape[2]
    assert data.held_out.sections.shape == (2, 64, strip, 3) and strip == 2 * network.margin + 16
    np.testing.assert_allclose(data.held_out.sections[0, 5, :, 2], normal[2, -strip:, 15], atol=2e-3)
    first = network.first
    np.testing.assert_allclose(data.held_out.planes[1, 4], normal[2, 4 - strip : -4, first + 4], atol=2e-3)
    model = task.compiled(config, data)
    logs = stepped(model, data, 0, 1)[0]
    crop = next(iter(data.train(0)))
    assert crop["planes"].shape[2] == 48 and crop["planes"].shape[1] >= 48 and 0.0 < logs["loss"] < 1.0
    metrics = {
        **task.measures(config, task.compiled(config, data).network, data.held_out),
        **task.reference(config, data.held_out),
    }
    assert metrics["mae"] == pytest.approx(metrics["line_mae"], abs=1e-6)


@pytest.mark.parametrize("name", ["sections-alignment-paper", "sections-superresolution-paper"])
def test_networks_of_blocks(name):
    """One step of the source's algorithm, both networks changed; reslices are compared with sections of as many pixels."""
    config = SECTION_PRESETS[name]
    sizes = {"modules": 1} if "alignment" in name else {"coarse_modules": 1, "fine_modules": 1}
    network = dataclasses.replace(config.network, maps=2, discriminator_maps=(2, 2, 2), dense=4, **sizes)
    config = dataclasses.replace(config, network=network, box=16, batch=1, sources=24)
    task = task_of(config)
    data = task.gather(config)
    model = task.compiled(config, data)
    assert changed(model, data, floor=0.0) == [True, True]
    block = next(iter(data.train(0)))
    made, examples = model.network(block[..., None]), task.examples(config)
    assert examples.real(block, 3).shape == examples.made(made, block, 3).shape == (1, 16, 16, 1)
    assert task.measures(config, model.network, data.held_out).keys() == {"mae", "sharpness"}
    shown = task.planes(model.network, data.held_out)
    assert shown["before"].shape == shown["made"].shape  # pictures have them side by side
    silent = build(dataclasses.replace(config, network=dataclasses.replace(network, residual=True)))
    shown = task.planes(silent, data.held_out)
    known = (network.first + np.arange(shown["made"].shape[1])) % network.factor == 0
    np.testing.assert_allclose(shown["before"][:, known], shown["made"][:, known], atol=1e-6)  # sections lie where they are made


@pytest.mark.parametrize(
    "network", [SectionAlignmentConfig(modules=1), SectionBlocksConfig(factor=2, coarse_modules=1, fine_modules=1)]
)
def test_planes_are_compared_where_sections_are(network):
    """What is made is what the places say: the volume's value is its depth."""
    block = np.broadcast_to(np.arange(10.0, dtype=np.float32)[None, :, None, None], (1, 10, 14, 14)).copy()
    length = 10 - 4 if network.factor == 1 else network.length(10)
    places = (network.first + np.arange(length)) / network.factor
    made = np.broadcast_to(places[None, :, None, None], (1, length, 14 - 2 * network.margin, 14 - 2 * network.margin))
    made, sections = where_sections_are(np.float32(made), block, network)
    np.testing.assert_array_equal(made, sections)
    assert made.shape[1] == {1: 6, 2: 4}[network.factor]
