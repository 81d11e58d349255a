"""Real volumes shaken and aligned."""

import time

from harness import data_path, progress

from volumes.shaking import MARGIN, METHODS, UNSHAKEN, align_ours, left, moved, shake, untouched

INNER = 12  # pixels, left out at the border when voxels are compared
VOLUMES = {"iso10": ("fibsem_fly_iso10.tif", 96), "z30": ("fibsem_fly_z30.tif", 64)}  # and how many sections of it


def opened(args):
    """Name and sections (n, height, width) of the volumes that are asked for."""
    import tifffile

    for name in (name for name in args.volumes if name in VOLUMES):
        file, count = VOLUMES[name]
        yield name, tifffile.imread(data_path(args.data, "em", file))[:count]


def rows(args, seed):
    """A row for each volume and method."""
    import numpy as np

    for name, volume in opened(args):
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
                row["unshaken, px"] = left(function(still), untouched(volume), still.shape[1:])["global, px"]
            yield row
