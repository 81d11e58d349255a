"""Pictures at their own resolution: ours beside ECC, phase correlation and StackReg, on pairs whose transforms are exact.

    python benchmarks/pictures.py --sizes 512x640 768x1024 1536x2048 --movie 60x768x1024

Scenes are rendered from two poses, nothing is interpolated. With --data, photographs and sections of tissue are cropped at whole
pixels. Errors are root mean squares over the frame, in pixels, of all pairs of a case. `held` is the share of angles and shifts
within 1.96 standard errors. Rivals begin at no turn and no shift, and get the first --rival-pairs pairs of what they can do.
"""

import sys
import time

from harness import data_path, progress, run

TURNS = {"shift only": 0.0, "within 3 degrees": 3.0, "full circle": 180.0}
REACH = 0.02  # largest shift along an axis, share of the longer side
LARGEST = 40.0  # pixels, the same


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--sizes", nargs="*", default=["512x640"], metavar="HxW", help="of scenes (default: 512x640)")
    parser.add_argument("--snr", type=float, nargs="*", default=[0.0, 1.0], help="signal over noise; 0: clean (default: 0 1)")
    parser.add_argument("--pairs", type=int, default=4, help="of each case (default: 4)")
    parser.add_argument("--rival-pairs", type=int, default=2, help="of each case (default: 2)")
    parser.add_argument("--rivals", nargs="*", choices=tuple(RIVALS), default=tuple(RIVALS), help="(default: all installed)")
    parser.add_argument("--movie", nargs="*", default=[], metavar="NxHxW", help="time-lapses of N frames, 16 bit, with drift")
    parser.add_argument("--data", metavar="DIR", help="folder with photos/val and em")
    parser.add_argument("--model", default="photo", metavar="NAME|DIR")
    parser.add_argument("--seed", type=int, default=30)


