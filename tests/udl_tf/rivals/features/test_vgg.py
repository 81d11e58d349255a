"""The method of Yang et al. on bent pairs, where its descriptors lie, and which files of weights it takes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry.transforms import Displacement
from pipelines.pairs import deformed
from pipelines.pictures.dead_leaves import dead_leaves
from udl_tf import evaluate
from udl_tf.rivals import registry
from udl_tf.rivals.features import embedded, exemplar, levels, vgg
from udl_tf.rivals.problem import Problem

RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def bent():
    """Three pairs, and how far the truth moves each pixel, (3, side^2, 2)."""
    crops = tf.constant(dead_leaves(3, 74, seed=2))
    fixed, moving, field = deformed.deformed_pair(crops, tf.constant([3, 4]), 64, 4.0)
    return {"fixed": fixed.numpy(), "moving": moving.numpy()}, field.numpy().reshape(3, -1, 2)


def test_a_bend_is_found_without_training(bent):
    inputs, truth = bent
    found = registry.RIVALS["vgg"].function("deformable")(Problem("deformable", 64), inputs)
    points = geometry.centred_grid(64, 64).reshape(-1, 2)
    away = np.linalg.norm(found.pull(points) - points - truth, axis=-1)
    assert isinstance(found, Displacement) and found.field.shape == (3, 64, 64, 2)
    assert away.mean() < 0.6 * np.linalg.norm(truth, axis=-1).mean()
    for name in ("fixed", "moving"):  # another exposure is the same picture
        inputs = {**inputs, name: 3.0 + 0.2 * inputs[name]}
    again = registry.RIVALS["vgg"].function("deformable")(Problem("deformable", 64), inputs)
    assert np.abs(again.field - found.field).mean() < 0.05


@pytest.mark.parametrize("kind", ["affine", "homography"])
def test_a_shift_of_a_picture_that_is_not_square(kind):
    picture = dead_leaves(1, 110, seed=6)[0]
    inputs = {"fixed": picture[None, 10:74, 10:106], "moving": picture[None, 8:72, 14:110]}
    found = registry.RIVALS["vgg"].function(kind)(Problem(kind, 64), inputs)
    np.testing.assert_allclose(found.pull(np.float32([[0.0, 0.0], [30.0, -20.0]]))[0], [[-4.0, 2.0], [26.0, -18.0]], atol=0.5)


def test_a_narrow_picture_is_told_how_far_it_moved():
    """Seven pixels of the network's size, less than what it sees around a place."""
    picture = dead_leaves(1, 330, seed=6)[0]
    inputs = {"fixed": picture[None, 10:28, 10:310], "moving": picture[None, 10:28, 14:314]}
    found = registry.RIVALS["vgg"].function("affine")(Problem("affine", 300), inputs)
    np.testing.assert_allclose(found.pull(np.float32([[0.0, 0.0]]))[0], [[-4.0, 0.0]], atol=1.0)


def test_what_lies_beyond_is_reflected_however_often():
    images = np.arange(12.0, dtype=np.float32).reshape(1, 3, 4)
    found = embedded.reflected(tf.constant(images), 7)
    np.testing.assert_array_equal(found, np.pad(images, [(0, 0), (7, 7), (7, 7)], "reflect"))


def test_pictures_of_nothing_move_nothing():
    flat = {"fixed": np.zeros((1, 64, 64), np.float32), "moving": np.zeros((1, 64, 64), np.float32)}
    found = registry.RIVALS["vgg"].function("deformable")(Problem("deformable", 64), flat)
    assert (found.field == 0.0).all()


def test_nodes_of_both_levels_lie_at_the_same_places():
    """A bright dot moves the descriptors that see it: the middle of those is the dot, at either level, whatever the size."""
    place = np.array([37, 26])  # row, column
    images = np.zeros((2, 64, 48), np.float32) + 0.1 * RNG.normal(size=(64, 48)).astype(np.float32)
    images[1, place[0], place[1]] += 5.0
    maps, apart = embedded.levels().of(tf.constant(images))
    assert [tuple(part.shape) for part in maps] == [(2, 32, 24, 96)] * 2 and (apart == 2.0).all()
    for part in maps:
        changed = np.square(part[1] - part[0]).sum(-1)
        changed *= changed > 0.2 * changed.max()
        rows, columns = np.mgrid[:32, :24]
        middle = [(2.0 * where + 0.5).ravel() @ changed.ravel() / changed.sum() for where in (rows, columns)]
        assert np.abs(middle - place).max() < 1.5


def test_likeness_by_hand():
    """Distances 5 and 1 with weights 2 and 3: 13 in all, likeness 1 - 13^2 / 2."""
    fixed = [tf.constant([[[[3.0, 4.0]]]]), tf.constant([[[[1.0]]]])]
    moving = [tf.constant([[[[0.0, 0.0]]]]), tf.constant([[[[2.0]]]])]
    np.testing.assert_allclose(levels.likeness(fixed, moving, (2.0, 3.0)), [[[-83.5]]])


def test_images_are_looked_at_in_a_size_that_the_network_takes():
    source = levels.Levels(None, (1.0,), 8, 224, 448, 32)
    assert source.size(64, 64) == (224, 224) and source.size(300, 150) == (288, 160) and source.size(2000, 1000) == (448, 224)


