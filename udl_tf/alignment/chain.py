"""The alignment of a batch of pairs as one TensorFlow function: repair, propose, verify, refine, know. It is what is served."""

import tensorflow as tf

from pipelines import geometry
from pipelines.spectra import spectral_plane
from pipelines.spectra.resample import scale_shift
from udl_tf.alignment import frame_polish, outputs
from udl_tf.alignment.confidence import Confidence
from udl_tf.alignment.frame_polish import FramePolish
from udl_tf.alignment.preparation import prepare
from udl_tf.alignment.proposal import PROPOSALS
from udl_tf.alignment.shared import SIGNS, SecondLook, lies_still, shares_something
from udl_tf.alignment.spectral_refinement import SpectralRefinement
from udl_tf.alignment.subgraph import subgraph
from udl_tf.alignment.symmetry import Symmetry
from udl_tf.alignment.translation import ShiftSearch
from udl_tf.alignment.verification import verify
from udl_tf.networks.group import HIGHEST
from udl_tf.networks.registry import network_of
from udl_tf.networks.window import soft_disc, windowed

BLOCK = 256  # pairs compared at a time where any number of pairs of one batch of images may be asked for
PROPOSED_FROM = "image", "plane"  # of what is known of an image
LAST, LAST_BEFORE_POLISH = 5, 4  # steps of refinement of the hypothesis that is kept
IMAGES = tf.TensorSpec((None, None, None), tf.float32)
INDICES = tf.TensorSpec((None,), tf.int32)
LIMIT = tf.TensorSpec((), tf.float32)
SIZE = tf.TensorSpec((), tf.int32)
FAST = tf.TensorSpec((), tf.bool)


