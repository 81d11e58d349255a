"""Real volumes bent section by section, shaken and aligned: what fields take out after the rigid alignment."""

import time

from harness import progress

from volumes.jitter import opened
from volumes.shaking import MARGIN, poses_of

INNER, EVERY = 12, 6  # pixels: left out at the border, and between the places that are compared
BEND, LENGTH = 2.0, 30.0  # pixels: of the fields along an axis, and of the Gaussian that makes them smooth
SMOOTH = 16.0  # pixels, of the Gaussian over the flow of `trend_removed`


def rows(args, seed):
    """A row for each volume and method."""
    import numpy as np

    for name, volume in opened(args):
        spoiled, truth = bend(volume, seed)
        still = np.ascontiguousarray(volume[:, MARGIN:-MARGIN, MARGIN:-MARGIN])
        rigid = {"bent": rigidly(spoiled), "still": rigidly(still)}
        nowhere = np.broadcast_to(grid(still.shape[1:]), truth.shape)
        for method, function in METHODS.items():
            progress(f"{name}, seed {seed}: {method}")
            used = time.process_time()
            places = function(spoiled, *rigid["bent"])
            row = {"volume": name, "seed": seed, "method": method, **left(truth, places), "CPU s": time.process_time() - used}
            if method != "as bent":
                row["unshaken, px"] = rms(away(nowhere, function(still, *rigid["still"])))
            yield row


def grid(size):
    """Places (height, width, 2) of the pixels of a frame, from its centre."""
    from pipelines.geometry import centred_grid

    return centred_grid(*size)


def bend(volume, seed):
    """Sections bent and shaken, cropped; and where in its own section each of their pixels lies, from the centre."""
    import cv2
    import numpy as np
    from scipy.ndimage import gaussian_filter

    from pipelines.geometry import frames

    rng, size = np.random.default_rng(seed), volume.shape[1:]
    sections, places, inner = [], [], np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
    for section in volume:
        pose = frames.inverse(rng.normal(0, 1), rng.normal(0, 2, 2))
        field = gaussian_filter(rng.standard_normal((*size, 2)), (LENGTH, LENGTH, 0))
        field = field - field.mean((0, 1))
        place = (grid(size) + BEND * field / field.std((0, 1))) @ frames.rotations(pose[0]).T + pose[1]
        pixels = np.float32(place + frames.centre(size))
        sections.append(cv2.remap(section, pixels, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)[inner])
        places.append(place[inner])
    return np.array(sections), np.float32(places)


def rigidly(volume):
    """Angles and shifts of `udl_tf.volumes.alignment.align_sections`, which all methods begin from."""
    found = poses_of(volume)
    return found.angle, found.shift


def as_bent(volume, angle, shift):
    """Nothing is done."""
    import numpy as np

    return np.broadcast_to(grid(volume.shape[1:]), (*volume.shape, 2))


def only_rigid(volume, angle, shift):
    """Places (n, height, width, 2) from the centre, in the sections of a volume, that are brought to each pixel."""
    import numpy as np

    from pipelines.geometry import frames

    back, moved = frames.inverse(angle, shift)
    return np.einsum("nij,hwj->nhwi", frames.rotations(back), grid(volume.shape[1:])) + moved[:, None, None]


def elastic(volume, angle, shift):
    """`udl_tf.volumes.elastic.align_fields` after the rigid alignment, nodes 32 pixels apart."""
    import numpy as np

    from pipelines.geometry.transforms import Displacement, Rigid, compose
    from udl_tf.choices import SPACING
    from udl_tf.registration.warping import shown, warp_planes
    from udl_tf.volumes.elastic import align_fields

    size = volume.shape[1:]

    def read(number):
        pose = float(angle[number]), shift[number]
        return warp_planes(volume[number][None], *pose)[0], shown(*pose, size, size)

    field = Displacement(align_fields(read, len(volume), SPACING).field, SPACING)
    points = grid(size).reshape(-1, 2)
    return np.float32(compose(Rigid(angle, shift), field, SPACING).pull(points)).reshape(*volume.shape, 2)


def each_to_the_last(volume, angle, shift):
    """After the rigid alignment, dense DIS flow of each section to the one before it as that was moved."""
    import cv2
    import numpy as np

    from pipelines.geometry import frames

    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    centre = frames.centre(volume.shape[1:])
    places = only_rigid(volume, angle, shift)
    pixels = np.float32(np.indices(volume.shape[1:])[::-1].transpose(1, 2, 0))

    def pulled(image, where):
        return cv2.remap(image, np.float32(where), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)

    before = pulled(volume[0], places[0] + centre)
    for number in range(1, len(volume)):
        flow = search.calc(before, pulled(volume[number], places[number] + centre), None)
        places[number] = pulled(np.float32(places[number]), pixels + flow)
        before = pulled(volume[number], places[number] + centre)
    return places


def trend_removed(volume, angle, shift):
    """After the rigid alignment, smoothed DIS flow from each section to the next, added up, less its Gaussian of 5 sections."""
    import cv2
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    from udl_tf.registration.warping import warp_planes

    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    sections = [warp_planes(one[None], float(turn), move)[0] for one, turn, move in zip(volume, angle, shift)]
    flows = [search.calc(*pair, None) for pair in zip(sections, sections[1:])]
    path = np.cumsum([np.zeros_like(flows[0]), *(cv2.GaussianBlur(flow, (0, 0), SMOOTH) for flow in flows)], 0)
    path = path - gaussian_filter1d(path, 5, axis=0)
    pixels = np.indices(volume.shape[1:])[::-1].transpose(1, 2, 0)
    rigid = np.float32(only_rigid(volume, angle, shift))
    options = {"interpolation": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    return np.array([cv2.remap(one, np.float32(pixels + field), None, **options) for one, field in zip(rigid, path)])


def away(truth, places):
    """How far from its own place in the volume is what a method brings to each pixel: (n, rows, columns, 2) pixels."""
    import cv2
    import numpy as np

    from pipelines.geometry import frames

    size = truth.shape[1:3]
    inner = np.s_[INNER:-INNER:EVERY, INNER:-INNER:EVERY]
    pixels = np.float32(places[(slice(None), *inner)] + frames.centre(size))
    found = [cv2.remap(one, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for one, at in zip(truth, pixels)]
    return np.array(found) - grid(size)[inner]


def rms(values):
    """Root mean square length of vectors (..., 2)."""
    import numpy as np

    return float(np.sqrt(np.square(values, dtype=np.float64).sum(-1).mean()))


def left(truth, places):
    """What a method leaves, root mean squares in pixels."""
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    found = away(truth, places)
    found = found - found.mean((0, 1, 2))
    fast = found - gaussian_filter1d(found, 5, axis=0)
    return {
        "global, px": rms(found),
        "drift forgiven, px": rms(fast),
        "field, px": rms(fast - fast.mean((1, 2), keepdims=True)),
        "step, px": rms(np.diff(found, axis=0)),
    }


METHODS = {
    "as bent": as_bent,
    "udl_tf, rigid": only_rigid,
    "udl_tf, rigid and elastic": elastic,
    "udl_tf, rigid, then DIS to the one before": each_to_the_last,
    "udl_tf, rigid, then smoothed DIS, trend removed": trend_removed,
}
