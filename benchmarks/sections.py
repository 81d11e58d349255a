"""Volumes of serial sections: ours beside pystackreg and ECC, on volumes that were shaken by known rigid maps.

    python benchmarks/sections.py jitter --data DIR
    python benchmarks/sections.py banana
    python benchmarks/sections.py faults
    python benchmarks/sections.py interpolation --data DIR
    python benchmarks/sections.py upsampling --data DIR

jitter: every section is turned by N(0, 1 degree) about its middle and moved by N(0, 2 px) along each axis, then all are cropped
by 16 px. What is left after alignment, in pixels and degrees: `global` is its mean after one shift and turn for the whole volume,
`drift forgiven` after a Gaussian of 5 sections along the volume as well, `step` the root mean square from section to section.
`MAE` is of the voxels, in standard deviations. `unshaken` is the mean by which sections of a volume that needs nothing are moved.
banana: made tissue of 200 sections, shaken the same way; what is left, smoothed over 20 sections.
interpolation: each section of the second half is made from those around it; what is learned is learned from the first half.
MAE in standard deviations of the volume, SSIM of sections less its mean, `mid` and `hi` the spectral power over the truth's, at
0.125 to 0.25 and 0.25 to 0.5 cycles a pixel.
upsampling: two of three sections of iso10 are left out and made again; PSNR for 8 bits, SSIM of sections less the mean.
faults: 20 of 200 made sections are spoiled, at least three apart; which are found, and how many good ones are accused.
"""

import sys
import time

from harness import data_path, progress, run

MARGIN, INNER = 16, 12  # pixels: cropped of what was shaken, and left out at the border when voxels are compared
SIMILARITY = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
SPARSE = {"z30": "fibsem_fly_z30.tif", "vnc": "sstem_fly_vnc.tif"}
VOLUMES = {"iso10": ("fibsem_fly_iso10.tif", 96), "z30": ("fibsem_fly_z30.tif", 64)}  # and how many sections of it


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("part", choices=tuple(PARTS), help="what is measured")
    parser.add_argument("--data", metavar="DIR", help="folder with em/")
    parser.add_argument("--volumes", nargs="*", choices=tuple(VOLUMES), default=tuple(VOLUMES), help="(default: all)")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0], help="of the jitter (default: 0)")


def main(args):
    """The rows of the table."""
    return [row for seed in args.seeds for row in PARTS[args.part](args, seed)]


def jitter(args, seed):
    """A row for each volume and method."""
    import numpy as np
    import tifffile

    from pipelines.errors import InputError

    if not args.data:
        raise InputError("jitter: expected --data DIR, the folder with em/")
    for name in args.volumes:
        file, count = VOLUMES[name]
        volume = tifffile.imread(data_path(args.data, "em", file))[:count]
        shaken, truth = shake(volume, seed)
        still = np.ascontiguousarray(volume[:, MARGIN:-MARGIN, MARGIN:-MARGIN])
        align_ours(shaken[:4])  # traced once
        for method, function in METHODS.items():
            progress(f"{name}, seed {seed}: {method}")
            used = time.process_time()
            maps = function(shaken)
            used = time.process_time() - used
            row = {"volume": name, "seed": seed, "method": method, **left(maps, truth, still.shape[1:])}
            inner = np.s_[:, INNER:-INNER, INNER:-INNER]
            away = np.abs(moved(shaken, maps)[inner].astype(np.float32) - still[inner]).mean() / still.std()
            row |= {"MAE": float(away), "CPU s": used}
            if method in UNSHAKEN:
                row["unshaken, px"] = left(function(still), np.tile(np.eye(3), (count, 1, 1)), still.shape[1:])["global, px"]
            yield row


def banana(args, seed, count=200, size=(192, 192)):
    """The row of made tissue of 200 sections."""
    import numpy as np

    from pipelines.geometry import frames
    from pipelines.pictures.tissue import made_volume

    rng = np.random.default_rng(seed)
    poses = rng.normal(0, 1, count), rng.normal(0, 2, (count, 2))
    volume = made_volume(count, size, seed, 2.0, poses)
    truth = np.linalg.inv(frames.pixel_maps(*poses, size, size))
    for method, function in METHODS.items():
        progress(f"made tissue, seed {seed}: {method}")
        maps = function(volume)
        places = centres(maps @ truth, size)[0]
        slow = np.stack([np.convolve(axis, np.ones(20) / 20, "valid") for axis in places.T], 1)
        bent = float(np.linalg.norm(slow - slow.mean(0), axis=1).max())
        yield {"volume": f"made, {count}", "seed": seed, "method": method, **left(maps, truth, size), "banana, px": bent}


