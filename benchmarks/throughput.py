"""Pairs a second of the generators and of training, and where a training step's time goes.

    python benchmarks/throughput.py --data ../shared/data
    python benchmarks/throughput.py --data ../shared/data --presets cryo-paper --batch 8

Training counts the pairs of the batch; each is disturbed and seen twice. For each preset: pairs a second that its generator gives
alone; that training takes, with the generator beside it; the step alone on a batch in memory, which part of it is the network's
(forward, backward, update) and which the disturbance's (turn, shift, fresh noise); which part of training waits for data;
operations of the convolutions and matrix products of the network in a step (`operations.count`), per second of the step, against
one large matrix product on the same machine. Step, network, disturbance and product are timed in turn, and medians are told; on a
CPU the parts are told in processor time, which other programs disturb less, on a GPU in time.
"""

import math
import statistics
import sys
import time

import operations
from harness import add_data, data_path, progress, run


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--seconds", type=float, default=10.0, help="each measurement, about (default: 10)")
    parser.add_argument("--presets", nargs="+", default=["cryo", "photo", "cryo-paper-small"], metavar="NAME", help="to train")
    parser.add_argument("--batch", type=int, default=64, help="pairs a step (default: 64)")
    parser.add_argument("--xla", action="store_true", help="compile the training step by XLA; waiting is not known then")
    parser.add_argument("--precision", help="of the paper's network: float32, mixed_bfloat16, mixed_float16")


def main(args):
    """The rows of the table."""
    from udl_tf import presets
    from udl_tf.training import datasets, hardware

    hardware.set_up()
    average = str(data_path(args.data, "cryo/class_averages/empiar10034.mrc"))
    stack = str(data_path(args.data, "cryo/semireal/clpb_side.mrcs"))
    photos = str(data_path(args.data, "photos/val"))
    progress("generator, noisy stack")
    from_stack = datasets.gather(presets.resolve("cryo", batch=args.batch), stack)
    rows = [{"what": "noisy stack", "generated pairs/s": generator_rate(from_stack.train(), args.batch, args.seconds)}]
    for name in args.presets:
        progress(name)
        config = presets.resolve(name, batch=args.batch, precision=args.precision)
        pairs = datasets.gather(config, *((photos, None) if config.material == "photos" else (None, average)))
        rows.append({"what": name, **measured(config, pairs, args.seconds, args.xla)})
    return rows


def measured(config, pairs, seconds, xla=False):
    """The row of one configuration."""
    from udl_tf.training.trainer import compiled

    generated = generator_rate(pairs.train(), config.batch, seconds)
    model = compiled(config, pairs, xla)
    parts = step_parts(model, pairs, seconds)
    trained = training(model, config, pairs, seconds)
    alone = config.batch / parts["step"]
    done = parts["operations"] / parts["step"]
    return {
        "generated pairs/s": generated,
        "trained pairs/s": trained["pairs/s"],
        "generated / step's": generated / alone,
        "step ms": 1e3 * parts["step"],
        "network %": 100.0 * parts["network"],
        "disturbance %": 100.0 * parts["disturbance"],
        "waiting %": 100.0 * trained["waiting"],
        "GFLOP/step": parts["operations"] / 1e9,
        "GFLOP/s": done / 1e9,
        "of peak %": 100.0 * done / parts["peak"],
        "peak GFLOP/s": parts["peak"] / 1e9,
        "weights": model.network.count_params(),
    }


def generator_rate(dataset, batch, seconds):
    """Pairs a second of an endless dataset of batches, its start not counted."""
    iterator = iter(dataset)
    for _ in range(WARM):
        next(iterator)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        inputs, _ = next(iterator)
        inputs["fixed"][0, 0, 0].numpy()  # where the work is on a GPU, wait for it
        count += batch
    return count / (time.perf_counter() - start)


def step_parts(model, pairs, seconds):
    """Seconds of a `step` on a batch in memory; its shares of `network` and `disturbance`; `operations`; `peak` a second."""
    import tensorflow as tf

    from pipelines.geometry import warp
    from udl_tf.networks.output import told_by

    data = next(iter(pairs.train()))
    images = data[0]
    seen = {
        name: tf.concat([warp.centre_crop(image, model.box)] * 2, 0) for name, image in images.items()
    }  # as many as the step sees
    weights = model.network.trainable_variables

    def gradients():
        with tf.GradientTape() as tape:
            output = model.network(seen, training=True)
            loss = tf.reduce_sum(output[told_by(output)] ** 3)
        return tape.gradient(loss, weights)

    def network():
        model.optimizer.apply_gradients(zip(gradients(), weights))
        return tf.identity(model.optimizer.iterations)

    def disturbance():
        pair = model.disturb(images["fixed"], images["moving"], tf.stack([1, tf.cast(model.optimizer.iterations, tf.int32)]))
        return tf.reduce_sum(pair.fixed[0, 0]) + tf.reduce_sum(pair.moving[0, 0])

    traced = {
        "step": tf.function(lambda: model.train_step(data)["loss"], jit_compile=model.jit_compile),
        "network": tf.function(network),
    }
    traced["disturbance"] = tf.function(disturbance)
    traced["product"], product = operations.product()
    wall, cpu = alternating(traced, seconds)
    share = wall if tf.config.list_physical_devices("GPU") else cpu
    return {
        "step": wall["step"],
        "network": share["network"] / share["step"],
        "disturbance": share["disturbance"] / share["step"],
        "peak": product / wall["product"],
        "operations": operations.count(tf.function(gradients).get_concrete_function()),
    }


def alternating(functions, seconds):
    """Medians of the time and of the processor time of functions called in turn, so that all meet the same conditions."""
    for function in functions.values():
        for _ in range(WARM):
            function().numpy()
    wall, cpu = ({name: [] for name in functions} for _ in range(2))
    start = time.perf_counter()
    while time.perf_counter() - start < 2.0 * seconds or len(wall["step"]) < LEAST:
        for name, function in functions.items():
            began, used = time.perf_counter(), time.process_time()
            function().numpy()
            wall[name].append(time.perf_counter() - began)
            cpu[name].append(time.process_time() - used)
    return tuple({name: statistics.median(values) for name, values in kind.items()} for kind in (wall, cpu))


def training(model, config, pairs, seconds):
    """Pairs a second of training from the live generator, and the share of the time that it `waiting` for data."""
    import tensorflow as tf

    class Clock(tf.keras.callbacks.Callback):
        """Stops when the time is over; the first `WARM` steps do not count."""

        start, steps, waited = None, 0, 0.0

        def on_train_batch_begin(self, batch, logs=None):
            self.began = time.time()

        def on_train_batch_end(self, batch, logs=None):
            if batch + 1 == WARM:
                self.start = time.perf_counter()
            elif self.start is not None:
                self.end, self.steps = time.perf_counter(), batch + 1 - WARM
                fetched = float(logs.get("fetched", math.nan))
                self.waited += 0.0 if fetched < self.began else fetched - self.began
                self.model.stop_training = self.end - self.start > seconds and self.steps >= LEAST

    clock = Clock()
    model.fit(pairs.train(), steps_per_epoch=MOST, epochs=1, callbacks=[clock], verbose=0, shuffle=False)
    elapsed = clock.end - clock.start
    return {"pairs/s": clock.steps * config.batch / elapsed, "waiting": clock.waited / elapsed}


WARM, LEAST, MOST = 3, 5, 100_000


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
