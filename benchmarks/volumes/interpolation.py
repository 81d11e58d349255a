"""Sections left out and made from those around them: mean, flow, noise of the right spectrum, linear weights, networks."""

import pathlib
import tempfile
import time

from harness import data_path, progress

from volumes.scores import Scores
from volumes.trained import found_out, train

VOLUMES = {"z30": "fibsem_fly_z30.tif", "vnc": "sstem_fly_vnc.tif"}


def rows(args, seed):
    """A row for each volume and method."""
    with tempfile.TemporaryDirectory() as folder:
        for name in args.volumes:
            if name in VOLUMES:
                yield from of_volume(args, seed, name, pathlib.Path(args.runs or folder))


def of_volume(args, seed, name, folder):
    """The rows of one volume: all methods on the second half of its sections."""
    import tifffile

    volume = tifffile.imread(data_path(args.data, "em", VOLUMES[name]))
    half = len(volume) // 2
    methods = {method: (function, {}) for method, function in classical(volume, half, seed).items()}
    for preset in args.networks:
        progress(f"{name}: training {preset}")
        methods[preset] = of_network(preset, volume, half, folder, name)
    for method, (make, about) in methods.items():
        progress(f"{name}: {method}")
        scores, used = Scores(volume.mean(), volume.std()), time.process_time()
        wanted = range(half + 2, len(volume) - 2)
        for number in wanted:
            scores.add(make(number), volume[number])
        row = {"volume": name, "method": method, **scores.mean(), "CPU s a section": (time.process_time() - used) / len(wanted)}
        if method in args.networks:
            row["found out"] = found_out(scores.sections, seed)
        yield {**row, **about}


def classical(volume, half, seed):
    """Functions from the number of a section to what is made in its place."""
    import numpy as np

    from udl_tf.volumes.between import between
    from udl_tf.volumes.filling import Filling

    filling, rng = Filling(volume.__getitem__, len(volume), [], "linear", range(half)), np.random.default_rng(seed)
    power = np.mean([ring_power(section) for section in volume[:half]], 0)

    def flow(number):
        return between(volume[number - 1], volume[number + 1]).section

    return {
        "mean": lambda number: (np.float32(volume[number - 1]) + volume[number + 1]) / 2,
        "flow": flow,
        "flow + noise of the right spectrum": lambda number: with_noise(flow(number), power, rng),
        "udl_tf linear": lambda number: filling.again(number).section,
    }


def of_network(preset, volume, half, folder, name):
    """What a network makes that was trained on the first half, and what the training took."""
    import numpy as np

    from udl_tf.volumes.section_network import open_network
    from udl_tf.volumes.slices import Scale

    run, took = train(preset, volume[:half], folder, name)
    network = open_network(run, Scale.of(np.float32(section) for section in volume[:half]))

    def make(number):
        return network.made([volume[k] for k in network.around(number)])

    return make, took


def rings(shape):
    """The ring of frequency that each coefficient lies in."""
    import numpy as np

    return (np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])) * shape[1]).astype(int)


def ring_power(section):
    """Mean spectral power in each ring, under a Hann window."""
    import numpy as np

    window = np.outer(*map(np.hanning, section.shape))
    power = np.abs(np.fft.fft2((section - section.mean()) * window)) ** 2
    return np.bincount(rings(section.shape).ravel(), power.ravel()) / np.bincount(rings(section.shape).ravel())


def with_noise(section, power, rng):
    """A section with as much noise in each ring as it lacks of `power`: sharp, and worth nothing."""
    import numpy as np

    lacking = np.sqrt(np.clip(power - ring_power(section), 0, None))
    window = np.outer(*map(np.hanning, section.shape))
    noise = np.fft.fft2(rng.standard_normal(section.shape)) / np.sqrt(np.square(window).sum())
    return section + np.fft.ifft2(noise * lacking[rings(section.shape)]).real
