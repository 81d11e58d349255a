"""What a rival is told of the pairs it answers for, besides the images."""

import collections.abc
import dataclasses


@dataclasses.dataclass(frozen=True)
class Problem:
    """Pairs, or sequences, of one kind of transform, and what there is to learn from.

    Attributes:
        kind: of `registry.KINDS`.
        side: of the images or of the tracked patch, pixels.
        model: name of the shipped model that is made for such images.
        spectral_snr: function () -> (side // 2 + 1,), true signal-to-noise ratio of every ring of frequencies.
        train: function (start=0) -> endless dataset of (inputs, truth), the same for all that learn; its images may be larger.
        noise: of the images, as `pipelines.noise.parse` reads it. scale: ``small`` or ``paper``: how large the networks are.
        config: `presets.Config` of the paper's network for these images. training_data: what UDL trains it on, a
            `training.datasets.TrainingData`.
        taught: what `train` shows besides the files, as text, where that is not the noise and image of the row: rows of a table
            with the same share one training.
    """

    kind: str
    side: int
    model: str = ""
    spectral_snr: collections.abc.Callable | None = None
    train: collections.abc.Callable | None = None
    noise: str = "clean"
    scale: str = "small"
    config: object = None
    training_data: object = None
    taught: str = ""
