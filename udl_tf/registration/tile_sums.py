"""What a tile of a pair tells of its transform: from pixels to sums over small blocks, a batch of tiles at a time.

Both images are seen through the same cubic B-spline after a binomial blur, [1 2 1] / 4 along each axis. The moving one is first
brought to half pixels by the spline, between which TensorFlow's bilinear warp makes an error of thousandths of a pixel; on the
pixels themselves it would pull a transform by hundredths.
"""

import tensorflow as tf

from pipelines import compat

HALO = 3  # pixels around a tile, and what a patch has to spare: for the blur, the spline and the gradient
BLOCK = 16  # pixels along each axis, whose sums stay apart
TRIM, EDGE = 3.0, 4.0  # pixels at the edge of a frame that are left out, and over which the weight rises to 1
CUT = 3.0  # robust scales: residuals of this size lose half their weight
ROWS = 9  # turn, x, y of the fixed image; the same of the moving one; their values; 1
BATCH = tf.TensorSpec((None, None, None), tf.float32)
PLACES = tf.TensorSpec((None, 2), tf.float32)
FIVE = tf.TensorSpec((5,), tf.float32)
KNOWN = tf.TensorSpec((None, 5), tf.float32)


@tf.function(
    input_signature=(BATCH, BATCH, tf.TensorSpec((None, 2, 3), tf.float32), PLACES, PLACES, FIVE, KNOWN), autograph=False
)
def tile_sums(fixed, moving, maps, fixed_corner, moving_corner, frames, known):
    """Weighted sums of products over the blocks of tiles.

    The rows are, of every pixel: how the fixed image changes with a turn (by an arc of one pixel at `radius`) and with a move by
    one pixel in x and in y, the same of the moving image as the transform brings it, both values, and 1.

    Args:
        fixed: (batch, height + 2 HALO, width + 2 HALO), tiles with their halo, their sides multiples of BLOCK.
        moving: (batch, any, any), the pixels that the tiles and a border of one pixel fall on, with HALO to spare.
        maps: (batch, 2, 3), from a pixel of a tile, counted without its halo, to one of its patch of the moving image.
        fixed_corner, moving_corner: (batch, 2), x, y of the first pixel of the tile, and of the patch, in their frames.
        frames: width and height of the fixed frame and of the moving one, and the radius.
        known: (batch, 5), mean and deviation of the fixed image, of the moving one, and the robust scale of their difference in
            deviations.

    Returns:
        (batch, height / BLOCK, width / BLOCK, 9, 9).
    """
    known = [known[:, number, None, None] for number in range(5)]
    still = _spline(_blur((fixed - known[0]) / known[1]))  # (batch, height + 2, width + 2)
    height, width = tf.shape(still)[1] - 2, tf.shape(still)[2] - 2
    finer = _half_pixels(_blur((moving - known[2]) / known[3]))
    moved = compat.kernel_transform(finer[..., None], _to_half_pixels(maps), size=(height + 2, width + 2))[..., 0]

    y, x = tf.meshgrid(*(tf.range(tf.cast(side, tf.float32)) for side in (height, width)), indexing="ij")
    a = [[maps[:, i, j][:, None, None] for j in range(3)] for i in range(2)]
    u, v = (a[i][0] * x + a[i][1] * y + a[i][2] for i in (0, 1))
    weight = _inside(x, y, fixed_corner, frames[0:2]) * _inside(u, v, moving_corner, frames[2:4])
    x = (x + fixed_corner[:, 0][:, None, None] - (frames[0] - 1.0) / 2.0) / frames[4]
    y = (y + fixed_corner[:, 1][:, None, None] - (frames[1] - 1.0) / 2.0) / frames[4]
    rows = [*_changes(still, x, y), *_changes(moved, x, y), still[:, 1:-1, 1:-1], moved[:, 1:-1, 1:-1]]
    weight *= tf.math.reciprocal(1.0 + tf.square((rows[6] - rows[7]) / (CUT * known[4])))
    root = tf.sqrt(weight)
    rows = tf.stack([_blocks(row * root) for row in rows] + [_blocks(root)], 2)  # (batch, blocks, rows, pixels)
    return tf.reshape(tf.matmul(rows, rows, transpose_b=True), (-1, height // BLOCK, width // BLOCK, ROWS, ROWS))


def _blur(images):
    """Binomial, (batch, height, width) to two pixels less along each axis."""
    images = (images[:, :-2] + images[:, 2:]) * 0.25 + images[:, 1:-1] * 0.5
    return (images[:, :, :-2] + images[:, :, 2:]) * 0.25 + images[:, :, 1:-1] * 0.5


def _spline(images):
    """The spline with these coefficients, at its own pixels: two less along each axis."""
    images = (images[:, :-2] + images[:, 2:]) * (1.0 / 6.0) + images[:, 1:-1] * (2.0 / 3.0)
    return (images[:, :, :-2] + images[:, :, 2:]) * (1.0 / 6.0) + images[:, :, 1:-1] * (2.0 / 3.0)


def _half_pixels(images):
    """The spline at pixels and half pixels, from the second pixel to the last but one: (batch, 2 height - 6, 2 width - 6)."""
    on = (images[:, :, :-3] + images[:, :, 2:-1]) * (1.0 / 6.0) + images[:, :, 1:-2] * (2.0 / 3.0)
    between = (images[:, :, :-3] + images[:, :, 3:]) * (1.0 / 48.0) + (images[:, :, 1:-2] + images[:, :, 2:-1]) * (23.0 / 48.0)
    shape = tf.shape(on)  # first along x: pixels that lie beside one another are dear to put between others
    images = tf.reshape(tf.stack([on, between], 3), (shape[0], shape[1], 2 * shape[2]))
    on = (images[:, :-3] + images[:, 2:-1]) * (1.0 / 6.0) + images[:, 1:-2] * (2.0 / 3.0)
    between = (images[:, :-3] + images[:, 3:]) * (1.0 / 48.0) + (images[:, 1:-2] + images[:, 2:-1]) * (23.0 / 48.0)
    shape = tf.shape(on)
    return tf.reshape(tf.stack([on, between], 2), (shape[0], 2 * shape[1], shape[2]))


def _to_half_pixels(maps):
    """The kernel's maps (batch, 8), from a tile with a border of one pixel to the half pixels of a blurred patch."""
    offset = 2.0 * (maps[:, :, 2] - maps[:, :, 0] - maps[:, :, 1] - 2.0)  # blur and spline took a pixel each
    rows = tf.concat([2.0 * maps[:, :, :2], offset[:, :, None]], 2)
    return tf.concat([tf.reshape(rows, (-1, 6)), tf.zeros_like(offset)], 1)


def _changes(images, x, y):
    """What a turn, a move in x and one in y do to images (batch, height + 2, width + 2): three of two pixels less."""
    gx, gy = (images[:, 1:-1, 2:] - images[:, 1:-1, :-2]) * 0.5, (images[:, 2:, 1:-1] - images[:, :-2, 1:-1]) * 0.5
    return gy * x - gx * y, -gx, -gy


def _blocks(tiles):
    """(batch, height, width) to (batch, blocks, pixels)."""
    down, right = tf.shape(tiles)[1] // BLOCK, tf.shape(tiles)[2] // BLOCK
    tiles = tf.reshape(tiles, (-1, down, BLOCK, right, BLOCK))
    return tf.reshape(tf.transpose(tiles, (0, 1, 3, 2, 4)), (-1, down * right, BLOCK * BLOCK))


def _inside(x, y, corner, frame):
    """Weight in [0, 1] of places x, y: how far inside a frame (width, height) they lie."""
    x, y = x + corner[:, 0][:, None, None], y + corner[:, 1][:, None, None]
    half = (frame - 1.0) / 2.0
    depth = tf.minimum(half[0] - tf.abs(x - half[0]), half[1] - tf.abs(y - half[1])) + (0.5 - TRIM)
    return tf.clip_by_value(depth * (1.0 / EDGE), 0.0, 1.0)
