"""Volumes shaken by known rigid maps, what is left after alignment, and those who align."""

MARGIN = 16  # pixels, cropped of what was shaken


def shake(volume, seed):
    """Sections moved by random rigid maps and cropped, and these maps (n, 3, 3), of pixels after the crop."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(seed)
    height, width = volume.shape[1:]
    maps, sections = [], []
    for section in volume:
        angle, shift = rng.normal(0, 1), rng.normal(0, 2, 2)
        maps.append(about_middle(angle, shift, (height, width)))
        options = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REFLECT}
        sections.append(cv2.warpAffine(section, maps[-1][:2], (width, height), **options))
    cut = np.eye(3)
    cut[:2, 2] = MARGIN
    inner = np.stack(sections)[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    return np.ascontiguousarray(inner), np.linalg.inv(cut) @ np.array(maps) @ cut


def about_middle(angle, shift, size):
    """The map (3, 3) of pixels x, y that turns by `angle` degrees clockwise about the middle, then moves by `shift`."""
    import numpy as np

    from pipelines.geometry import frames

    return np.linalg.inv(frames.pixel_maps(-angle, shift, size, size)[0])


def moved(volume, maps):
    """Sections (n, height, width), each brought to where its map takes its pixels."""
    import numpy as np

    from pipelines.geometry import frames
    from udl_tf.registration.warping import warp_planes

    size = volume.shape[1:]
    poses = zip(volume, *frames.from_pixel_maps(np.linalg.inv(np.array(maps)), size, size))
    return np.concatenate([warp_planes(section[None], float(angle), shift) for section, angle, shift in poses])


def centres(maps, size):
    """Where maps (n, 3, 3) take the middle of a frame, (n, 2) from it, and how far they turn it, (n,) degrees."""
    import numpy as np

    from pipelines.geometry import frames

    maps, middle = np.array(maps), frames.centre(size)
    places = maps[:, :2, :2] @ middle + maps[:, :2, 2] - middle
    return places, np.degrees(np.unwrap(np.arctan2(maps[:, 1, 0], maps[:, 0, 0])))


def left(maps, truth, size):
    """What maps leave of the maps that a volume was shaken by."""
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    places, angles = centres(np.array(maps) @ np.array(truth), size)
    places, angles = places - places.mean(0), angles - angles.mean()
    fast, turns = places - gaussian_filter1d(places, 5, axis=0), angles - gaussian_filter1d(angles, 5)
    return {
        "global, px": float(np.hypot(*places.T).mean()),
        "deg": float(np.abs(angles).mean()),
        "drift forgiven, px": float(np.hypot(*fast.T).mean()),
        "forgiven, deg": float(np.abs(turns).mean()),
        "step, px": float(np.sqrt(np.square(np.diff(places, axis=0)).sum(1).mean())),
        "step, deg": float(np.sqrt(np.square(np.diff(angles)).mean())),
    }


def poses_of(volume):
    """`udl_tf.volumes.alignment.align_sections`."""
    import udl_tf
    from udl_tf.volumes.alignment import align_sections

    return align_sections(lambda: udl_tf.load("photo"), lambda number: volume[number], len(volume))


def maps_of(found, size):
    """The maps (n, 3, 3) of pixels that poses stand for."""
    import numpy as np

    from pipelines.geometry import frames

    return np.linalg.inv(frames.pixel_maps(found.angle, found.shift, size, size))


def align_ours(volume):
    """`poses_of`, as maps."""
    return maps_of(poses_of(volume), volume.shape[1:])


def chained(volume, pair):
    """Maps of all sections into the first one's frame from the map of each onto the one before."""
    import numpy as np

    maps = [np.eye(3)]
    for before, section in zip(volume, volume[1:]):
        maps.append(maps[-1] @ pair(before, section))
    return np.array(maps)


def stackreg(volume):
    """Pystackreg's RIGID_BODY, each section onto the one before."""
    import numpy as np
    from pystackreg import StackReg

    register = StackReg(StackReg.RIGID_BODY).register
    return chained(volume, lambda before, section: np.linalg.inv(register(before.astype(float), section.astype(float))))


def ecc(volume):
    """OpenCV's ECC, each section onto the one before; a Gaussian of 5 sections of the path is kept."""
    import cv2
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    def pair(before, section):
        start, criteria = np.eye(2, 3, dtype=np.float32), (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-5)
        found = cv2.findTransformECC(before, section, start, cv2.MOTION_EUCLIDEAN, criteria, None, 5)[1]
        return np.linalg.inv(np.vstack([found, [0, 0, 1]]))

    size = volume.shape[1:]
    places, angles = centres(chained(volume, pair), size)
    places, angles = places - gaussian_filter1d(places, 5, axis=0), angles - gaussian_filter1d(angles, 5)
    return np.array([about_middle(angle, place, size) for angle, place in zip(angles, places)])


def untouched(volume):
    """Nothing is done."""
    import numpy as np

    return np.tile(np.eye(3), (len(volume), 1, 1))


METHODS = {"as shaken": untouched, "udl_tf": align_ours, "pystackreg": stackreg, "ECC, trend removed": ecc}
UNSHAKEN = ("udl_tf", "ECC, trend removed")
