"""The header of an MRC2014 file: 1024 bytes, read in either byte order, made for stacks of images."""

import mrcfile
import numpy as np

from pipelines.errors import InputError

HEADER_BYTES = 1024
MODES = {0: "int8", 1: "int16", 2: "float32", 6: "uint16", 12: "float16"}
LABEL, LABELS = 80, 10  # characters of a label, and how many there are


def read_header(start, path):
    """Byte order and header: the order of the machine stamp if its sizes make sense so, else the other one.

    mrcfile's own permissive reader is not used: on a file that is no MRC it allocates what a random header asks for.
    """
    if len(start) < HEADER_BYTES:
        raise InputError(f"{path} is not an MRC file: {len(start)} bytes are fewer than its header's {HEADER_BYTES}")
    orders = "><" if start[212:214] == b"\x11\x11" else "<>"
    headers = [np.frombuffer(start, mrcfile.dtypes.HEADER_DTYPE.newbyteorder(order))[0] for order in orders]
    for order, header in zip(orders, headers, strict=True):
        sides = int(header["nx"]), int(header["ny"])
        if min(sides) >= 1 and max(sides) < 2**16 and header["nz"] >= 1 and header["nsymbt"] >= 0:
            return order, header
    nx, ny, nz, extended = (int(headers[0][name]) for name in ("nx", "ny", "nz", "nsymbt"))
    raise InputError(
        f"{path} is not an MRC file, or its header is damaged: it tells of {nz} images of {ny}x{nx} pixels after {extended} "
        "bytes of extended header, expected sides from 1 to 65535, at least one image, and no negative number"
    )


def header_pixel_size(header):
    """Cell size over sampling along x; None unless positive and finite."""
    cell, samples = float(header["cella"]["x"]), int(header["mx"])
    size = cell / samples if samples > 0 else 0.0
    return size if np.isfinite(size) and size > 0 else None


def header_axes(header, path):
    """(axes, shape) as of `pipelines.files.lazy.LazyArray`: whether the sections are images or make a volume.

    The space group tells: 0 is a stack of images, 401 and above a stack of volumes of `mz` sections each. Programs that
    forget it name their stacks .mrcs or .st.
    """
    sections, rows, columns = (int(header[name]) for name in ("nz", "ny", "nx"))
    group, depth = int(header["ispg"]), int(header["mz"])
    if group == 0 or path.name.lower().removesuffix(".gz").removesuffix(".bz2").endswith((".mrcs", ".st")):
        return "IYX", (sections, rows, columns)
    order = tuple(int(header[name]) for name in ("maps", "mapr", "mapc"))
    letters = "".join(" XYZ"[axis] for axis in order) if sorted(order) == [1, 2, 3] else "ZYX"
    if 401 <= group <= 630 and depth >= 1 and sections % depth == 0:
        return "I" + letters, (sections // depth, depth, rows, columns)
    return letters, (sections, rows, columns)


def header_spacing(header, axes):
    """Angstrom along each of `axes` that has a size, for `pipelines.files.lazy.LazyArray`."""
    sampled = {"X": (header["cella"]["x"], header["mx"]), "Y": (header["cella"]["y"], header["my"])}
    if "Z" in axes:
        sampled["Z"] = header["cella"]["z"], header["mz"]
    sizes = {axis: float(cell) / int(samples) for axis, (cell, samples) in sampled.items() if int(samples) > 0}
    return {axis: size for axis, size in sizes.items() if np.isfinite(size) and size > 0}


def header_text(header):
    """What else the header says, plain values by their MRC2014 names."""
    labels = [label.decode("latin-1").strip("\0 ") for label in header["label"][: min(max(int(header["nlabl"]), 0), 10)]]
    origin = [float(header["origin"][axis]) for axis in "xyz"]
    return {"mode": int(header["mode"]), "ispg": int(header["ispg"]), "origin": origin, "labels": labels}


def new_header(shape, dtype, voxel, volume, statistics, remark=""):
    """Little-endian MRC2014 header.

    Args:
        shape: (sections, height, width). dtype: one of `MODES`. voxel: (x, y, z) Angstrom, 0 where unknown.
        volume: whether the sections make one; else they are images. statistics: (min, max, mean, rms).
        remark: ASCII, for the labels; what is too long for all of them is cut.
    """
    header = np.zeros((), mrcfile.dtypes.HEADER_DTYPE.newbyteorder("<"))
    header["nz"], header["ny"], header["nx"] = shape
    header["mode"] = next(mode for mode, name in MODES.items() if name == np.dtype(dtype).name)
    header["mx"], header["my"], header["mz"] = shape[2], shape[1], shape[0] if volume else 1
    header["ispg"] = int(volume)  # space group 0: images
    header["cella"] = tuple(int(header[side]) * size for side, size in zip(("mx", "my", "mz"), voxel))
    header["cellb"] = (90.0, 90.0, 90.0)
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["dmin"], header["dmax"], header["dmean"], header["rms"] = statistics
    header["map"], header["machst"], header["nversion"] = b"MAP ", (0x44, 0x44, 0, 0), 20140
    remark = remark if len(remark) <= LABEL * LABELS else remark[: LABEL * LABELS - 3] + "..."
    labels = [remark[start : start + LABEL] for start in range(0, len(remark), LABEL)]
    header["nlabl"] = len(labels)
    for number, label in enumerate(labels):
        header["label"][number] = label.encode("ascii", "replace")
    return header
