"""The tables as data: their conditions, and the values that the paper printed."""

import dataclasses

from udl_tf.tables.scales import chosen

FAILED = "n.c."  # does not converge; the paper's "N/A: not converge in our experiments"
CLASS_AVERAGES = ("groel", "empiar10034", "empiar10065")


@dataclasses.dataclass(frozen=True)
class Condition:
    """One row of a table.

    Attributes:
        name: in files. title: for people. noise: as `pipelines.noise.parse` reads it; of tracking, a key of
            `pipelines.pairs.tracking.APPEARANCES`.
        image: of table 2, name of the class average; of deformable, a key of `deformable_cases.SOURCES`.
        shown: whether it is a row of the figure.
    """

    name: str
    title: str
    noise: str
    image: str = ""
    shown: bool = False


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: 1, 2, homography, tracking, features, agents, deformable. title: its caption.
        material: ``photos``, ``particles``, or the kind of its problems.
        unit: of the errors. period: of angles, degrees, 0 where there are none. conditions: of its rows.
        methods: its columns, names in `udl_tf.rivals.registry`, as far as nobody asks for others.
        printed: {method: {condition: the paper's value or `FAILED`}}.
        measures: {key of a row: title}, what is told of each cell besides the mean error.
    """

    name: str
    title: str
    material: str
    unit: str
    period: float
    conditions: tuple
    methods: tuple
    printed: dict
    measures: dict = dataclasses.field(default_factory=dict)

    @property
    def kind(self):
        """Of the problems that it sets, see `udl_tf.rivals.problem`."""
        return {"photos": "rigid", "particles": "rigid"}.get(self.material, self.material)


PHOTO_CONDITIONS = (
    Condition("clean", "clean", "clean", shown=True),
    Condition("gaussian-0.5", "Gaussian, SNR 0.5", "gaussian:0.5"),
    Condition("gaussian-0.1", "Gaussian, SNR 0.1", "gaussian:0.1", shown=True),
    Condition("gaussian-0.05", "Gaussian, SNR 0.05", "gaussian:0.05"),
    Condition("s&p-0.1", "salt-and-pepper 0.1", "s&p:0.1"),
    Condition("s&p-0.2", "salt-and-pepper 0.2", "s&p:0.2", shown=True),
    Condition("s&p-0.3", "salt-and-pepper 0.3", "s&p:0.3"),
)
PARTICLE_CONDITIONS = (
    Condition("groel", "GroEL", "gaussian:0.1", "groel", shown=True),
    Condition("empiar10034", "EMPIAR-10034", "gaussian:0.1", "empiar10034", shown=True),
    Condition("empiar10065", "EMPIAR-10065", "gaussian:0.1", "empiar10065", shown=True),
)
PHANTOM_CONDITIONS = tuple(
    Condition(f"phantom-{i}", f"phantom {i}", "gaussian:0.1", f"phantom-{i}", shown=True) for i in (1, 2, 3)
)
HOMOGRAPHY_CONDITIONS = (
    Condition("clean", "clean", "clean", shown=True),
    Condition("gaussian-0.5", "Gaussian, SNR 0.5", "gaussian:0.5", shown=True),
    Condition("s&p-0.1", "salt-and-pepper 0.1", "s&p:0.1", shown=True),
)
TRACKING_CONDITIONS = (
    Condition("constant", "constant appearance", "constant", shown=True),
    Condition("changing", "changing appearance", "changing", shown=True),
)
FEATURES_CONDITIONS = (
    Condition("clean", "clean", "clean", shown=True),
    Condition("gaussian-0.5", "Gaussian, SNR 0.5", "gaussian:0.5"),
    Condition("gaussian-0.1", "Gaussian, SNR 0.1", "gaussian:0.1", shown=True),
    Condition("gamma", "gamma up to 3", "gamma:2", shown=True),
    Condition("gradient", "light falls off", "gradient:0.9", shown=True),
)
AGENTS_CONDITIONS = (
    Condition("clean", "clean", "clean", shown=True),
    Condition("gaussian-0.5", "Gaussian, SNR 0.5", "gaussian:0.5", shown=True),
)
DEFORMABLE_CONDITIONS = (
    Condition("clean", "photographs, clean", "clean", "photographs", shown=True),
    Condition("gaussian-0.5", "photographs, Gaussian, SNR 0.5", "gaussian:0.5", "photographs", shown=True),
    Condition("sections", "sections, Gaussian, SNR 2", "gaussian:2", "sections", shown=True),
    Condition("cine", "made cine, Gaussian, SNR 10", "gaussian:10", "cine", shown=True),
)


def _row(*values):
    return dict(zip((condition.name for condition in PHOTO_CONDITIONS), values, strict=True))


# Paper, tables 1 and 2: mean rotation errors in degrees.
PRINTED_1 = {
    "supervised": _row(3.87, 6.78, 9.23, 12.27, 5.72, 5.47, 6.10),
    "stn": _row(0.96, FAILED, FAILED, FAILED, FAILED, FAILED, FAILED),
    "udl": _row(2.57, 4.29, 5.69, 6.49, 3.38, 4.92, 12.10),
}
PRINTED_2 = {
    "fourier": dict(zip(CLASS_AVERAGES, (1.75, 6.12, 2.99), strict=True)),
    "udl": dict(zip(CLASS_AVERAGES, (0.84, 3.27, 2.33), strict=True)),
}
UNTRAINED = ("default", "fourier", "exhaustive", "sift", "orb", "akaze")

TABLES = {
    "1": Table(
        "1",
        "Rotation error on pairs of photographs",
        "photos",
        "deg",
        360.0,
        PHOTO_CONDITIONS,
        ("supervised", "stn", "udl", *UNTRAINED),
        PRINTED_1,
    ),
    "2": Table(
        "2",
        "Rotation error modulo 180 degrees on noisy copies of class averages, SNR 0.1",
        "particles",
        "deg",
        180.0,
        PARTICLE_CONDITIONS,
        ("supervised", "udl", *UNTRAINED),
        PRINTED_2,
    ),
    "homography": Table(
        "homography",
        "Mean corner error of homographies between photographs",
        "homography",
        "px",
        0.0,
        HOMOGRAPHY_CONDITIONS,
        ("supervised", "unsupervised", "sift", "orb", "ic-lk"),
        {},
    ),
    "tracking": Table(
        "tracking",
        "Mean corner error of a tracked patch",
        "tracking",
        "px",
        0.0,
        TRACKING_CONDITIONS,
        ("ic-lk", "deep-lk", "goturn"),
        {},
    ),
    "features": Table(
        "features",
        "Rotation error of matched features on pairs of photographs",
        "features",
        "deg",
        360.0,
        FEATURES_CONDITIONS,
        ("exemplar", "sift", "sift-flann", "sift-lmeds", "sift-usac", "orb", "akaze"),
        {},
        {
            "mean": "angle, deg",
            "median": "median",
            "shift": "shift, px",
            "solved": "solved, %",
            "correct": "correct matches, %",
            "matches": "matches",
            "ms": "ms a pair",
        },
    ),
    "agents": Table(
        "agents",
        "Rotation error on pairs of photographs that begin within 30 degrees",
        "close",
        "deg",
        360.0,
        AGENTS_CONDITIONS,
        ("agent", "agent-self", "ic-lk", "default"),
        {},
        {
            "mean": "angle, deg",
            "shift": "shift, px",
            "solved": "within 1 deg and 1 px, %",
            "walked": "steps taken",
            "ms": "ms a pair",
        },
    ),
    "deformable": Table(
        "deformable",
        "Target registration error of smooth deformations",
        "deformable",
        "px",
        0.0,
        DEFORMABLE_CONDITIONS,
        (
            "dirnet",
            "dirnet-self",
            "unet",
            "unet-self",
            "agent-deformable",
            "agent-deformable-self",
            "quicksilver",
            "lddmm",
            "ffd",
            "demons",
            "dis",
            "vgg",
            "affine",
        ),
        {},
        {"mean": "mean, px", "p95": "p95, px", "folded": "folded, %", "correlation": "correlation", "ms": "ms a pair"},
    ),
}


def table(name, with_data=True):
    """The `Table` of a name; without data, phantoms stand in for the class averages and nothing is printed beside them.

    Raises:
        InputError: there is none.
    """
    found = chosen(name, TABLES, "table")
    if found.material == "particles" and not with_data:
        title = "Rotation error modulo 180 degrees on noisy copies of phantoms, SNR 0.1"
        return dataclasses.replace(found, title=title, conditions=PHANTOM_CONDITIONS, printed={})
    return found


def with_rows(table, names):
    """A table of the rows of some conditions alone, all of them shown; names None: the table as it is.

    Raises:
        InputError: a name that is none of its conditions.
    """
    if names is None:
        return table
    known = {condition.name: condition for condition in table.conditions}
    found = dict.fromkeys(names)  # each once
    return dataclasses.replace(
        table, conditions=tuple(dataclasses.replace(chosen(name, known, "row"), shown=True) for name in found)
    )
