"""What unsupervised difference learning (UDL) of the views adds to expectation maximisation (EM).

    python benchmarks/views_udl.py --data ../shared/data

Views of set B of `mixtures.sets` are learned by EM. Then they are the weights of a Keras layer, and are trained by gradient
steps on the UDL loss. Of a pair of particles of one class the views tell the direction of the angle between them, by the
posterior over views and turns of both. The pair is disturbed: each particle is turned by an angle of its own and given fresh
noise. What the views then tell must have changed by the difference of these angles (`udl_tf.training.losses.udl_direction`).
Shifts stay as EM found them.

Both are judged on new particles of the same views, which neither was learned from: `ARI`, `psi deg` (median of the right class),
`within 10` (right class, and psi within 10 degrees), `nats` a particle above noise alone. `loss`: at the first and the last
steps. Steps are Adam's, `--rate` times the views' root mean square in each ring.
"""

import dataclasses
import sys
import time

from harness import add_data, data_path, progress, run

BATCH = 256  # pairs


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--seeds", default="1,2,3,4,5", help="default: 1,2,3,4,5")
    parser.add_argument("--draw", default="report", choices=("report", "tune"), help="molecules and directions (default: report)")
    parser.add_argument("--steps", type=int, default=300, help="gradient steps (default: 300)")
    parser.add_argument("--rate", type=float, default=0.003, help="of a step (default: 0.003)")
    parser.add_argument("--noise", type=float, default=1.0, help="fresh noise, times the power of that of the stack (default: 1)")
    parser.add_argument("--set", default="B", choices=("A", "B"))


def main(args):
    """The rows of the table."""
    from udl_tf.chunks.executors import single_threaded

    single_threaded()
    rows = []
    for seed in map(int, args.seeds.split(",")):
        rows += measured(args, data_path(args.data, "cryo", "maps"), seed)
        progress(str(rows[-2:]))
    return rows


def measured(args, maps, seed):
    """Two rows: before and after."""
    from mixtures import scoring, sets

    from udl_tf.views.learning import Settings
    from udl_tf.views.view_model import classify, learn_views

    seen, new = (sets.make(maps, args.set, one, args.draw) for one in (seed, seed + 1000))
    images, fresh = standard(seen.images), standard(new.images)
    model, own = learn_views(images, None, Settings(sets.VIEWS[args.set], seed=seed), 0.47 * sets.BOX)
    began = time.process_time()
    trained, first, last = udl(args, model, images, classify(model, images, None, own), seed)
    seconds = time.process_time() - began
    rows = []
    for name, one in (("EM", model), ("EM, then UDL", trained)):
        found = classify(one, fresh, None)
        score = scoring.score(new, found.fit.label, found.fit.psi)
        row = {"seed": seed, "views": name} | {key: score[key] for key in ("ARI", "psi deg", "within 10")}
        rows.append(row | {"nats": float(found.fit.evidence.mean())})
    rows[0]["loss"], rows[1]["loss"], rows[1]["CPU s"] = first, last, seconds
    return rows


def standard(images):
    """Images of mean 0 and standard deviation 1."""
    return (images - images.mean((1, 2), keepdims=True)) / images.std((1, 2), keepdims=True)


