"""What a run that learns views is made of, and the presets people start from."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ViewsConfig:
    """A run of `udl_tf.fit` that learns the views of a stack.

    Attributes:
        description: one sentence for people. views: how many, None: as many as the particles need. seed: of what is drawn.
    """

    description: str
    views: int | None = None
    seed: int = 0


VIEW_PRESETS: dict[str, ViewsConfig] = {
    "cryo-views": ViewsConfig("Noisy particles of one view or many: the views are learned, and know new particles and pairs."),
}
