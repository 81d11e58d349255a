"""What stays the same from the first chunk of a stack's alignment to the last."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class StackConfig:
    """Everything the poses depend on but the reference; small, and sent to every worker.

    Attributes:
        path: the stack. model: folder of the SavedModel. Both absolute. stamp: another one when the stack's files change.
        box: side of the images, pixels. mask_radius: of the averages, pixels.
        pixel_size: Angstrom, for a stack that does not tell, or None.
        masked: particles are masked for the network, too.
        max_shift: pixels. fast: the network's search without verification. ctf: correct for the CTF of the STAR file.
        rows: file of `pipelines.files.star_rows.save_rows` that workers open in place of a large table, or None; not compared.
        clean: prepare particles as `udl_tf.alignment.preparation.clean` does; not photographs, whose slow changes are content.
        server, rest: where the model is, if not here, see `open_aligner`; `model` is its name there.
    """

    path: str
    model: str
    stamp: str
    box: int
    mask_radius: float
    pixel_size: float | None = None
    masked: bool = False
    max_shift: float | None = None
    fast: bool = False
    ctf: bool = False
    clean: bool = False
    server: str | None = None
    rest: bool = False
    rows: str | None = dataclasses.field(default=None, compare=False)

    @property
    def limit(self):
        """Largest shift looked for, pixels."""
        return self.box / 4.0 if self.max_shift is None else self.max_shift
