"""The signatures of an exported model, against the Python aligner on the same input."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from pipelines.geometry import frames
from udl_tf.registration.pairs import register_pair
from udl_tf.registration.result import PER_PAIR
from udl_tf.serving import encoded, signatures
from udl_tf.serving.exporting import export

NAMES = {"angle", "shift", "score", "sigma", "symmetry"}


@pytest.fixture(scope="module")
def served(exported):
    """The signatures, with arrays in and out."""
    model = tf.saved_model.load(str(exported / "small" / "1"))

    def call(signature, **inputs):
        outputs = model.signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items()}

    return call


def assert_equal(outputs, result, rows=slice(None)):
    assert set(outputs) == NAMES
    for name in NAMES:
        np.testing.assert_allclose(outputs[name], getattr(result, name)[rows], rtol=1e-6, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("signature", ["serving_default", "align"])
@pytest.mark.parametrize("batch", [1, 3, 70])
def test_align_is_the_aligner(served, aligner, pictures, signature, batch):
    fixed, moving = (images[:batch] for images in pictures)
    assert_equal(served(signature, fixed=fixed, moving=moving), aligner.align(fixed, moving, batch=batch))


def test_options(served, aligner, pictures):
    fixed, moving = (images[:4] for images in pictures)
    for limit, fast in ((4.0, False), (None, True)):
        outputs = served(
            "align_within", fixed=fixed, moving=moving, max_shift=np.float32(-1 if limit is None else limit), fast=fast
        )
        assert_equal(outputs, aligner.align(fixed, moving, limit, fast=fast))


def test_one_fixed_image_for_many(served, aligner, pictures):
    fixed, moving = pictures[0][0], pictures[0][1:6]
    wanted = aligner.align(fixed, moving)
    assert_equal(served("align_to_one", fixed=fixed, moving=moving), wanted)
    assert_equal(served("align", fixed=fixed[None], moving=moving), wanted)


def test_pairs_among_images(served, aligner, pictures):
    images = pictures[0][:4]
    pairs, wanted = aligner.align_pairs(images)
    rows = dict(zip(("first", "second"), pairs.T.astype(np.int32), strict=True))
    assert_equal(served("align_pairs", images=images, **rows, max_shift=np.float32(-1), fast=False), wanted)


def test_oblong_images_are_cropped_as_the_aligner_does(served, aligner, pictures):
    fixed, moving = (np.pad(images[:2], ((0, 0), (3, 4), (0, 0)), mode="edge") for images in pictures)
    assert_equal(served("align", fixed=fixed, moving=moving), aligner.align(fixed, moving))


@pytest.mark.parametrize("rows", [slice(20, 220), slice(31, 229)])
def test_full_resolution_is_the_registration_here(served, aligner, picture, rows):
    """Pictures that are not square, the moving one of another size once; the clean pair is known to thousandths of a pixel."""
    pose = 25.0, np.array([4.3, -2.6])
    fixed, moving = picture(0.0, (0.0, 0.0), 240)[0][20:220], picture(*pose, 240)[0][rows]
    found, wanted = served("align_full", fixed=fixed[None], moving=moving[None]), register_pair(aligner, fixed, moving)
    for name in PER_PAIR:
        # Where nothing is left between the pictures, rounding decides what counts as agreeing: less of the overlap, no more.
        atol = 1e-2 if name == "overlap" else 1e-4
        np.testing.assert_allclose(found[name], getattr(wanted, name), rtol=1e-3, atol=atol, err_msg=name)
    np.testing.assert_allclose(found["shift_sigma"], wanted.shift_sigma, atol=1e-5)
    moved = np.array([0.0, (rows.start + rows.stop - 1) / 2 - 119.5])
    truth = -pose[0], frames.turned(-pose[0], moved - pose[1])
    assert frames.error(found["angle"][0], found["shift"][0], truth, (200, 240)) < 0.01 and found["score"][0] > 0.5


def test_warp_is_the_result_applied(served, aligner, pictures):
    fixed, moving = (images[:5] for images in pictures)
    result = aligner.align(fixed, moving)
    angle, shift = result.angle.copy(), result.shift.copy()
    aligned = served("warp", images=moving, angle=angle, shift=shift)["aligned"]
    np.testing.assert_allclose(aligned, result.apply(moving), atol=1e-5)
    angle[2], shift[2] = np.nan, np.nan  # what could not be aligned stays where it is
    aligned = served("warp", images=moving, angle=angle, shift=shift)["aligned"]
    np.testing.assert_allclose(aligned[2], moving[2], atol=1e-5)


def grey_levels(images, dtype):
    top = np.iinfo(dtype).max
    return np.clip(images * 0.4 * top + 0.3 * top, 1, top - 1).astype(dtype)


def files(images, suffix):
    return np.array([cv2.imencode(suffix, image)[1].tobytes() for image in images], object)


@pytest.mark.parametrize(("suffix", "dtype"), [(".png", np.uint8), (".png", np.uint16), (".jpg", np.uint8)])
def test_encoded_grey_pictures(served, aligner, pictures, suffix, dtype):
    data = [files(grey_levels(images[:3], dtype), suffix) for images in pictures]
    decoded = [[cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_UNCHANGED) for one in side] for side in data]
    wanted = aligner.align(np.array(decoded[0]), np.array(decoded[1]))
    assert_equal(served("align_encoded", fixed=data[0], moving=data[1]), wanted)
    one = served("align_encoded", fixed=data[0][:1], moving=data[1])
    np.testing.assert_allclose(one["angle"][0], wanted.angle[0], atol=1e-3)


def test_encoded_colours_and_transparency(served, aligner, pictures):
    rng = np.random.default_rng(0)
    grey = [grey_levels(images[:2], np.uint8) for images in pictures]
    share = rng.uniform(0.5, 1.0, 3)
    colour = [(side[..., None] * share).astype(np.uint8) for side in grey]  # blue, green, red
    wanted = aligner.align(*(side @ np.array([0.114, 0.587, 0.299]) for side in colour))
    opaque = [np.concatenate([side, rng.integers(0, 255, (*side.shape[:3], 1), dtype=np.uint8)], -1) for side in colour]
    for pixels in (colour, opaque):
        outputs = served("align_encoded", fixed=files(pixels[0], ".png"), moving=files(pixels[1], ".png"))
        for name in NAMES:
            np.testing.assert_allclose(outputs[name], getattr(wanted, name), atol=1e-3)


def test_sizes_are_read_from_headers_alone():
    """A bomb: a header that claims 30,000 x 20,000 pixels, and a JPEG of another size than 48 x 40 expected."""
    png = cv2.imencode(".png", np.zeros((20, 30), np.uint8))[1].tobytes()
    bomb = png[:16] + (30000).to_bytes(4, "big") + (20000).to_bytes(4, "big") + png[24:]
    jpeg = cv2.imencode(".jpg", np.zeros((48, 40, 3), np.uint8))[1].tobytes()
    assert encoded._size(tf.constant(png), "x").numpy().tolist() == [20, 30]
    assert encoded._size(tf.constant(bomb), "x").numpy().tolist() == [20000, 30000]
    assert encoded._size(tf.constant(jpeg), "x").numpy().tolist() == [48, 40]


PNG = cv2.imencode(".png", np.zeros((20, 30), np.uint8))[1].tobytes()
BOMB = PNG[:16] + (30000).to_bytes(4, "big") + (20000).to_bytes(4, "big") + PNG[24:]
LARGE = PNG[:16] + (2048).to_bytes(4, "big") + (2048).to_bytes(4, "big") + PNG[24:]
ZEROS = np.zeros((2, 48, 48), np.float32)
OPTIONS = {"max_shift": np.float32(-1), "fast": False}


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("align", {"fixed": np.zeros((3, 48, 48), np.float32), "moving": ZEROS}, "one fixed image, or as many"),
        ("align", {"fixed": ZEROS, "moving": np.zeros((2, 48, 40), np.float32)}, "of one size"),
        ("align", {"fixed": ZEROS[:, :15], "moving": ZEROS[:, :15]}, "16 to 2048 pixels"),
        ("align", {"fixed": ZEROS[:0], "moving": ZEROS[:0]}, "received none"),
        ("align", {"fixed": np.zeros((1, 2049, 16), np.float32), "moving": np.zeros((1, 2049, 16), np.float32)}, "16 to 2048"),
        ("align_full", {"fixed": np.zeros((3, 48, 40), np.float32), "moving": ZEROS}, "one fixed image, or as many"),
        ("align_full", {"fixed": ZEROS, "moving": ZEROS[:, :15]}, "moving: expected sides of 16 to 8192"),
        ("align_within", {"fixed": ZEROS, "moving": ZEROS, "max_shift": np.float32(12.1), "fast": False}, "at most. .12"),
        ("align_within", {"fixed": ZEROS, "moving": ZEROS, "max_shift": np.float32("nan"), "fast": False}, "at most. .12"),
        (
            "align_pairs",
            {"images": ZEROS, "first": np.int32([0]), "second": np.int32([2]), **OPTIONS},
            "second: expected indices",
        ),
        (
            "align_pairs",
            {"images": ZEROS, "first": np.int32([-1]), "second": np.int32([0]), **OPTIONS},
            "first: expected indices",
        ),
        ("align_pairs", {"images": ZEROS, "first": np.int32([0, 1]), "second": np.int32([0]), **OPTIONS}, "as many first"),
        ("warp", {"images": ZEROS, "angle": np.zeros(1, np.float32), "shift": np.zeros((2, 2), np.float32)}, "one angle and one"),
        ("align_encoded", {"fixed": [b"GIF89a" + PNG], "moving": [PNG]}, "fixed: expected the bytes of PNG or JPEG"),
        ("align_encoded", {"fixed": [PNG], "moving": [b""]}, "moving: expected the bytes of PNG or JPEG"),
        ("align_encoded", {"fixed": [PNG[:40]], "moving": [PNG]}, "Invalid PNG"),
        ("align_encoded", {"fixed": [BOMB], "moving": [PNG]}, "16 to 2048 pixels"),
        ("align_encoded", {"fixed": [LARGE] * 17, "moving": [LARGE] * 17}, "at most 67108864 pixels"),
        ("align_encoded", {"fixed": [PNG, LARGE], "moving": [PNG, PNG]}, "of one size"),
    ],
)
def test_what_does_not_fit_is_refused_in_the_graph(served, signature, inputs, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        served(signature, **inputs)


def test_core_operations_only(exported):
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel.FromString((exported / "small" / "1" / "saved_model.pb").read_bytes())
    graph = proto.meta_graphs[0].graph_def
    used = {node.op for node in graph.node} | {node.op for function in graph.library.function for node in function.node_def}
    known = {name for name in dir(tf.raw_ops) if not name.startswith("_")}
    functions = {function.signature.name for function in graph.library.function}
    assert used - known - functions <= {"_Arg", "_Retval"}
    assert not used & {"PyFunc", "EagerPyFunc", "PyFuncStateless"} and "ImageProjectiveTransformV3" in used


def test_a_model_for_one_size(model_folder, tmp_path, aligner, pictures):
    folder = export(model_folder / "model" / "1", tmp_path / "boxed", box=48)
    model = tf.saved_model.load(str(folder))
    serve = model.signatures["serving_default"]
    assert serve.structured_input_signature[1]["fixed"].shape.as_list() == [None, 48, 48]
    outputs = serve(fixed=tf.constant(pictures[0][:3]), moving=tf.constant(pictures[1][:3]))
    assert_equal({name: value.numpy() for name, value in outputs.items()}, aligner.align(pictures[0][:3], pictures[1][:3]))
    png = files(grey_levels(pictures[0][:1], np.uint8), ".png")
    assert abs(model.signatures["align_encoded"](fixed=tf.constant(png), moving=tf.constant(png))["angle"][0]) < 0.1


def test_inputs_of_each_pair_are_inputs(exported):
    model = tf.saved_model.load(str(exported / "small" / "1"))
    views = {"classify", "classify_ctf"}  # of models that know views: see tests/udl_tf/classification
    assert set(signatures.PER_PAIR) - views == set(model.signatures) - {"align_pairs", "align_full"}
    for name, rows in signatures.PER_PAIR.items():
        assert name in views or set(rows) <= set(model.signatures[name].structured_input_signature[1])
