"""Particles of cryoSPARC (.cs), read into the table of a RELION STAR file.

A .cs file is a structured NumPy array, one record a particle. Known of it, and read: blob/path (bytes, relative to the project
folder, a leading ``>`` means a file that was only linked to), blob/idx (from 0), blob/shape (height, width), blob/psize_A,
ctf/df1_A, df2_A, df_angle_rad (RELION's DefocusU, DefocusV and angle), phase_shift_rad, accel_kv, cs_mm, amp_contrast,
location/micrograph_path, uid (kept as ucsfUid, the name that pyem gives it).

Left out: alignments2D and alignments3D, whose signs and centre were not checked against images; coordinates on the micrograph,
which count from the other side; exposure groups and higher aberrations. Fields of a job that stand in its passthrough file
only are not found. The compressed form (CSDAT) is not read.
"""

import pathlib

import numpy as np
import pandas as pd

from pipelines.errors import InputError
from pipelines.files.star import StarTable
from pipelines.files.star_optics import grouped, upgraded

LONGEST_HEADER = 2**22  # bytes

# Field of the .cs file, column of the STAR file, factor.
NUMBERS = (
    ("blob/psize_A", "rlnImagePixelSize", 1.0),
    ("ctf/accel_kv", "rlnVoltage", 1.0),
    ("ctf/cs_mm", "rlnSphericalAberration", 1.0),
    ("ctf/amp_contrast", "rlnAmplitudeContrast", 1.0),
    ("ctf/df1_A", "rlnDefocusU", 1.0),
    ("ctf/df2_A", "rlnDefocusV", 1.0),
    ("ctf/df_angle_rad", "rlnDefocusAngle", 180.0 / np.pi),
    ("ctf/phase_shift_rad", "rlnPhaseShift", 180.0 / np.pi),
)


def read_cs(path):
    """Read the particles of a .cs file as a `StarTable` in the form of RELION 3.1, without poses.

    Stacks that end with .mrc are named ``N@file.mrc:mrcs``: RELION takes an .mrc file for a volume unless told.

    Raises:
        InputError: no such file, not a NumPy array of records, no blob/path or blob/idx, values of another kind.
    """
    path = pathlib.Path(path)
    records = _records(path)
    names = _texts(records, "blob/path", path)
    index = _field(records, "blob/idx", path)
    if index.dtype.kind not in "iu" or index.ndim != 1 or index.min() < 0:
        raise InputError(f"{path}: blob/idx is {index.dtype} {index.shape}, expected one integer from 0 for each particle")
    files = [f"{name}:mrcs" if name.endswith(".mrc") else name for name in names]
    columns = {"rlnImageName": [f"{int(n) + 1:06d}@{name}" for n, name in zip(index, files, strict=True)]}
    if "location/micrograph_path" in records.dtype.names:
        columns["rlnMicrographName"] = _texts(records, "location/micrograph_path", path)
    for field, column, factor in NUMBERS:
        if field in records.dtype.names:
            columns[column] = np.round(_numbers(records, field, path) * factor, 6)  # float32 2.7 is 2.7000000477
    if "uid" in records.dtype.names and records["uid"].dtype.kind in "iu" and records["uid"].ndim == 1:
        columns["ucsfUid"] = records["uid"]
    particles, optics = upgraded(pd.DataFrame(columns), path)
    size = _image_size(records, path)
    optics = optics if size is None else optics.assign(rlnImageSize=size)
    table = StarTable(grouped(particles, optics, path), optics, path)
    if table.has_pixel_sizes():
        table.pixel_sizes()  # raises if one is not positive
    return table


def _records(path):
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        # Mapped at first: where the header promises more than there is, nothing is allocated.
        # NumPy parses no header above 10 kB unless told: twenty classes of alignments have more.
        records = np.load(path, mmap_mode="r", allow_pickle=False, max_header_size=LONGEST_HEADER)
        records = np.array(records) if isinstance(records, np.ndarray) else None
    except Exception as error:  # a damaged header makes NumPy raise nearly anything
        raise InputError(f"{path} cannot be read as a NumPy array of records: {' '.join(str(error).split())}") from error
    if records is None or records.dtype.names is None or records.ndim != 1:
        raise InputError(f"{path} is not a cryoSPARC particle file: expected a NumPy array of records")
    if len(records) == 0:
        raise InputError(f"{path} lists no particles")
    return records


def _field(records, field, path):
    if field not in records.dtype.names:
        raise InputError(f"{path}: no field {field}; found {', '.join(records.dtype.names)}")
    return records[field]


def _texts(records, field, path):
    values = _field(records, field, path)
    if values.dtype.kind not in "SU" or values.ndim != 1:
        raise InputError(f"{path}: {field} is {values.dtype} {values.shape}, expected one text for each particle")
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values.tolist()]
    return [text.removeprefix(">") for text in texts]


def _numbers(records, field, path):
    values = records[field]
    if values.dtype.kind not in "iuf" or values.ndim != 1:
        raise InputError(f"{path}: {field} is {values.dtype} {values.shape}, expected one number for each particle")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{path}: {field} of particle {int(np.flatnonzero(~np.isfinite(values))[0]) + 1} is not finite")
    return values


def _image_size(records, path):
    """Side of the images, None where the file does not tell one."""
    if "blob/shape" not in records.dtype.names:
        return None
    shapes = np.unique(records["blob/shape"].reshape(len(records), -1), axis=0)
    if shapes.shape[1] != 2:
        raise InputError(f"{path}: blob/shape is {records['blob/shape'].shape}, expected height and width of each particle")
    if len(shapes) > 1:
        found = ", ".join(f"{height}x{width}" for height, width in shapes[:5])
        raise InputError(f"{path}: images of different sizes, expected one size; found {found}")
    return int(shapes[0, 0]) if shapes[0, 0] == shapes[0, 1] else None