def faults(args, seed, count=200, planted=20):
    """The row of made tissue with faults."""
    import numpy as np

    from pipelines.pictures.section_faults import plant
    from pipelines.pictures.tissue import made_volume
    from udl_tf.volumes.faults import find_faults

    good = made_volume(count, (160, 160), seed, 2.0)
    numbers = np.sort(np.random.default_rng(seed).choice(np.arange(1, count - 1, 3), planted, replace=False))
    bad, names = plant(good, numbers.tolist(), seed)
    found = find_faults(lambda number: bad[number], count)
    yield {
        "volume": f"made, {count}",
        "seed": seed,
        "found": sum(int(number) in found for number in numbers),
        "of": planted,
        "missed": ", ".join(name for number, name in zip(numbers, names) if int(number) not in found),
        "good ones accused": len(set(found) - set(numbers.tolist())),
        "in the volume without faults": len(find_faults(lambda number: good[number], count)),
    }


def interpolation(args, seed):
    """A row for each volume and method."""
    import numpy as np
    import tifffile
    from skimage.metrics import structural_similarity

    from udl_tf.volumes.between import between
    from udl_tf.volumes.filling import Filling

    for name, file in SPARSE.items():
        volume = tifffile.imread(data_path(args.data, "em", file))
        count, level, scale, half = len(volume), np.float32(volume.mean()), 1.0 / volume.std(), len(volume) // 2
        wanted = range(half + 2, count - 2)

        filling = Filling(volume.__getitem__, count, [], "linear", range(half))

        def linear(number, filling=filling):
            return filling.again(number).section

        def mean(number, volume=volume):
            return (np.float32(volume[number - 1]) + volume[number + 1]) / 2

        def flow(number, volume=volume):
            return between(volume[number - 1], volume[number + 1]).section

        for method, function in {"mean": mean, "flow": flow, "udl_tf linear": linear}.items():
            progress(f"{name}: {method}")
            scores, used = [], time.process_time()
            for number in wanted:
                made, truth = (np.float32(one) - level for one in (function(number), volume[number]))
                alike = structural_similarity(made, truth, data_range=255.0, **SIMILARITY)
                scores.append([np.abs(made - truth).mean() * scale, alike, *bands(made), *bands(truth)])
            rows = np.array(scores)
            yield {
                "volume": name,
                "method": method,
                "MAE": float(rows[:, 0].mean()),
                "SSIM": float(rows[:, 1].mean()),
                "mid": float(rows[:, 2].sum() / rows[:, 4].sum()),
                "hi": float(rows[:, 3].sum() / rows[:, 5].sum()),
                "CPU s a section": (time.process_time() - used) / len(wanted),
            }


def upsampling(args, seed, factor=3):
    """A row for the mean weighted by distance, and one for ours."""
    import numpy as np
    import tifffile
    from skimage.metrics import structural_similarity

    from udl_tf.volumes.between import all_between

    def linear(before, after, steps):
        return [np.float32(before) * (1 - k / steps) + np.float32(after) * (k / steps) for k in range(1, steps)]

    volume = tifffile.imread(data_path(args.data, "em", VOLUMES["iso10"][0]))
    level = np.float32(volume.mean())
    for method, function in {"linear": linear, "udl_tf flow": all_between}.items():
        progress(f"iso10, every third section: {method}")
        squares, alike, used = [], [], time.process_time()
        for number in range(0, len(volume) - factor, factor):
            for k, made in enumerate(function(volume[number], volume[number + factor], factor), 1):
                pair = made - level, volume[number + k] - level
                squares.append(np.square(pair[0] - pair[1]).mean())
                alike.append(structural_similarity(*pair, data_range=255.0, **SIMILARITY))
        yield {
            "volume": "iso10",
            "method": method,
            "PSNR, dB": float(20 * np.log10(255.0 / np.sqrt(np.mean(squares)))),
            "SSIM": float(np.mean(alike)),
            "CPU s a section": (time.process_time() - used) / len(squares),
        }


def bands(section):
    """Spectral power from 0.125 to 0.25 and from 0.25 to 0.5 cycles a pixel."""
    import numpy as np

    height, width = section.shape
    window = np.hanning(height)[:, None] * np.hanning(width)
    power = np.abs(np.fft.fft2((section - section.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    return power[(radius >= 0.125) & (radius < 0.25)].sum(), power[(radius >= 0.25) & (radius <= 0.5)].sum()


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


def align_ours(volume):
    """`udl_tf.volumes.alignment.align_sections`."""
    import numpy as np

    import udl_tf
    from pipelines.geometry import frames
    from udl_tf.volumes.alignment import align_sections

    found = align_sections(lambda: udl_tf.load("photo"), lambda number: volume[number], len(volume))
    size = volume.shape[1:]
    return np.linalg.inv(frames.pixel_maps(found.angle, found.shift, size, size))


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
PARTS = {"jitter": jitter, "banana": banana, "faults": faults, "interpolation": interpolation, "upsampling": upsampling}


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
