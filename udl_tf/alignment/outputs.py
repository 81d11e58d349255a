"""What an alignment says of a pair: one table, that everything else follows from.

The graph that is served and its signatures, `Result`, the client's checks, JSON and the columns of STAR files are made of it. A
new number is an entry here, and a line in `chain.Chain` where it is computed.
"""

import dataclasses
import math
import typing

import numpy as np

# A label RELION knows (a particle's figure of merit), so that it neither warns nor refuses to select by it.
SCORE = "rlnParticleFigureOfMerit"
SIGMA = "udlSigmaPsi"  # our own, degrees: RELION has no column for it, and keeps those that it does not know


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a STAR file. Such files have no infinity, and no NaN that RELION would read.

    Attributes:
        name: of the column. missing: for images that could not be aligned. largest: what is written of larger values.
    """

    name: str
    missing: float
    largest: float = math.inf


@dataclasses.dataclass(frozen=True)
class Output:
    """One thing that is said of every pair.

    Attributes:
        name: of the graph's output, of the field of `Result`, and of the key in JSON.
        dtype: NumPy's name. shape: for one pair.
        unit: empty for plain numbers. meaning: a clause for people.
        missing: for pairs that cannot be aligned.
        column: `Column`, or None where STAR files do not have it, or have it as RELION's pose.
    """

    name: str
    dtype: str
    shape: tuple
    unit: str
    meaning: str
    missing: float
    column: Column | None = None

    @property
    def described(self) -> str:
        """Name, shape, unit and meaning in one line."""
        shape = ", ".join(["n", *map(str, self.shape)]) + ("" if self.shape else ",")
        kind = "" if self.dtype == "float32" else f"{self.dtype}, "
        return f"{self.name}: ({shape}) {kind}{self.unit + ', ' if self.unit else ''}{self.meaning}."


OUTPUTS: tuple[Output, ...] = (
    Output("angle", "float32", (), "degrees", "in [-180, 180), counter-clockwise as displayed", math.nan),
    Output("shift", "float32", (2,), "pixels", "dx to the right and dy down, after the turn", math.nan),
    Output(
        "score",
        "float32",
        (),
        "",
        "in [0, 1], probability that the angle is within 5 degrees of the truth, modulo 360 / symmetry",
        0.0,
        Column(SCORE, 0.0),
    ),
    Output(
        "sigma",
        "float32",
        (),
        "degrees",
        "standard error of the angle, given that it is not grossly wrong",
        math.inf,
        Column(SIGMA, 180.0, 180.0),
    ),
    Output("symmetry", "int32", (), "", "m where the pair agrees as well after turns by 360 / m degrees, else 1", 1),
)


def filled(values: dict, good, where: typing.Callable = np.where) -> dict:
    """Values by name with those of pairs that cannot be aligned in place; in the order of `OUTPUTS`.

    Args:
        values: {name: (n, ...)}. good: bool (n,). where: NumPy's, or TensorFlow's for tensors.
    """
    return {one.name: where(good[(..., *[None] * len(one.shape))], values[one.name], one.missing) for one in OUTPUTS}


def wrong(values: dict, count: int) -> list[str]:
    """Names of outputs that are not among arrays, or not of `count` pairs."""
    return [one.name for one in OUTPUTS if one.name not in values or values[one.name].shape != (count, *one.shape)]


def typed(values: dict) -> dict:
    """The outputs, and those only, in their types."""
    return {one.name: values[one.name].astype(one.dtype, copy=False) for one in OUTPUTS}


def as_json(values: dict) -> dict:
    """{name: list of n}, plain numbers; None where a number is not finite.

    Args:
        values: {name: array (n, ...)}, all of `OUTPUTS`.
    """
    return {one.name: [_plain(value) for value in np.asarray(values[one.name])] for one in OUTPUTS}


def star_columns(values: dict, good: np.ndarray) -> dict:
    """{column: (n,)} of a STAR file, of the outputs that have one.

    Args:
        values: {name: (n,)}. good: bool (n,): which could be aligned.
    """
    columns = [(one.column, values[one.name]) for one in OUTPUTS if one.column]
    return {column.name: np.where(good, np.minimum(array, column.largest), column.missing) for column, array in columns}


def _plain(value):
    """A number, a list of numbers, or None."""
    return value.tolist() if np.isfinite(value).all() else None