class Chain:
    """A trained network and everything that turns its correlation into an alignment.

    Args:
        network: Keras model, inputs ``fixed``, ``moving`` (batch, box, box), see `udl_tf.networks`.
        config: `udl_tf.presets.Config`. bias: the network's constant C in degrees. confidence: `Confidence`.
    """

    def __init__(self, network, config, bias=0.0, confidence=None):
        self.weights = network.weights
        self.box, self.reach = config.box, config.reach
        self.confidence = confidence or Confidence()
        self.disc = soft_disc(self.box, getattr(config.network, "radius", 0.94), 0.04)
        self.search = ShiftSearch(self.box, HIGHEST, self.reach * self.box)
        propose = PROPOSALS[network_of(config.network).proposes](network, config, bias, self.search)
        self.refinement = SpectralRefinement(self.box, HIGHEST)
        self.polish = FramePolish(self.box) if config.support == "frame" else None
        self.signs = SIGNS + (0 if self.polish is None else frame_polish.SIGNS)
        self.symmetry = Symmetry(self.box, self.reach * self.box)
        seen = {
            "good": tf.TensorSpec((None,), tf.bool),
            "image": tf.TensorSpec((None, self.box, self.box), tf.float32),
            "uneven": tf.TensorSpec((None,), tf.float32),
            "plane": tf.TensorSpec((None, *spectral_plane.shape(HIGHEST)), tf.float32),
        }
        proposed_from = {name: seen[name] for name in PROPOSED_FROM}
        self._proposal = subgraph(propose, proposed_from, proposed_from, LIMIT)
        self.second_look = SecondLook(self.refinement, self.propose, HIGHEST)
        # Traced once, whatever calls them: the signatures of a SavedModel share their graphs.
        self.describe = subgraph(self._describe, IMAGES)
        derivatives = tf.TensorSpec((None, 4, 2, len(self.refinement.points)), tf.float32)
        fixed = {**seen, "derivatives": derivatives}
        self.compare = subgraph(self._compare, fixed, seen, SIZE, LIMIT, FAST)

    def signatures(self):
        """What is served.

        ``serving_default`` takes ``fixed``, ``moving`` (batch, n, n), and `fixed` may hold one image for all; ``align_within``
        also ``max_shift`` and ``fast``; ``align_pairs`` takes ``images`` and the indices ``first``, ``second`` of the fixed and
        the moving image of each pair, besides these two. Outputs: see `align`.
        """
        pair, limit, fast = {"fixed": IMAGES, "moving": IMAGES}, {"max_shift": LIMIT}, {"fast": FAST}
        align, align_pairs = self.align.get_concrete_function(), self.align_pairs.get_concrete_function()
        default = tf.function(lambda fixed, moving: align(fixed, moving, tf.constant(-1.0), tf.constant(False)), autograph=False)
        within = tf.function(lambda fixed, moving, max_shift, fast: align(fixed, moving, max_shift, fast), autograph=False)
        several = tf.function(
            lambda images, first, second, max_shift, fast: align_pairs(images, first, second, max_shift, fast), autograph=False
        )
        chosen = {"images": IMAGES, "first": INDICES, "second": INDICES}
        return {
            "serving_default": default.get_concrete_function(**_named(pair)),
            "align_within": within.get_concrete_function(**_named({**pair, **limit, **fast})),
            "align_pairs": several.get_concrete_function(**_named({**chosen, **limit, **fast})),
        }

    @tf.function(input_signature=(IMAGES, IMAGES, LIMIT, FAST), autograph=False)
    def align(self, fixed, moving, max_shift, fast):
        """Bring each moving image onto its fixed one.

        Args:
            fixed, moving: float32 (batch, n, n), any grey values; one fixed image serves many moving ones and is looked at once.
            max_shift: pixels; negative for the configuration's own share of n.
            fast: leave out verification and refinement.

        Returns:
            dict of tensors, those that `udl_tf.alignment.outputs.OUTPUTS` lists. A pair with an image that is not finite or
            constant has the numbers that stand there for it.
        """
        seen = self.describe_fixed(fixed, fast)
        count = tf.shape(moving)[0]
        rows = tf.where(tf.shape(fixed)[0] == 1, tf.zeros((count,), tf.int32), tf.range(count))
        return self.compare(_chosen(seen, rows), self.describe(moving), tf.shape(moving)[1], max_shift, fast)

    @tf.function(input_signature=(IMAGES, INDICES, INDICES, LIMIT, FAST), autograph=False)
    def align_pairs(self, images, first, second, max_shift, fast):
        """`align` for pairs among images (n, h, h), each looked at once: image ``second[i]`` is brought onto ``first[i]``."""
        seen = self.describe_fixed(images, fast)
        others = {name: part for name, part in seen.items() if name != "derivatives"}
        count = tf.size(first)
        blocks = (count + BLOCK - 1) // BLOCK
        arrays = [tf.TensorArray(one.dtype, blocks, infer_shape=False) for one in outputs.OUTPUTS]

        names = [one.name for one in outputs.OUTPUTS]

        def block(number, arrays):
            rows = tf.range(number * BLOCK, tf.minimum((number + 1) * BLOCK, count))
            pair = _chosen(seen, tf.gather(first, rows)), _chosen(others, tf.gather(second, rows))
            found = self.compare(*pair, tf.shape(images)[1], max_shift, fast)
            return number + 1, [array.write(number, found[name]) for array, name in zip(arrays, names, strict=True)]

        _, arrays = tf.while_loop(lambda number, _: number < blocks, block, (0, arrays), parallel_iterations=1)
        return {name: array.concat() for name, array in zip(names, arrays, strict=True)}

    def _describe(self, images):
        """All that is needed of images (batch, n, n), whatever they are paired with: dict of tensors (batch, ...)."""
        good, prepared, uneven = prepare(images, self.box, particles=self.polish is None)
        return {
            "good": good,
            "image": prepared,
            "uneven": uneven,
            "plane": spectral_plane.plane(windowed(prepared, tf.constant(self.disc)), HIGHEST),
        }

    def describe_fixed(self, images, fast=False):
        """`describe`, and what only the fixed image of a pair needs, unless it is not wanted."""
        seen = self.describe(images)
        shape = tf.stack([tf.shape(images)[0], 4, 2, len(self.refinement.points)])
        derivatives = tf.cond(
            tf.convert_to_tensor(fast), lambda: tf.zeros(shape), lambda: self.refinement.derivatives(seen["plane"])
        )
        return {**seen, "derivatives": derivatives}

    def _compare(self, fixed, moving, size, max_shift, fast):
        """Align described images, see `align`. size: side of the images before they came to the box."""
        size = tf.cast(size, tf.float32)
        limit = tf.where(max_shift < 0.0, self.reach * size, max_shift) * (self.box / size)
        raw = tf.cond(fast, lambda: self.quick(fixed, moving, limit), lambda: self.careful(fixed, moving, limit, size))
        known = self.confidence
        score = tf.where(
            fast,
            known.fast_probability(raw["evidence"], raw["lead"]),
            known.probability(raw),
        )
        sigma = tf.where(fast, known.fast_sigma, known.standard_error(raw["variance"]))
        found = {
            **raw,
            "angle": geometry.wrap_degrees(raw["angle"]),
            "shift": scale_shift(raw["shift"], self.box, size),
            "score": score,
            "sigma": sigma,
        }
        return outputs.filled(found, fixed["good"] & moving["good"], tf.where)

    def propose(self, fixed, moving, limit):
        """`proposal.Hypotheses` of two described batches, shifts within `limit` pixels of the box."""
        return self._proposal(*({name: seen[name] for name in PROPOSED_FROM} for seen in (fixed, moving)), limit)

    def quick(self, fixed, moving, limit):
        """The best hypothesis with its shift looked up once more: raw numbers as in `careful`, if of another kind.

        The evidence is the correlation, its lead that over the last of the candidates; variance and potential are unknown.
        """
        hypotheses = self.propose(fixed, moving, limit)
        angle, value = hypotheses.angle[:, 0], hypotheses.value
        still = self.search.whitened(spectral_plane.upright(fixed["plane"], self.search.points))
        turned = self.search.whitened(spectral_plane.turned(moving["plane"], angle, self.search.points))
        shift, _ = self.search.best(self.search.surface(still, turned), limit)
        one = tf.ones_like(angle, tf.int32)
        signs = tf.zeros((tf.shape(angle)[0], self.signs))
        return _raw(angle, shift, tf.ones_like(angle), value[:, 0], tf.ones_like(angle), value[:, 0] - value[:, -1], one, signs)

    def careful(self, fixed, moving, limit, size=None):
        """Propose, verify, refine. size: side of the images before they came to the box, that of the box if None.

        Returns raw numbers of each pair: angle, shift in pixels of the box, variance of the angle in square degrees, evidence,
        its potential, its lead over the next best hypothesis, symmetry.
        """
        hypotheses = self.propose(fixed, moving, limit)
        planes = fixed["plane"], moving["plane"]
        steps = LAST if self.polish is None else LAST_BEFORE_POLISH
        found = verify(self.refinement, fixed["derivatives"], moving["plane"], hypotheses, steps)
        found = self.second_look(fixed, moving, limit, found)
        symmetry = self.symmetry(*planes, found.angle, found.lead, found.evidence)
        # Twins of a symmetric particle are right answers, too: they are no rivals.
        lead = tf.where(symmetry > 1, found.evidence, found.lead)
        angle, shift, variance, signs = found.angle, found.shift, found.variance, found.signs
        if self.polish is not None:
            pair, shared = (fixed["image"], moving["image"]), shares_something(found.signs)
            native, known = self.box if size is None else size, found._replace(lead=lead)
            angle, shift, variance, lead, more = self.polish(*pair, native, known, hypotheses.others, shared, limit)
            # A sensor's pattern agrees over the whole frame, too.
            still = lies_still(signs, angle, shift)[:, None]
            signs = tf.concat([signs, tf.where(still, 0.0, more)], 1)
        # The search looks at a grid; what refinement carries further out than that was not asked for.
        inside = tf.norm(shift, axis=1) <= limit + self.search.spacing
        angle = tf.where(inside, angle, hypotheses.angle[:, 0])
        shift = tf.where(inside[:, None], shift, hypotheses.shift[:, 0])
        variance = tf.where(inside, variance, 1e4)
        return _raw(angle, shift, variance, found.evidence, found.potential, lead, symmetry, signs)


def _raw(angle, shift, variance, evidence, potential, lead, symmetry, signs):
    return {
        "angle": angle,
        "shift": shift,
        "variance": variance,
        "evidence": evidence,
        "potential": potential,
        "lead": lead,
        "symmetry": symmetry,
        "signs": signs,
    }


def _chosen(described, rows):
    """Rows (n,) of what `Chain.describe` returns."""
    return {name: tf.gather(part, rows) for name, part in described.items()}


def _named(specs):
    return {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs.items()}