def test_matches_lie_all_over_the_image():
    """Of cells of 2 x 2 nodes one match is left, the surest."""
    sure = np.arange(1.0, 601.0, dtype=np.float32).reshape(1, 20, 30)
    left = vgg.surest(tf.constant(sure.reshape(1, -1)), 20, 30).numpy().reshape(20, 30)
    cell = 3  # 600 nodes, at most 128 matches
    assert (left > 0).sum() == 7 * 10
    assert left[2, 2] == sure[0, 2, 2] and left[19, 29] == 600.0 and left[: cell - 1].sum() == 0.0


def test_weights_of_an_exemplar_cnn_of_ones_own(tmp_path, bent):
    path = tmp_path / "weights.npz"
    tf.keras.utils.set_random_seed(1)
    values = exemplar.trunk((4, 8, 12)).get_weights()
    np.savez(path, **{f"{number:04d}": value for number, value in enumerate(values)})
    rivals = registry.with_weights({"vgg": registry.RIVALS["vgg"]}, path)
    found = rivals["vgg"].function("deformable")(Problem("deformable", 64), bent[0])
    assert found.field.shape == (3, 64, 64, 2) and np.isfinite(found.field).all()
    np.savez(path, **{f"{number:04d}": value for number, value in enumerate(values[:5])})
    embedded.levels.cache_clear()
    with pytest.raises(InputError, match=r"weights.npz: received arrays of shapes .*, expected the weights of an Exemplar-CNN"):
        embedded.levels(str(path))


@pytest.mark.parametrize(
    ("name", "message"),
    [("empty", "NumPy does not read"), ("array", "NumPy does not read"), ("nan", "not finite"), ("text", "not finite")],
)
def test_a_file_that_holds_no_exemplar_cnn_is_refused_in_one_line(tmp_path, name, message):
    path = tmp_path / f"{name}.npz"
    values = [np.zeros(shape, np.float32) for shape in ((5, 5, 1, 2), (2,), (5, 5, 2, 2), (2,), (5, 5, 2, 2), (2,))]
    if name == "empty":
        path.write_bytes(b"")
    elif name == "array":
        np.save(tmp_path / "one.npy", values[0])
        (tmp_path / "one.npy").rename(path)
    else:
        values[0] = values[0] + np.nan if name == "nan" else values[0].astype(str)
        np.savez(path, **{f"{number:04d}": value for number, value in enumerate(values)})
    with pytest.raises(InputError, match=f"{name}.npz: received .*{message}.*, expected") as error:
        vgg.source(str(path))
    assert len(str(error.value).splitlines()) == 1


def test_weights_of_vgg16(tmp_path):
    """58 MB, random: what Keras writes is what is loaded, and the levels are the poolings that the paper names."""
    path = str(tmp_path / "vgg16.weights.h5")
    tf.keras.utils.set_random_seed(0)
    network = tf.keras.applications.VGG16(weights=None, include_top=False)
    network.save_weights(path)
    source = vgg.source(path)
    images = RNG.normal(size=(1, 64, 64)).astype(np.float32)
    maps = source.maps(tf.constant(images))
    colours = np.clip(64.0 * (images - images.mean()) / images.std() + 128.0, 0.0, 255.0)[..., None] - [103.939, 116.779, 123.68]
    expected = tf.keras.Model(network.input, network.get_layer("block4_pool").output)(np.float32(colours))
    assert [tuple(part.shape) for part in maps] == [(1, 8, 8, 256), (1, 8, 8, 512), (1, 8, 8, 512)]
    np.testing.assert_allclose(maps[1][:, ::2, ::2], expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(maps[1][:, 1::2, 1::2], expected, atol=1e-3 * np.abs(expected).max())  # the same twice
    assert source.size(64, 64) == (224, 224)
    _, apart = dataclasses.replace(source, maps=lambda seen: [tf.zeros((1, 28, 28, 1)) + seen[0, 0, 0]]).of(tf.constant(images))
    np.testing.assert_allclose(apart, 64.0 / 28.0)


@pytest.mark.parametrize("name", ["broken.h5", "broken.weights.h5", "broken.keras", "broken.txt"])
def test_a_file_that_holds_no_vgg16_is_refused_in_one_line(tmp_path, name):
    path = tmp_path / name
    path.write_text("nothing of the kind\n")
    with pytest.raises(InputError, match=f"{name}: expected Keras weights of VGG16") as error:
        vgg.source(str(path))
    assert len(str(error.value).splitlines()) == 1


def test_the_table_tells_of_a_broken_file_before_the_work(tmp_path):
    (tmp_path / "broken.h5").write_text("nothing of the kind\n")
    with pytest.raises(InputError, match="broken.h5: expected Keras weights of VGG16"):
        evaluate.evaluate("deformable", ["dirnet", "vgg"], output=tmp_path / "new", weights=tmp_path / "broken.h5")
    assert not (tmp_path / "new").exists()


def test_weights_are_for_those_that_take_them(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"")
    dis, both = {"dis": registry.RIVALS["dis"]}, {name: registry.RIVALS[name] for name in ("dis", "vgg")}
    with pytest.raises(InputError, match="a.npz: received the method dis, expected vgg"):
        registry.with_weights(dis, tmp_path / "a.npz")
    with pytest.raises(InputError, match="--weights no.h5: no such file"):
        registry.with_weights(both, "no.h5")
    given = registry.with_weights(both, tmp_path / "a.npz")
    assert given["dis"] is both["dis"] and given["vgg"].options == {"weights": str(tmp_path / "a.npz")}
    assert registry.with_weights(dis, None) is dis
