"""Goal 8: pairs a second of the pair generators alone and of training, for the polar and for the paper's network.

    python benchmarks/throughput.py --data ../shared/data

Training counts the pairs of the batch; each is disturbed and seen twice. The generator feeds the training it is timed
in.
"""

import sys
import time

from harness import add_data, data_path, progress, run


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--seconds", type=float, default=10.0, help="each measurement, about (default: 10)")
    parser.add_argument("--presets", nargs="+", default=["cryo", "photo", "cryo-paper-small"], metavar="NAME", help="to train")
    parser.add_argument("--batch", type=int, default=64, help="pairs a step (default: 64)")


def main(args):
    """The rows of the table."""
    from udl_tf import presets
    from udl_tf.training import material

    average = str(data_path(args.data, "cryo/class_averages/empiar10034.mrc"))
    stack = str(data_path(args.data, "cryo/semireal/clpb_side.mrcs"))
    photos = str(data_path(args.data, "photos/val"))
    cryo, photo = (presets.resolve(name, batch=args.batch) for name in ("cryo", "photo"))
    sources = {
        "generator, simulated from a class average": (cryo, None, average),
        "generator, noisy stack": (cryo, stack, None),
        "generator, photos": (photo, photos, None),
    }
    rows = []
    for name, inputs in sources.items():
        progress(name)
        rows.append({"what": name, **generator_rate(material.gather(*inputs).train, args.batch, args.seconds)})
    for name in args.presets:
        progress(f"training {name}")
        config = presets.resolve(name, batch=args.batch)
        data = (photos, None) if config.material == "photos" else (None, average)
        found = training_rate(config, material.gather(config, *data), args.seconds)
        rows.append({"what": f"training, {name}", **found})
    return rows


def generator_rate(dataset, batch, seconds):
    """Pairs a second of an endless dataset of batches, its start not counted."""
    iterator = iter(dataset)
    for _ in range(3):
        next(iterator)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        inputs, _ = next(iterator)
        inputs["fixed"].numpy()  # where the work is on a GPU, wait for it
        count += batch
    return {"pairs/s": count / (time.perf_counter() - start)}


def training_rate(config, pairs, seconds):
    """Pairs a second of training, tracing and the first steps not counted."""
    import tensorflow as tf

    from udl_tf.training.trainer import compiled

    class Clock(tf.keras.callbacks.Callback):
        """Stops when the time is over; the first `WARM` steps do not count."""

        start, steps = None, 0

        def on_train_batch_end(self, batch, logs=None):
            if batch + 1 == WARM:
                self.start = time.perf_counter()
            if self.start is not None:
                self.end, self.steps = time.perf_counter(), batch + 1 - WARM
                self.model.stop_training = self.steps > 0 and self.end - self.start > seconds

    model, clock = compiled(config, pairs), Clock()
    model.fit(pairs.train, steps_per_epoch=MOST, epochs=1, callbacks=[clock], verbose=0, shuffle=False)
    rate = clock.steps * config.batch / (clock.end - clock.start)
    return {"pairs/s": rate, "steps timed": clock.steps, "weights": model.network.count_params()}


WARM, MOST = 3, 100_000


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
