"""Volumes of large sections as they are aligned from file to file: whether memory grows with their number, and the time."""

import pathlib
import tempfile

from harness import progress
from memory import peak

COUNTS, SIDE = (12, 40, 120), 2000
FORMATS = {".tif": "uint8", ".mrc": "int16", ".h5": "uint8", ".zarr": "uint8"}  # and the type of number
TEXTURE, SHARE = 2.0, 24  # pixels, of the blur; sections over which one texture has become the next
MOVED = 2.0, 0.3  # pixels along an axis and degrees, standard deviations


def rows(args, seed):
    """A row for each number of sections: peak of the resident memory, and seconds a section."""
    for count in args.counts:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            folder = pathlib.Path(folder)
            source, output = folder / f"volume{args.format}", folder / f"aligned{args.format}"
            progress(f"writing {count} sections of {SIDE} pixels")
            write(source, count, seed)
            size = sum(path.stat().st_size for path in ([source] if source.is_file() else source.rglob("*")))
            options = [*(["--elastic"] if args.elastic else []), *(["--workers", str(args.workers)] if args.workers > 1 else [])]
            found = peak(["udl_tf.sections", "align", source, "--output", output, "--json", *options])
            row = {"sections": count, "format": args.format, "input GB": size / 1e9, "peak GB": found["peak GB"]}
            yield {**row, "s": found["seconds"], "s a section": found["seconds"] / count}


def write(path, count, seed):
    """Write sections that show textures which become one another, each turned and moved by chance, with noise."""
    import numpy as np

    from pipelines.files.lazy import MemoryArray
    from pipelines.files.volumes import write_volume

    kind = np.dtype(FORMATS[path.suffix])
    like = MemoryArray(np.broadcast_to(np.zeros(1, kind), (count, SIDE, SIDE)), "ZYX")  # its shape and its type are what counts
    write_volume(path, (section.astype(kind) for section in sections(count, seed)), like)


def sections(count, seed):
    """The sections uint8 (SIDE, SIDE), one after the other."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(seed)
    textures = [_texture(rng), _texture(rng)]
    for number in range(count):
        if number and number % SHARE == 0:
            textures = [textures[1], _texture(rng)]
        part = 0.5 * np.pi * (number % SHARE) / SHARE
        clean = np.cos(part) * textures[0] + np.sin(part) * textures[1]
        maps = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), rng.normal(0, MOVED[1]), 1.0)
        maps[:, 2] += rng.normal(0, MOVED[0], 2)
        moved = cv2.warpAffine(clean, maps, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        moved += 0.5 * rng.standard_normal(moved.shape, np.float32)
        yield np.clip(np.rint(128 + 35 * moved), 0, 255).astype(np.uint8)


def _texture(rng):
    """White noise after a blur, float32 (SIDE, SIDE), of standard deviation 1."""
    import cv2
    import numpy as np

    noise = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE), np.float32), (0, 0), TEXTURE)
    return noise / noise.std()
