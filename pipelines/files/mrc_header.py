"""The header of an MRC2014 file: 1024 bytes, read in either byte order, made for stacks of images."""

import mrcfile
import numpy as np

from pipelines.errors import InputError

HEADER_BYTES = 1024


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


def stack_header(count, height, width, pixel_size, statistics):
    """Little-endian MRC2014 header of a stack of 2D images of float32; statistics: (min, max, mean, rms)."""
    header = np.zeros((), mrcfile.dtypes.HEADER_DTYPE.newbyteorder("<"))
    header["nx"], header["ny"], header["nz"], header["mode"] = width, height, count, 2
    header["mx"], header["my"], header["mz"] = width, height, 1  # mz = 1 and space group 0: images, not a volume
    pixel_size = pixel_size or 0.0
    header["cella"] = (width * pixel_size, height * pixel_size, pixel_size)
    header["cellb"] = (90.0, 90.0, 90.0)
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["dmin"], header["dmax"], header["dmean"], header["rms"] = statistics
    header["map"], header["machst"], header["nversion"] = b"MAP ", (0x44, 0x44, 0, 0), 20140
    return header
