"""Volumes shaken and aligned by both objectives: real ones where there are data, else made tissue."""

import functools
import time

from harness import progress

from volumes.jitter import opened
from volumes.shaking import METHODS, UNSHAKEN, left, maps_of, poses_of, shake, untouched

APART = {"iso10": 1.0, "z30": 3.0}  # pixels, from a section to the next
MADE = {"made, 1 px": (64, 1.0), "made, 3 px": (48, 3.0)}  # sections, and pixels from one to the next
OURS = "udl_tf, adversarial"
SIDE = 256  # pixels, of the made ones before they are cropped


def rows(args, seed):
    """A row for each volume and method."""
    import numpy as np

    for name, volume, apart in _volumes(args, seed):
        shaken, truth = shake(volume, seed)
        still = np.ascontiguousarray(cropped(volume))
        nothing, size = untouched(volume), still.shape[1:]
        methods = {
            **METHODS,
            OURS: functools.partial(adversarial, apart=apart),
            "udl_tf, adversarial, reslices": functools.partial(adversarial, apart=apart, wrong="reslices"),
            "udl_tf, adversarial alone": functools.partial(adversarial, apart=apart, alone=True),
        }
        for method, function in methods.items():
            progress(f"{name}, seed {seed}: {method}")
            used = time.process_time()
            row = {"volume": name, "seed": seed, "method": method, **left(function(shaken), truth, size)}
            row["CPU s"] = time.process_time() - used
            if method in UNSHAKEN or method == OURS:
                row["unshaken, px"] = left(function(still), nothing, size)["global, px"]
            yield row


def adversarial(volume, apart, alone=False, wrong="shaken"):
    """`udl_tf.volumes.adversarial.adversarial_poses` after the correlation; alone: what that turned and moved is forgotten."""
    import dataclasses

    import numpy as np

    from udl_tf.volumes.adversarial import AdversarialConfig, adversarial_poses

    found = poses_of(volume)
    if alone:
        found = dataclasses.replace(found, angle=np.zeros(len(volume)), shift=np.zeros((len(volume), 2)))
    config = AdversarialConfig(wrong=wrong)
    found = adversarial_poses(lambda number: volume[number], found, volume.shape[1:], apart, config)
    return maps_of(found, volume.shape[1:])


def cropped(volume):
    """Sections as they are once they were shaken and cropped."""
    from volumes.shaking import MARGIN

    return volume[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def _volumes(args, seed):
    from pipelines.pictures.tissue import made_volume

    if args.data:
        for name, volume in opened(args):
            yield name, volume, APART[name]
        return
    for name, (count, apart) in MADE.items():
        yield name, made_volume(count, (SIDE, SIDE), seed, apart), apart
