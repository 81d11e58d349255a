"""What all trackers share: following a patch over frames, how two places differ, and the training of those that are trained.

A *place* is a homography (3, 3) from points of the patch to points of the frame, each from its own centre, as in
`pipelines.pairs.tracking`. A tracker has the attributes ``side``, of its patch in pixels, and ``renews``, whether it compares
with the patch as it looked in the frame before instead of the first one, and the method
``locate(patches (n, side, side), frames (n, height, width), places (n, 3, 3)) -> places``: nearly right ones are mended.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry import homography
from pipelines.geometry.sampling import bilinear
from pipelines.geometry.transforms import Homography
from udl_tf.rivals import learning, lucas_kanade
from udl_tf.rivals.pair_model import BuiltModel, compiled


def answer(problem, inputs):
    """See `registry.Rival`: Lucas-Kanade on grey values."""
    return followed(PlainLK(problem.side), inputs)


def learner_of(problem, model, rate, steps):
    """The `learning.Learner` of a tracker that is trained."""
    model = compiled(model, problem.scale, rate, steps)
    return learning.of_model(problem, model, steps, lambda inputs: followed(model, inputs))


def followed(model, inputs):
    """The places that a tracker finds in n sequences of f frames, as one `Homography` of n f rows."""
    return Homography(track(model, inputs["frames"], inputs["start"]).reshape(-1, 3, 3))


def track(model, frames, start):
    """Follow what lies at a place in the first frame.

    Args:
        model: a tracker, for instance `PlainLK`, `deep_lk.DeepLK` or `goturn.Goturn`.
        frames: float32 (count, height, width), or several sequences (n, count, height, width), of about unit contrast.
        start: (3, 3), or (n, 3, 3), the place in the first frame.

    Returns:
        NumPy places (count, 3, 3), or (n, count, 3, 3); the first of them is `start`.

    Raises:
        InputError: shapes that do not fit.
    """
    frames, start = np.asarray(frames, np.float32), np.asarray(start, np.float32)
    if frames.ndim not in (3, 4) or start.shape != (*frames.shape[:-3], 3, 3):
        expected = "frames (count, height, width) and start (3, 3), or both with a leading axis of sequences"
        raise InputError(f"track: received frames of shape {frames.shape}, start {start.shape}, expected {expected}")
    several = frames if frames.ndim == 4 else frames[None]
    place = tf.constant(start.reshape(-1, 3, 3))
    patch, found = cut(tf.constant(several[:, 0]), place, model.side), [place]
    for t in range(1, several.shape[1]):
        frame = tf.constant(several[:, t])
        place = model.locate(patch, frame, place)
        if model.renews:
            patch = cut(frame, place, model.side)
        found.append(place)
    return np.stack(found, 1).reshape(*frames.shape[:-2], 3, 3)


@dataclasses.dataclass(frozen=True)
class PlainLK:
    """Lucas-Kanade on grey values, as a tracker. kind, method, steps: of `lucas_kanade.align`."""

    side: int
    kind: str = "homography"
    method: str = lucas_kanade.METHODS[0]
    steps: int = 20
    renews = False

    @tf.function(reduce_retracing=True, autograph=False)
    def locate(self, patches, frames, places):
        """See the module."""
        found, _ = lucas_kanade.align(patches, frames, self.kind, self.method, self.steps, homography.inverse(places))
        good = tf.reduce_all(tf.math.is_finite(found), axis=(1, 2), keepdims=True)
        return tf.where(good, homography.inverse(tf.where(good, found, tf.eye(3))), places)


class PlaceModel(BuiltModel):
    """A tracker that is trained on pairs with known homographies, ``(inputs, truth)`` as of `pipelines.pairs.tracking.pairs`.

    Subclasses define ``placed(patches, frames, places) -> list of places``, each better than the one before, `side` and `renews`.
    """

    def __init__(self, side, kind, renews):
        super().__init__()
        if kind not in lucas_kanade.WARPS:
            raise InputError(f"tracker: received the warp {kind!r}, expected one of {', '.join(lucas_kanade.WARPS)}")
        self.side, self.kind, self.renews = side, kind, renews
        self.warp = lucas_kanade.WARPS[kind]

    def call(self, inputs, training=False):
        """Homographies (batch, 3, 3) that bring moving onto fixed, from none."""
        return homography.inverse(self.locate(inputs["fixed"], inputs["moving"], _nowhere(inputs["fixed"])))

    @tf.function(reduce_retracing=True, autograph=False)
    def homographies(self, inputs):
        """See `call`."""
        return self(inputs)

    def angles(self, inputs):
        """Angles (batch,) in degrees of the rigid transforms nearest to the homographies."""
        return homography.to_rigid(self.homographies(inputs))[0]

    @tf.function(reduce_retracing=True, autograph=False)
    def locate(self, patches, frames, places):
        """See the module."""
        return self.placed(patches, frames, places)[-1]

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step; see `pair_loss`."""
        inputs, truth = data
        with tf.GradientTape() as tape:
            loss = self.pair_loss(inputs, truth)
        weights = self.trainable_variables
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, weights), 1.0)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return {"loss": loss}

    def pair_loss(self, inputs, truth):
        """The loss of a batch, scalar: mean corner distance in pixels, as `weighed`, over all places on the way."""
        true = homography.inverse(truth["homography"])
        places = self.placed(inputs["fixed"], inputs["moving"], _nowhere(inputs["fixed"]))
        return tf.reduce_mean([self.weighed(corner_distance(place, true, self.side)) for place in places])

    def weighed(self, distance):
        """What a corner distance (batch,) counts in the loss."""
        return distance

    def in_units(self, places, backwards=False):
        """Places on points counted in halves of the patch, as the warps want them; or back in pixels."""
        half = self.side / 2.0
        zoom = tf.constant([half, half, 1.0]) if backwards else tf.constant([1.0 / half, 1.0 / half, 1.0])
        return places * zoom[:, None] / zoom[None, :]


def cut(frames, places, side):
    """What frames (n, height, width) show at places (n, 3, 3), (n, side, side); zero outside the frames."""
    grid = tf.constant(geometry.centred_grid(side, side).reshape(1, -1, 2))
    points = homography.apply(places, tf.tile(grid, (tf.shape(frames)[0], 1, 1)))
    return tf.reshape(bilinear(frames, points), (-1, side, side))


def corner_distance(places, true, side):
    """Mean distance (n,) in pixels of where places and true places put the corners; smooth at 0, where it is 1e-3."""
    corners = tf.tile(homography.corners(side, side)[None], (tf.shape(places)[0], 1, 1))
    away = homography.apply(places, corners) - homography.apply(true, corners)
    return tf.reduce_mean(tf.sqrt(tf.reduce_sum(away**2, -1) + 1e-6), -1)


def _nowhere(patches):
    """Identities, one for each patch."""
    return tf.eye(3, batch_shape=[tf.shape(patches)[0]])
