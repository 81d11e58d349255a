"""PNG and JPEG pictures decoded inside the graph: checked by their headers before anything is unpacked.

A few bytes can claim to be a picture of any size, so sizes are read first and nothing is decoded that is not wanted.
"""

import tensorflow as tf

from udl_tf.alignment.aligner import LARGEST, SMALLEST

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
MOST_PIXELS = 2**26  # of all pictures of one call, once unpacked: 256 MB
GREY = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as OpenCV weighs them


def decode(data, name):
    """Grey pictures from the bytes of PNG (8 or 16 bits) or JPEG files, all of one size.

    Colour is turned to grey, transparency ignored. Grey values are on a scale of 16 bits for PNG, of 8 for JPEG.

    Args:
        data: string (n,), the contents of files. name: of the input, for messages.

    Returns:
        float32 (n, height, width).
    """
    sizes = tf.map_fn(lambda one: _size(one, name), data, fn_output_signature=tf.int32)  # (n, 2)
    first = tf.cast(sizes[0], tf.int64)
    checks = [
        tf.debugging.Assert(
            tf.reduce_all((sizes >= SMALLEST) & (sizes <= LARGEST)),
            [f"{name}: expected pictures of {SMALLEST} to {LARGEST} pixels, received", sizes],
        ),
        tf.debugging.Assert(tf.reduce_all(sizes == sizes[0]), [f"{name}: expected pictures of one size, received", sizes]),
        tf.debugging.Assert(
            tf.cast(tf.shape(sizes)[0], tf.int64) * first[0] * first[1] <= MOST_PIXELS,
            [f"{name}: expected at most {MOST_PIXELS} pixels in all, received", tf.shape(sizes)[0], "times", sizes[0]],
        ),
    ]
    with tf.control_dependencies(checks):
        data = tf.identity(data)
    return tf.map_fn(_grey, data, fn_output_signature=tf.TensorSpec((None, None), tf.float32))


def _is_png(data):
    return (tf.strings.substr(data, 0, len(PNG)) == PNG) & (tf.strings.length(data) >= 24)


def _size(data, name):
    """Height and width, int32 (2,), from the header of one picture: data is a string scalar."""
    is_png, is_jpeg = _is_png(data), tf.strings.substr(data, 0, len(JPEG)) == JPEG
    with tf.control_dependencies([tf.debugging.Assert(is_png | is_jpeg, [f"{name}: expected the bytes of PNG or JPEG files"])]):
        data = tf.identity(data)

    def of_png():
        # Width and height are the first two numbers of the chunk IHDR, big-endian.
        return tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.int32, little_endian=False)[::-1]

    return tf.cond(is_png, of_png, lambda: tf.image.extract_jpeg_shape(data)[:2])


def _grey(data):
    """One picture (height, width) float32 from a string scalar, grey values on the scale of the file's format."""

    def of_png():
        return tf.cast(tf.io.decode_png(data, channels=0, dtype=tf.uint16), tf.float32)

    def of_jpeg():  # the accurate transform is what OpenCV uses, too
        return tf.cast(tf.io.decode_jpeg(data, channels=0, dct_method="INTEGER_ACCURATE"), tf.float32)

    pixels = tf.cond(_is_png(data), of_png, of_jpeg)  # (height, width, channels)
    coloured = tf.shape(pixels)[2] >= 3  # one channel is grey, a second one transparency
    return tf.cond(coloured, lambda: tf.linalg.matvec(pixels[..., :3], tf.constant(GREY)), lambda: pixels[..., 0])
