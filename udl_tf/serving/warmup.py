"""Requests that a server answers to itself before it takes a new model into service: the first calls of a graph are slow.

TensorFlow Serving reads them from ``assets.extra/tf_serving_warmup_requests``: a TFRecord file of PredictionLog messages.
"""

import pathlib

import cv2
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

FILE = pathlib.Path("assets.extra") / "tf_serving_warmup_requests"
SIDE = 32  # pixels: the network's own size comes right after, so that larger pictures would only fill the file
BATCHES = (1, 8)


def requests(name, signatures, box=None):
    """A request or two for each signature, with small noisy pictures.

    Args:
        name: of the model. signatures: names. box: side of the pictures, where the model is for one size, or knows views of one.

    Returns:
        List of PredictRequest.
    """
    inputs = _inputs(box or SIDE)
    found = []
    for signature in signatures:
        for arrays in inputs.get(signature, ()):
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = name, signature
            for key, value in arrays.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
            found.append(request)
    return found


def write(path, found):
    """Write requests as TensorFlow Serving wants them."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in found:
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


def read(folder):
    """The requests that come with a SavedModel folder: list of PredictRequest, empty where there are none."""
    path = pathlib.Path(folder) / FILE
    if not path.exists():
        return []
    logs = (
        prediction_log_pb2.PredictionLog.FromString(record) for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    )
    return [log.predict_log.request for log in logs]


def _inputs(side):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, max(BATCHES), side, side)).astype(np.float32)
    png = cv2.imencode(".png", rng.integers(0, 255, (side, side), dtype=np.uint8))[1].tobytes()
    pairs = [{"fixed": images[0, :count], "moving": images[1, :count]} for count in BATCHES]
    options = [{"max_shift": np.float32(-1.0), "fast": np.bool_(fast)} for fast in (False, True)]
    rows = np.array([0, 0], np.int32), np.array([1, 1], np.int32)
    poses = {"angle": np.ones(1, np.float32), "shift": np.ones((1, 2), np.float32)}
    return {
        "serving_default": pairs,
        "align": pairs[:1],
        "align_within": [{**pairs[0], **some} for some in options],
        "align_to_one": [{"fixed": images[0, 0], "moving": images[1, :2]}],
        "align_pairs": [{"images": images[0, :2], "first": rows[0], "second": rows[1], **some} for some in options],
        "align_full": [{"fixed": images[0, :1], "moving": images[1, :1, :, 4:]}],
        "align_encoded": [{"fixed": np.array([png], object), "moving": np.array([png], object)}],
        "classify": [{"images": images[0, :count]} for count in BATCHES],
        "classify_ctf": [{"images": images[0], "ctf": np.ones((max(BATCHES), side // 2 + 1), np.float32)}],
        "warp": [{"images": images[0, :1], **poses}],
    }
