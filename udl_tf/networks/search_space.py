"""What a search may change of a configuration: ranges, each about the value that the search starts from.

A range is declared on `keras_tuner.HyperParameters`, or whatever else has ``Choice``, ``Int``, ``Float`` and ``Boolean``. It is
widened where the starting value lies outside, so that the defaults of all ranges give the starting configuration back.
"""

import collections.abc
import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Range:
    """What all ranges have.

    Attributes:
        field: of the configuration, whose value the search starts from; by default the range's name.
        start: function (configuration) -> value to start from, where that is no field.
        materials: of images, on which it is searched; empty for all.
    """

    field: str = ""
    start: collections.abc.Callable | None = None
    materials: tuple = ()

    @property
    def key(self):
        """The name of its value among those of a `Space`."""
        return self.field or self.name

    def value(self, hp, own):
        """Declare the range on `hp` about its value in the configuration `own`; returns the value chosen."""
        return self.declare(hp, self.start(own) if self.start else getattr(own, self.key))


@dataclasses.dataclass(frozen=True)
class Choice(_Range):
    """One of some values; numbers are put in order, texts stay in theirs."""

    name: str
    values: tuple

    def declare(self, hp, start):
        """Declare it on `hp` about a starting value; returns the value chosen."""
        values = [*self.values] if start in self.values else [*self.values, start]
        return hp.Choice(self.name, values if isinstance(start, str) else sorted(values), default=start)


@dataclasses.dataclass(frozen=True)
class Whole(_Range):
    """A whole number from `low` to `high`."""

    name: str
    low: int
    high: int

    def declare(self, hp, start):
        """As `Choice.declare`."""
        return hp.Int(self.name, min(self.low, start), max(self.high, start), default=start)


@dataclasses.dataclass(frozen=True)
class Real(_Range):
    """A number from `low` to `high`; `log`: equal factors are equally likely."""

    name: str
    low: float
    high: float
    log: bool = dataclasses.field(default=False, kw_only=True)

    def declare(self, hp, start):
        """As `Choice.declare`."""
        sampling = {"sampling": "log"} if self.log else {}
        return hp.Float(self.name, min(self.low, start), max(self.high, start), default=start, **sampling)


@dataclasses.dataclass(frozen=True)
class Switch(_Range):
    """Yes or no."""

    name: str

    def declare(self, hp, start):
        """As `Choice.declare`."""
        return hp.Boolean(self.name, default=start)


@dataclasses.dataclass(frozen=True)
class Space:
    """What is searched of one kind of network.

    Attributes:
        ranges: in the order in which they are declared.
        searched: function (own config, {key of a range: value}, box) -> config; by default the values replace the fields.
    """

    ranges: tuple
    searched: collections.abc.Callable = lambda own, values, box: dataclasses.replace(own, **values)

    def config(self, hp, own, material, box):
        """Declare all ranges for a kind of material on `hp`, about the config `own`; returns the config of the values chosen."""
        ranges = [one for one in self.ranges if not one.materials or material in one.materials]
        return self.searched(own, {one.key: one.value(hp, own) for one in ranges}, box)
