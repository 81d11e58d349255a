"""How well images agree: Fourier ring correlation, the resolution it gives, and correntropy. NumPy, batched."""

import numpy as np

from pipelines.errors import InputError

CEILING = 0.9999  # largest ring correlation believed: it bounds the spectral SNR of noiseless rings


def ring_correlation(first, second, mask=None):
    """Fourier ring correlation (FRC) of two images, or of two batches of them, image by image.

    ``sum(F G*) / sqrt(sum |F|^2 sum |G|^2)`` over the frequencies of each ring. Frequencies belong to the ring that their
    radius, in cycles per box, rounds to; those beyond Nyquist (the corners) belong to none. See Saxton and Baumeister (1982).

    Args:
        first, second: (..., n, n), any grey values.
        mask: None, or weights (n, n): each image is multiplied by them, less its mean under them, so that an area outside the
            particle does not count. A hard edge correlates with itself: use a soft one.

    Returns:
        float64 (..., n // 2 + 1), rings 0 to n // 2. Ring 0 is the mean and says nothing about the particle. A ring without
        power in one of the images has correlation 0.

    Raises:
        InputError: the shapes differ, images are not square, or a value is not finite.
    """
    first, second = _finite(first, "first images"), _finite(second, "second images")
    if first.shape != second.shape or first.ndim < 2 or first.shape[-1] != first.shape[-2]:
        raise InputError(f"ring correlation: expected two arrays of one shape (..., n, n), got {first.shape} and {second.shape}")
    if mask is not None:
        mask = _mask(mask, first.shape[-2:])
        first, second = _windowed(first, mask), _windowed(second, mask)
    box = first.shape[-1]
    share, ring = _rings(box)
    pair = [np.fft.rfft2(part).reshape(*part.shape[:-2], -1) * np.sqrt(share) for part in (first, second)]  # (..., frequencies)
    cross, *powers = (
        _ring_sums((a * b.conj()).real, ring, box // 2 + 1) for a, b in (pair, (pair[0], pair[0]), (pair[1], pair[1]))
    )  # (..., rings)
    scale = np.sqrt(powers[0] * powers[1])
    # What is left of a constant image after rounding is no signal: it must not be divided by itself.
    total = np.sqrt(powers[0].sum(-1, keepdims=True) * powers[1].sum(-1, keepdims=True))
    return np.divide(cross, scale, out=np.zeros_like(cross), where=scale > 1e-24 * total)


def crossing(frc, level, box, pixel_size=None):
    """Resolution at which a ring correlation first falls below `level`, with linear interpolation between rings.

    Args:
        frc: (rings,), as of `ring_correlation`; ring 0 is left out.
        level: 0.143 for the average of both half-sets (Rosenthal and Henderson, 2003), 0.5 for a stricter reading.
        box: side of the images, pixels. pixel_size: in Angstrom, or None.

    Returns:
        Angstrom, or pixels where `pixel_size` is None: the period ``box * pixel_size / ring``. The period of the last ring
        (Nyquist for even boxes) if the curve never falls below the level: it is at least as good as that. Infinity if
        it is below in ring 1 already: nothing is resolved.

    Raises:
        InputError: the curve is not one-dimensional, shorter than two rings, or not finite.
    """
    frc = _finite(frc, "ring correlation")
    if frc.ndim != 1 or len(frc) < 2:
        raise InputError(f"ring correlation: expected (rings,) with at least 2 rings, got {frc.shape}")
    below = np.flatnonzero(frc[1:] < level) + 1
    length = box * (1.0 if pixel_size is None else pixel_size)
    if not below.size:
        return length / (len(frc) - 1)
    ring = below[0]
    if ring == 1:
        return np.inf
    before, after = frc[ring - 1], frc[ring]
    return length / (ring - 1 + (before - level) / (before - after))


def spectral_snr(frc):
    """Signal-to-noise ratio, power over power, in each ring of the average of all, from the FRC of its two halves.

    ``2 f / (1 - f)`` with f limited to 0 to `CEILING`: twice the ratio ``f / (1 - f)`` of one half. Of any shape.
    """
    frc = np.clip(np.asarray(frc, np.float64), 0.0, CEILING)
    return 2.0 * frc / (1.0 - frc)


def correntropy(images, reference, mask=None, width=1.0):
    """Correntropy of images and a reference: the mean over pixels of ``exp(-d^2 / (2 width^2))``.

    d is the difference of both images' grey values, each brought to mean 0 and standard deviation 1. As in the paper's section
    4.3 (after Sorzano et al., 2010), which gives neither the width of the kernel nor how grey values are scaled, so its 0.965 is
    not on this scale. With the default width an image equal to the reference has 1, an unrelated one about 0.58
    (``1 / sqrt(3)`` for Gaussian grey values), and a correlation r in between about ``1 / sqrt(3 - 2 r)``; single wild pixels
    count for little.

    Args:
        images: (n, h, w), aligned. reference: (h, w). mask: None, or weights (h, w) of the pixels in all means.
        width: of the kernel, in standard deviations of an image.

    Returns:
        float64 (n,), above 0 and up to 1; NaN for images that are constant or hold NaN.

    Raises:
        InputError: the shapes do not fit, width is not positive, or the reference or mask cannot be used.
    """
    images, reference = np.asarray(images, np.float32), _finite(reference, "reference")
    if images.ndim != 3 or images.shape[1:] != reference.shape:
        raise InputError(
            f"correntropy: expected images (n, h, w) and a reference (h, w), got {images.shape} and {reference.shape}"
        )
    if not width > 0:
        raise InputError(f"correntropy: expected a kernel width above 0, got {width}")
    weights = np.ones(reference.shape) if mask is None else _mask(mask, reference.shape)
    weights = (weights / weights.sum()).astype(np.float32)
    reference = _standard(reference[None], weights)[0]
    if not np.isfinite(reference).all():
        raise InputError("correntropy: the reference is constant")
    difference = _standard(images, weights) - reference  # (n, h, w)
    kernel = np.exp(np.square(difference) * np.float32(-0.5 / width**2))
    return np.einsum("nhw,hw->n", kernel, weights, dtype=np.float64)


def _windowed(images, mask):
    """Images (..., n, n) less their mean under a mask (n, n), times it."""
    images = images - images[..., :1, :1]  # exact: a constant image becomes 0 and not what rounding leaves of it
    mean = np.sum(images * mask, (-2, -1), keepdims=True) / mask.sum()
    return (images - mean) * mask


def _standard(images, weights):
    """Images (n, h, w) with mean 0 and standard deviation 1 under weights (h, w) of sum 1; NaN where there is no such thing."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        images = images - images[:, :1, :1]  # a large offset costs digits; a constant image becomes exactly 0
        centred = images - np.einsum("nhw,hw->n", images, weights)[:, None, None]
        deviation = np.sqrt(np.einsum("nhw,nhw,hw->n", centred, centred, weights))
        return (centred / deviation[:, None, None]).astype(np.float32)


def _rings(box):
    """How often each frequency of a half plane counts, and its ring: (frequencies,) each. Those beyond Nyquist count 0 times."""
    x = np.arange(box // 2 + 1)[None, :]
    ring = np.rint(np.hypot(np.fft.fftfreq(box)[:, None] * box, x)).astype(int)
    mirrored = (x > 0) & (2 * x != box)  # the other half plane holds these once more
    share = np.where(mirrored, 2.0, 1.0) * (ring <= box // 2)
    return share.ravel(), np.minimum(ring, box // 2).ravel()


def _ring_sums(values, ring, count):
    """Sums (..., count) of values (..., frequencies) over rings."""
    flat = values.reshape(-1, values.shape[-1])  # (batch, frequencies)
    place = ring + count * np.arange(len(flat))[:, None]
    return np.bincount(place.ravel(), flat.ravel(), count * len(flat)).reshape(*values.shape[:-1], count)


def _finite(values, name):
    values = np.asarray(values, np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{name}: expected finite numbers, got NaN or infinity")
    return values


def _mask(mask, shape):
    mask = _finite(mask, "mask")
    if mask.shape != shape or mask.min() < 0 or mask.max() == 0:
        raise InputError(f"mask: expected weights {shape} of at least 0, not all 0, got {mask.shape} from {mask.min():g}")
    return mask
