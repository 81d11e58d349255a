"""What goes wrong with a request: a status code and one clear line for whoever sent it."""

import re

import grpc
import tensorflow as tf

NO_LABELS = "version labels are not served: expected a version number, or none for the newest"
LONGEST = 500  # characters of a message that goes out


class ServingError(Exception):
    """A request that is refused or failed.

    Attributes:
        code: `grpc.StatusCode`. message: one line.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def invalid(message):
    """A request that its sender can mend."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def from_tensorflow(error):
    """What TensorFlow raised while it ran a model, without the node names and stack traces around it."""
    kinds = {
        tf.errors.InvalidArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
        tf.errors.OutOfRangeError: grpc.StatusCode.INVALID_ARGUMENT,
        tf.errors.ResourceExhaustedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
    code = next((code for kind, code in kinds.items() if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
    text = str(getattr(error, "message", error))
    said = re.search(r"assertion failed: (.*)", text)
    if said:
        text = " ".join(re.findall(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]", said.group(1))) or said.group(1)
    else:
        # What was said comes last, after where the node was made and before its name.
        text = text.partition("\n\t [[{{node")[0].rpartition("\n")[2]
    return ServingError(code, " ".join(text.split())[:LONGEST])