def main(args):
    """The rows of the table."""
    import resource

    import udl_tf

    aligner, rows = udl_tf.load(args.model), []
    for size in map(_size, args.sizes):
        for turn in TURNS:
            pairs = list(scene_pairs(size, TURNS[turn], args.pairs, args.seed))
            for snr in args.snr:
                case = {"pictures": f"scene {size[0]}x{size[1]}", "turn": turn, "SNR": snr or "clean"}
                rows += compared(aligner, [noisy(pair, snr, args.seed + k) for k, pair in enumerate(pairs)], case, args)
    if args.data:
        for name, large in cropped(args.data):
            pairs = list(crop_pairs(large, args.pairs, args.seed))
            rows += compared(aligner, pairs, {"pictures": name, "turn": "shift only", "SNR": "clean"}, args)
    rows += [movie(aligner, *_size(text), args.seed) for text in args.movie]
    progress(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB, of all methods")
    return rows


def scene_pairs(size, turn, count, seed):
    """(fixed, moving, (angle, shift)) of scenes seen from two poses."""
    import numpy as np

    from pipelines.geometry import frames
    from pipelines.pictures.scenes import Scene

    rng = np.random.default_rng(seed)
    reach = min(REACH * max(size), LARGEST)
    for k in range(count):
        scene = Scene(max(size), seed + k, reach)
        poses = [(0.0 if turn < 180.0 else rng.uniform(0, 360), rng.uniform(-reach, reach, 2) / 2)]
        poses.append((poses[0][0] + rng.uniform(-turn, turn), rng.uniform(-reach, reach, 2) / 2))
        progress(f"scene {size[0]}x{size[1]}, {k + 1} of {count}")
        fixed, moving = (scene.seen(*pose, size) for pose in poses)
        yield fixed, moving, frames.compose(frames.inverse(*poses[1]), poses[0])


def noisy(pair, snr, seed):
    """A pair with white noise in both of its pictures; as it is where `snr` is 0."""
    import numpy as np

    rng = np.random.default_rng(seed)
    level = pair[0].std() / np.sqrt(snr) if snr else 0.0
    return *(picture + rng.normal(0, 1, picture.shape).astype(np.float32) * level for picture in pair[:2]), pair[2]


def cropped(folder):
    """(name, pictures (height, width)) of the data."""
    from pipelines.files.grey import grey
    from pipelines.files.opening import open_array

    photos = sorted(data_path(folder, "photos", "val").glob("*.jpg"))[::9]
    arrays = [open_array(path) for path in photos]
    yield "photographs", [grey(one.read()) if one.plane_axes == 3 else one.read() for one in arrays]
    yield "tissue 512x512", list(open_array(data_path(folder, "em", "sstem_fly_vnc.tif")).planes(range(0, 20, 2)))


def crop_pairs(pictures, count, seed):
    """Pairs of crops at whole pixels of one picture each."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for picture in pictures[:count]:
        reach = int(0.06 * min(picture.shape))
        size = [side - reach for side in picture.shape]
        corners = rng.integers(0, reach + 1, (2, 2))
        fixed, moving = (picture[y : y + size[0], x : x + size[1]] for y, x in corners)
        yield fixed, moving, (0.0, (corners[1] - corners[0])[::-1].astype(float))


def compared(aligner, pairs, case, args):
    """A row for each method."""
    import importlib.util

    import numpy as np

    from udl_tf.registration.pairs import register_pair

    progress(f"{case}")
    register_pair(aligner, *pairs[0][:2])  # traced once
    began, used = time.perf_counter(), time.process_time()
    found = [register_pair(aligner, fixed, moving) for fixed, moving, _ in pairs]
    seconds, used = (time.perf_counter() - began) / len(pairs), (time.process_time() - used) / len(pairs)
    answers = [(one.angle[0], one.shift[0]) for one in found]
    row = {**case, "method": "udl_tf", **_errors(answers, pairs), "s": seconds, "cpu s": used}
    away = np.array([[a[0] - t[2][0], *(a[1] - t[2][1])] for a, t in zip(answers, pairs)])
    away[:, 0] = (away[:, 0] + 180.0) % 360.0 - 180.0
    sigma = np.array([[one.angle_sigma[0], *one.shift_sigma[0]] for one in found])
    row |= {"held, %": 100.0 * float(np.mean(np.abs(away) < 1.96 * sigma)), "score": float(np.min([one.score for one in found]))}
    rows = [row]
    for name in args.rivals:
        module, turns, function = RIVALS[name]
        if case["turn"] not in turns or importlib.util.find_spec(module) is None:
            continue
        few = pairs[: args.rival_pairs]
        began, used = time.perf_counter(), time.process_time()
        answers = [function(fixed, moving) for fixed, moving, _ in few]
        seconds, used = (time.perf_counter() - began) / len(few), (time.process_time() - used) / len(few)
        rows.append({**case, "method": name, **_errors(answers, few), "s": seconds, "cpu s": used})
    return rows


def movie(aligner, count, height, width, seed):
    """The row of a time-lapse of 16 bits that drifts and turns at random, from picture to picture."""
    import numpy as np

    from pipelines.geometry import frames
    from pipelines.pictures.scenes import Scene
    from udl_tf.registration.series import register_series

    rng = np.random.default_rng(seed)
    scene = Scene(max(height, width), seed, LARGEST)
    angle = np.cumsum(rng.normal(0, 0.1, count))
    shift = np.clip(np.cumsum(rng.normal(0, 0.7, (count, 2)), 0), -LARGEST, LARGEST)
    pictures = np.empty((count, height, width), np.uint16)
    for k in range(count):
        progress(f"frame {k + 1} of {count}") if k % 20 == 0 else None
        pictures[k] = np.clip(
            100 * scene.seen(angle[k], shift[k], (height, width)) + rng.normal(0, 150, (height, width)), 0, 65535
        )
    truth = frames.compose(frames.inverse(angle, shift), (angle[0], shift[0]))
    began, used = time.perf_counter(), time.process_time()
    found = register_series(aligner, lambda k: pictures[k], count)
    seconds, used = time.perf_counter() - began, time.process_time() - used
    error = frames.error(found.poses.angle, found.poses.shift, truth, (height, width))
    return {
        "pictures": f"time-lapse {count} x {height}x{width}",
        "turn": "drift",
        "SNR": "16 bit",
        "method": "udl_tf",
        "rms px": float(np.sqrt(np.mean(error**2))),
        "largest px": float(error.max()),
        "s": seconds,
        "cpu s": used,
        "score": float(found.score.min()),
    }


def ecc(fixed, moving):
    """OpenCV's findTransformECC with its usual blur of 5 pixels."""
    import cv2
    import numpy as np

    from pipelines.geometry import frames

    matrix = np.float32([[1, 0, 0], [0, 1, 0]])
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-7)
    pair = np.float32(fixed), np.float32(moving)
    try:
        _, matrix = cv2.findTransformECC(*pair, matrix, cv2.MOTION_EUCLIDEAN, criteria, None, 5)
    except cv2.error:
        progress("ECC diverged")
    return _of_matrix(matrix, frames, fixed, moving)


def phase_correlation(fixed, moving):
    """scikit-image's phase_cross_correlation, a hundredth of a pixel."""
    import numpy as np
    from skimage.registration import phase_cross_correlation

    down, right = phase_cross_correlation(fixed, moving, upsample_factor=100)[0]
    return 0.0, np.array([right, down])


def stackreg(fixed, moving):
    """Pystackreg's RIGID_BODY."""
    from pystackreg import StackReg

    from pipelines.geometry import frames

    return _of_matrix(StackReg(StackReg.RIGID_BODY).register(fixed, moving), frames, fixed, moving)


NEAR = ("shift only", "within 3 degrees")
RIVALS = {
    "ECC": ("cv2", NEAR, ecc),
    "phase correlation": ("skimage", ("shift only",), phase_correlation),
    "StackReg": ("pystackreg", NEAR, stackreg),
}


def _of_matrix(matrix, frames, fixed, moving):
    angle, shift = frames.from_pixel_maps(matrix[None].astype(float), fixed.shape, moving.shape)
    return angle[0], shift[0]


def _errors(answers, pairs):
    import numpy as np

    from pipelines.geometry import frames

    found = [float(frames.error(*answer, truth, fixed.shape)) for answer, (fixed, _, truth) in zip(answers, pairs)]
    return {"rms px": float(np.sqrt(np.mean(np.square(found)))), "largest px": max(found)}


def _size(text):
    from pipelines.errors import InputError

    try:
        return tuple(int(part) for part in text.lower().split("x"))
    except ValueError:
        raise InputError(f"size {text}: expected whole numbers with an x between them") from None


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
