"""Mixed precision of the paper's network: what computes in which type, and that a training step stays what it is."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.pairs.disturb import Disturb
from udl_tf.networks.siamese import SiameseConfig, siamese
from udl_tf.training import loss_scaling
from udl_tf.training.step import DisturbedPairModel

BOX, BATCH = 16, 16
SMALL = SiameseConfig("direction", (2, 1), (8, 16), (16,), (32,))


def network(precision):
    tf.keras.utils.set_random_seed(3)
    return siamese(SMALL, BOX, precision=precision)


def images(seed):
    return tf.random.stateless_normal((BATCH, BOX, BOX), (seed, 1))


@pytest.fixture(scope="module")
def reference():
    """The step in float32."""
    return stepped("float32")


def stepped(precision):
    """Loss of one step from the same weights, and what it changed: one vector for all weights that are trained."""
    model = DisturbedPairModel(network(precision), Disturb(1.0), 360.0, seed=5, self_pair_share=0.5)
    model.compile(optimizer=loss_scaling.wrapped(tf.keras.optimizers.SGD(1.0), precision))
    start = [weight.numpy() for weight in model.network.trainable_variables]
    data = tf.data.Dataset.from_tensors({"fixed": images(1), "moving": images(2)})
    loss = model.fit(data, verbose=0).history["loss"][0]
    change = [np.ravel(new.numpy() - old) for new, old in zip(model.network.trainable_variables, start, strict=True)]
    return loss, np.concatenate(change)


@pytest.mark.parametrize(("precision", "digits"), [("mixed_bfloat16", 8), ("mixed_float16", 11)])
def test_a_step_is_nearly_that_of_float32(precision, digits, reference):
    (expected, change), (loss, mixed_change) = reference, stepped(precision)
    assert 0.0 < abs(loss - expected) < 16 * 2.0**-digits  # rounding is seen, and adds up over the layers
    assert np.isfinite(mixed_change).all()
    cosine = change @ mixed_change / (np.linalg.norm(change) * np.linalg.norm(mixed_change))
    assert cosine > 0.95 and 0.8 < np.linalg.norm(mixed_change) / np.linalg.norm(change) < 1.25


def test_only_convolutions_of_features_and_matches_are_mixed():
    built = network("mixed_bfloat16")
    mixed = {
        part: {layer.compute_dtype for layer in built.get_layer(part).layers if "conv" in layer.name}
        for part in ("mask", "features", "match_encoder")
    }
    assert mixed == {"mask": {"float32"}, "features": {"bfloat16"}, "match_encoder": {"bfloat16"}}
    assert {layer.compute_dtype for layer in built.get_layer("regression").layers} == {"float32"}
    assert built.get_layer("matching").compute_dtype == "float32"
    assert {tf.as_dtype(weight.dtype) for weight in built.weights} == {tf.float32}
    direction = built({"fixed": images(1), "moving": images(2)})["direction"]
    assert direction.dtype == tf.float32
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1.0, atol=1e-5)


def test_the_policy_of_the_process_is_left_as_it_was():
    with pytest.raises(ValueError):  # Keras's, from within the features
        siamese(SiameseConfig(feature_widths=(-4,)), BOX, precision="mixed_bfloat16")
    network("mixed_bfloat16")
    assert tf.keras.layers.Dense(1).compute_dtype == "float32"


def test_unknown_precisions_are_refused():
    with pytest.raises(InputError, match="'half'.*float32, mixed_bfloat16, mixed_float16"):
        siamese(SMALL, BOX, precision="half")
