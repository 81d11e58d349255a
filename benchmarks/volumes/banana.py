"""Made tissue shaken and aligned: how far what was straight is bent."""

from harness import progress

from volumes.shaking import METHODS, centres, left


def rows(args, seed, count=200, size=(192, 192)):
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