def udl(args, model, images, classes, seed):
    """A `ViewModel` whose fine views were trained on; the loss of the first and the last tenth of the steps."""
    import numpy as np
    import tensorflow as tf

    from udl_tf.training.losses import udl_direction
    from udl_tf.views.model import Views
    from udl_tf.views.polar_particles import polar_particles

    grid, rng = model.grids()[1], np.random.default_rng([seed, 7])
    layer = layer_of(grid, model.fine)
    particles = polar_particles(grid, images)
    rows = np.arange(len(images))
    circles = particles.harmonics(rows, classes.offset, layer.most, grid.rings)  # (m, n, rings)
    white = polar_particles(grid, rng.standard_normal(images.shape).astype(np.float32))
    gain = np.sqrt(args.noise * model.fine.noise / white.power.mean(0)).astype(np.float32)
    noise = white.harmonics(rows, None, layer.most, grid.rings) * gain
    order = np.arange(layer.most + 1)[:, None, None]
    optimizer, losses = tf.keras.optimizers.Adam(args.rate), []

    @tf.function(autograph=False)
    def step(plain, disturbed, turn):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(udl_direction(layer(plain), layer(disturbed), turn, 360.0))
        optimizer.apply_gradients([(tape.gradient(loss, layer.weight), layer.weight)])
        return loss

    label = classes.fit.label
    for _ in range(args.steps):
        fixed = rng.choice(rows, BATCH)
        moving = np.array([rng.choice(np.flatnonzero(label == label[row])) for row in fixed])
        angle = rng.uniform(0, 360, (2, BATCH))
        pair = np.stack([circles[:, fixed], circles[:, moving]], 1)  # (m, 2, n, rings)
        turned = pair * np.exp(-1j * order[:, None] * np.radians(angle)[None, :, :, None])
        # Noise is turned at random, so that it is a fresh one each time.
        drawn = rng.integers(len(rows), size=(2, BATCH))
        new = noise[:, drawn] * np.exp(-1j * order[:, None] * rng.uniform(0, 2 * np.pi, (1, 2, BATCH, 1)))
        losses.append(float(step(pair, (turned + new).astype(np.complex64), (angle[0] - angle[1]).astype(np.float32))))
    averages = layer.averages().numpy()
    tenth = max(1, args.steps // 10)
    trained = dataclasses.replace(model, fine=Views(averages, model.fine.noise, model.fine.mass))
    return trained, float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))


def layer_of(grid, views):
    """The Keras layer whose weights are `Views` on a `PolarGrid`: pairs of particles to directions of their angle."""
    import numpy as np
    import tensorflow as tf

    from udl_tf.views.matching import Matcher

    matcher = Matcher(grid, views, np.zeros((1, 2), np.float32), grid.rings)
    half = views.averages[:, :, : grid.half]
    scale = np.sqrt(np.square(np.abs(half)).mean((0, 2)))[:, None]  # (rings, 1): a step is as large as this times the rate

    class Through(tf.keras.layers.Layer):
        """Circles complex64 (m, 2, n, rings) of fixed and moving -> unit vectors times how sure they are, (n, 2)."""

        most = matcher.most

        def __init__(self):
            super().__init__()
            start = np.stack([half.real, half.imag]) / scale
            self.weight = tf.Variable(start.astype(np.float32), name="views")

        def averages(self):
            """Complex64 (k, rings, angles)."""
            half = tf.complex(self.weight[0], self.weight[1]) * tf.cast(scale, tf.complex64)
            return tf.concat([half, tf.math.conj(half)], -1)

        def call(self, circles):
            averages = self.averages()
            weight = tf.cast((grid.freedom / grid.angles**2 / views.noise)[:, None], tf.complex64)
            known = tf.transpose(tf.signal.fft(averages * weight)[..., : self.most + 1], (2, 0, 1))  # (m, k, rings)
            power = tf.reduce_mean(tf.square(tf.abs(averages)), -1)  # (k, rings)
            quadratic = tf.linalg.matvec(power, (0.5 * grid.freedom / views.noise).astype(np.float32))
            shape = tf.shape(circles)
            flat = tf.reshape(circles, (self.most + 1, 2 * shape[2], grid.rings))
            product = tf.matmul(flat, known, adjoint_b=True)  # (m, 2 n, k)
            parts = tf.concat([tf.math.real(product), tf.math.imag(product)], 0)
            table = tf.tensordot(tf.constant(matcher.back), parts, 1) - quadratic  # (turns, 2 n, k)
            flat = tf.reshape(tf.transpose(table, (1, 2, 0)), (2 * shape[2], -1))
            posterior = tf.reshape(tf.nn.softmax(flat), (2, shape[2], len(views), matcher.turns))
            angle = np.arange(matcher.turns) * (2 * np.pi / matcher.turns)
            circle = tf.constant(np.stack([np.cos(angle), np.sin(angle)], 1), tf.float32)
            fixed, moving = tf.unstack(tf.tensordot(posterior, circle, 1))  # (n, k, 2)
            # of each view the product of fixed's direction and the conjugate of moving's
            real = tf.reduce_sum(fixed * moving, (1, 2))
            imag = tf.reduce_sum(fixed[..., 1] * moving[..., 0] - fixed[..., 0] * moving[..., 1], 1)
            return tf.stack([real, imag], -1)

    return Through()


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
