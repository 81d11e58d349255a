"""Networks trained for a table by `fit`, each on a file of what it may see; a fresh discriminator that judges what they make."""

import json
import resource
import time


def train(preset, sections, folder, name):
    """Train on sections (n, height, width), unless that is done; returns the run folder and what it took."""
    import tifffile

    from udl_tf.training import runs

    run, file = folder / f"{preset}-{name}", folder / f"{name}.tif"
    if (run / "metrics.json").exists():
        return run, {"training, s": json.loads((run / "metrics.json").read_text())["seconds"]}
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(file, sections)
    used, start = _used(), time.monotonic()
    runs.fit(preset, str(file), output=run, verbose=0)
    return run, {"training, s": time.monotonic() - start, "training, CPU s": _used() - used}


def found_out(sections, seed, side=64, steps=200, batch=12):
    """How often a fresh discriminator is right about sections that it has not seen, half of them made: 0.5 is chance.

    It learns from crops of the first half of the sections and is asked about the second half.

    Args:
        sections: pairs of a section that was made and the true one, mean 0 and standard deviation 1.
    """
    import numpy as np
    import tensorflow as tf

    from udl_tf.networks.sections.discriminator import Discriminator

    rng = np.random.default_rng(seed)
    tf.keras.utils.set_random_seed(seed)
    judge, optimizer = Discriminator(side, 1, (16, 32, 64), 64), tf.keras.optimizers.Adam(1e-3)

    def crops(pairs, count):
        found, labels = [], np.arange(count) % 2
        for label in labels:
            one = pairs[rng.integers(len(pairs))][label]
            top, left = (int(rng.integers(length - side + 1)) for length in one.shape)
            crop = np.rot90(one[top : top + side, left : left + side], int(rng.integers(4)))
            found.append(crop if rng.integers(2) else crop.T)
        return np.float32(np.stack(found))[..., None], np.float32(labels)

    @tf.function
    def step(seen, labels, seed):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, judge(seen, seed)))
        weights = judge.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))

    half = len(sections) // 2
    for number in range(steps):
        step(*crops(sections[:half], batch), tf.constant([seed, number]))
    seen, labels = crops(sections[half:], 512)
    return float(np.mean((judge(seen).numpy() > 0) == (labels > 0.5)))


def _used():
    return sum(getattr(resource.getrusage(resource.RUSAGE_SELF), name) for name in ("ru_utime", "ru_stime"))
