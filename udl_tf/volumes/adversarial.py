"""Sections moved until planes across them look like the sections themselves: an adversarial objective for rigid parameters.

What Jain ("Adversarial Image Alignment and Interpolation") asks for at the end: a discriminator is trained on the volume, and to
fool it no pixels are moved, but angle and shift of each section, through the differentiable sampler. It begins from poses that
correlation found, and keeps what they keep: of all that would please the discriminator only that part is taken which `drift`
calls jitter, so slow drift stays where it is.

The source's discriminator tells sections from reslices. These differ by more than jitter: tissue is not alike in all directions.
Ours learns from planes of sections alone, as they are and with their rows out of place, and judges reslices.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files.lazy import LazyArray
from udl_tf.networks.sections.discriminator import Discriminator
from udl_tf.volumes.alignment import SectionPoses
from udl_tf.volumes.drift import white_part
from udl_tf.volumes.reslices import Reslices, least_sides

LEAST, STRIDE = 16, 8  # sections of a block, at least, and in steps of: three times there is pooling by 2
LONG = 64  # sections; a volume of more gets more steps, as many as there are more sections
WRONG = ("shaken", "reslices", "both")
MOMENTS, TINY = (0.8, 0.99), 1e-12  # of the gradient by poses and of its mean square, as Adam has them
NEAREST = 0.9  # pixels, from a section to the next; nearer ones would have to be thinned themselves


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdversarialConfig:
    """How the poses are moved.

    Attributes:
        steps: for a volume of up to 64 sections; in a first part, `warm` of them, the discriminator learns alone.
        batch: reslices a step, and planes. side: sections and pixels of a reslice, at most.
        wrong: examples of what is wrong: ``shaken``, planes whose rows were moved, each by chance; ``reslices``, the source's;
            or ``both``. shaken: pixels, least and largest standard deviation of these rows; that of each plane is between.
        rate: pixels, root mean square over the sections, of a step of the poses; it falls to 0.
        stay: weight of the mean square of what poses are moved by, pixels.
        maps, dense, dropout, discriminator_rate: of the discriminator.
        seed: of all that is drawn.
    """

    steps: int = 400
    warm: float = 0.3
    batch: int = 32
    side: int = 32
    wrong: str = "shaken"
    shaken: tuple = (0.25, 2.0)
    rate: float = 0.02
    stay: float = 0.3
    maps: tuple = (16, 32, 32)
    dense: int = 64
    dropout: float = 0.5
    discriminator_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self):
        if self.wrong not in WRONG:
            raise InputError(f"wrong of an adversarial objective: received {self.wrong!r}, expected one of {', '.join(WRONG)}")


def ratio_of(array: LazyArray) -> float:
    """Pixels from a section of a volume to the next; 1 where its file does not say."""
    return array.spacing["Z"] / array.spacing["X"] if {"Z", "X"} <= set(array.spacing) else 1.0


def side_of(count: int, size: tuple[int, int], ratio: float, most: int = AdversarialConfig.side) -> int:
    """Sections and pixels of a reslice.

    Raises:
        InputError: too few sections, too small, or nearer to each other than pixels are.
    """
    if not ratio >= NEAREST:
        raise InputError(f"objective adversarial: sections are {ratio:.3g} pixels apart, expected 1 or more")
    if count < LEAST:
        raise InputError(f"objective adversarial: received {count} sections, expected {LEAST} or more")
    side = min(most, count) // STRIDE * STRIDE
    while side > LEAST and least_sides(side, ratio) > min(size):
        side -= STRIDE
    needed = least_sides(side, ratio)
    if needed > min(size):
        received = f"sections of {size[1]}x{size[0]} pixels, {ratio:.3g} pixels apart"
        raise InputError(f"objective adversarial: received {received}, expected {needed} pixels along both axes")
    return side


def adversarial_poses(
    read: Callable[[int], np.ndarray],
    poses: SectionPoses,
    size: tuple[int, int],
    ratio: float = 1.0,
    config: AdversarialConfig = AdversarialConfig(),
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> SectionPoses:
    """Poses moved so that reslices look like sections; standard errors, scores and drift are those of `poses`.

    Args:
        read: from a number to a section (height, width); a block of `config.side` of them is in memory at a time.
        poses: from `alignment.align_sections`. size: (height, width). ratio: pixels from a section to the next.
        tell: called with the steps done and their count.

    Raises:
        InputError: as `side_of`.
    """
    count = len(poses.angle)
    known = np.ones(count, bool)
    known[poses.failed] = False
    side = side_of(count, size, ratio, config.side)
    rng = np.random.default_rng(config.seed)
    reslices = Reslices(read, count, size, known, ratio, side, config.batch, rng)
    steps = -(-config.steps * max(count, LONG) // LONG)
    moving, game = Moving(poses, size, known, config), Game(reslices, side, config, rng)
    for step in range(steps):
        block = reslices.block(*moving.poses())
        places = reslices.places(block)
        game.learn(block, places, *moving.poses())
        warm = config.warm * steps
        if step >= warm:
            part = (step - warm) / (steps - warm)
            moving.move(block.first, game.gradient(block, places, *moving.poses()), 0.5 + 0.5 * np.cos(np.pi * part))
        tell(step + 1, steps)
    angle, shift = moving.poses()
    return dataclasses.replace(poses, angle=angle, shift=shift)


class Moving:
    """Poses under way.

    What the gradient moves are free numbers (n, 3), pixels: right, down, and the turn at the root mean square radius of the
    frame. Of these poses get the part that is white from section to section.
    """

    def __init__(self, poses: SectionPoses, size, known: np.ndarray, config: AdversarialConfig):
        self._start, self._config = (poses.angle, poses.shift), config
        self._degrees = float(np.degrees(1.0 / np.sqrt((size[0] ** 2 + size[1] ** 2) / 12.0)))  # a pixel there
        turn, move = (white_part(len(known), *sizes, known) for sizes in zip(poses.jitter, poses.tissue))
        self._white = np.stack([move, move, turn])
        self._free = np.zeros((len(known), 3))
        self._mean, self._square, self._steps = np.zeros((len(known), 3)), np.zeros(3), 0

    def poses(self) -> tuple[np.ndarray, np.ndarray]:
        """Angles (n,) and shifts (n, 2)."""
        moved = self._moved()
        return self._start[0] + self._degrees * moved[:, 2], self._start[1] + moved[:, :2]

    def move(self, first: int, gradient: tuple, part: float) -> None:
        """A step, `part` of the rate, against the gradient by angle (m,) and shift (m, 2) of sections from `first` on.

        As Adam's, but for one mean square of all sections: their own would make as much of what is slow as of what is white.
        """
        angle, shift = gradient
        slope = 2.0 * self._config.stay / len(self._free) * self._moved()
        slope[first : first + len(angle)] += np.column_stack([shift, self._degrees * angle])
        self._steps += 1
        self._mean += (1.0 - MOMENTS[0]) * (slope - self._mean)
        self._square += (1.0 - MOMENTS[1]) * (np.square(slope).mean(0) - self._square)
        mean, square = self._mean / (1.0 - MOMENTS[0] ** self._steps), self._square / (1.0 - MOMENTS[1] ** self._steps)
        self._free -= part * self._config.rate * self._part(mean / np.sqrt(square + TINY))

    def _part(self, values):
        return np.einsum("anj,ja->na", self._white, values)

    def _moved(self):
        return self._part(self._free)


class Game:
    """The discriminator, and what it says of poses.

    Args:
        reslices: draws what it sees. side: of that. rng: of its first weights and what it drops.
    """

    def __init__(self, reslices: Reslices, side: int, config: AdversarialConfig, rng: np.random.Generator):
        self._reslices, self._config, self._rng = reslices, config, rng
        self._judge = Discriminator(side, 1, config.maps, config.dense, config.dropout)
        shapes = [tuple(weight.shape) for weight in self._judge.trainable_variables]
        self._judge.set_weights([_first(shape, rng) for shape in shapes])
        self._optimizer = tf.keras.optimizers.Adam(config.discriminator_rate)
        self._learn = tf.function(self._updated, autograph=False)
        self._gradient = tf.function(self._slope, autograph=False)

    def learn(self, block, places, angle: np.ndarray, shift: np.ndarray) -> float:
        """Update the discriminator by reslices of a block at such poses; returns its loss before."""
        seed = np.int32([self._rng.integers(2**31 - 1) for _ in range(2)])
        size = np.exp(self._rng.uniform(*np.log(self._config.shaken), (len(places.places), 1, 1, 1)))
        jitter = np.float32(size * self._rng.normal(size=(*places.places.shape[:2], 1, 2)))
        return float(self._learn(*_of(block, angle, shift), *map(tf.constant, (*places, jitter, seed))))

    def gradient(self, block, places, angle: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the loss of reslices that are found out, by angle (side,) and shift (side, 2) of the block's sections."""
        slopes = self._gradient(*_of(block, angle, shift), tf.constant(places.lines), tf.constant(places.flip))
        return tuple(slope.numpy().astype(np.float64) for slope in slopes)

    def _updated(self, windows, corner, angle, shift, lines, places, section, flip, jitter, seed):
        right = self._reslices.thinned(windows, section, places)
        wrong = []
        if self._config.wrong in ("reslices", "both"):
            wrong.append(self._reslices.cut(windows, corner, lines, angle, shift))
        if self._config.wrong in ("shaken", "both"):
            wrong.append(self._reslices.thinned(windows, tf.roll(section, 1, 0), places + jitter))
        with tf.GradientTape() as tape:
            seen = tf.concat([_flipped(one, flip) for one in (right, *wrong)], 0)
            logits = self._judge(seen[..., None], seed)
            good, bad = tf.split(logits, [self._config.batch, len(wrong) * self._config.batch])
            loss = 0.5 * (tf.reduce_mean(tf.nn.softplus(-good)) + tf.reduce_mean(tf.nn.softplus(bad)))
        weights = self._judge.trainable_variables
        self._optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    def _slope(self, windows, corner, angle, shift, lines, flip):
        with tf.GradientTape() as tape:
            tape.watch([angle, shift])
            seen = _flipped(self._reslices.cut(windows, corner, lines, angle, shift), flip)
            loss = tf.reduce_mean(tf.nn.softplus(-self._judge(seen[..., None])))
        return tape.gradient(loss, [angle, shift])


def _of(block, angle, shift):
    rows = slice(block.first, block.first + len(block.windows))
    return tuple(tf.constant(np.float32(one)) for one in (block.windows, block.corner, angle[rows], shift[rows]))


def _flipped(planes, flip):
    """Planes (batch, rows, pixels), some of them backwards along either axis."""
    planes = tf.where(flip[0], planes[:, ::-1], planes)
    return tf.where(flip[1], planes[:, :, ::-1], planes)


def _first(shape, rng):
    """He's normal weights, whatever version of Keras; 0 for offsets."""
    if len(shape) < 2:
        return np.zeros(shape, np.float32)
    return np.float32(rng.normal(0.0, np.sqrt(2.0 / np.prod(shape[:-1])), shape))
