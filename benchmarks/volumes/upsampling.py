"""Two of three sections left out and made again: on the line between those that are left, along the flow, by networks."""

import pathlib
import tempfile
import time

from harness import data_path, progress

from volumes.scores import Scores
from volumes.trained import train

VOLUME, FACTOR = "fibsem_fly_iso10.tif", 3


def rows(args, seed):
    """A row for each method."""
    import numpy as np
    import tifffile

    volume = tifffile.imread(data_path(args.data, "em", VOLUME))
    volume = volume[: (len(volume) - 1) // FACTOR * FACTOR + 1]
    coarse = volume[::FACTOR]
    truth = np.delete(volume, np.s_[::FACTOR], 0)
    with tempfile.TemporaryDirectory() as folder:
        methods = {"linear": (linear, {}), "udl_tf flow": (flow, {})}
        for preset in args.finer:
            progress(f"iso10: training {preset}")
            methods[preset] = of_network(preset, coarse, pathlib.Path(args.runs or folder))
        for method, (make, about) in methods.items():
            progress(f"iso10, every third section: {method}")
            scores, used = Scores(volume.mean(), volume.std()), time.process_time()
            made = list(make(coarse))
            used = time.process_time() - used
            for pair in zip(made, truth, strict=True):
                scores.add(*pair)
            row = {"volume": "iso10", "method": method, **scores.mean(), **along(coarse, made, volume)}
            yield {**row, "CPU s a section": used / len(truth), **about}


def along(coarse, made, volume):
    """Spectral power along the volume over the truth's, 0.125 to 0.25 cycles a section."""
    import numpy as np

    whole = np.empty(volume.shape, np.float32)
    whole[::FACTOR] = coarse
    whole[np.arange(len(volume)) % FACTOR > 0] = made
    frequency, window = np.fft.rfftfreq(len(volume)), np.hanning(len(volume))[:, None, None]
    band = (frequency >= 0.125) & (frequency < 0.25)

    def power(sections):
        return np.square(np.abs(np.fft.rfft((sections - sections.mean(0)) * window, axis=0)))[band].sum()

    return {"mid along z": float(power(whole) / power(np.float32(volume)))}


def linear(coarse):
    """Means of both neighbours, weighted by distance."""
    import numpy as np

    for before, after in zip(np.float32(coarse), np.float32(coarse[1:])):
        yield from (before * (1 - k / FACTOR) + after * (k / FACTOR) for k in range(1, FACTOR))


def flow(coarse):
    """`udl_tf.volumes.between.all_between`."""
    from udl_tf.volumes.between import all_between

    for before, after in zip(coarse, coarse[1:]):
        yield from all_between(before, after, FACTOR)


def of_network(preset, coarse, folder):
    """What a network makes that was trained on the coarse volume, and what the training took."""
    from udl_tf.volumes.finer_network import open_finer
    from udl_tf.volumes.slices import Scale

    run, took = train(preset, coarse, folder, "iso10")
    finer = open_finer(run, Scale.of(coarse), FACTOR)
    return lambda sections: finer.between(sections.__getitem__, len(sections)), took
