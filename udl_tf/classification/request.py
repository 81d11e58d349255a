"""What a user asks for of a stack of many views, and what that means for the stack at hand."""

import dataclasses

from pipelines.errors import InputError
from pipelines.files.fingerprint import stamp
from udl_tf.alignment.models import find
from udl_tf.classification import outputs
from udl_tf.classification.particle_images import BOX, Stack
from udl_tf.particles.lengths import length
from udl_tf.particles.outputs import poses_table
from udl_tf.particles.reader import ctf_of
from udl_tf.versions import versions

RADIUS = 0.47  # of the window, share of the box
REACH = 6.0 / 64  # largest shift looked for, share of the box
FEWEST = 50  # particles that views are learned from; and for each view asked for: FEWEST_PER_VIEW
FEWEST_PER_VIEW = 10
ENDINGS = {"output": (".star",), "averages": (".mrcs",), "report": (".html",)}


@dataclasses.dataclass(frozen=True)
class ClassRequest:
    """What to do, as a user says it.

    Attributes:
        path: the stack. views: how many, None: as many as the particles need. output: .star. averages: .mrcs. report: .html.
        select: "good", or numbers of classes such as "1,3", or None. mask_diameter, max_shift: text or number, see `length`.
        pixel_size: Angstrom, in place of what the files say. ctf: correct for it. seed. workers, scheduler, resume: as `align`.
        refine: each class, at last, by the machinery of stacks. model: of `fit --preset cryo-views`, in place of views learned
            from the stack: name, run or SavedModel folder; with server, host:port, its name there.
    """

    path: str
    views: int | None = None
    output: str | None = None
    averages: str | None = None
    report: str | None = None
    select: str | None = None
    mask_diameter: str | None = None
    max_shift: str | None = None
    pixel_size: float | None = None
    ctf: bool = True
    seed: int = 0
    workers: int = 1
    scheduler: str | None = None
    resume: bool = False
    refine: bool = False
    model: str | None = None
    server: str | None = None


def checked(request, source):
    """`Stack`, radius of the window and largest shift, both in pixels of the small images.

    Raises:
        InputError: what is wrong with the request, or the stack.
    """
    for name, endings in ENDINGS.items():
        path = getattr(request, name)
        if path and not str(path).lower().endswith(endings):
            raise InputError(f"--{name} {path}: expected a name that ends with {' or '.join(endings)}")
    if request.views is not None and request.views < 1:
        raise InputError(f"--views {request.views}: expected a number of at least 1, or auto")
    least = 1 if request.model else max(FEWEST, FEWEST_PER_VIEW * (request.views or 1))
    if len(source) < least:
        raise InputError(
            f"{source.path} holds {len(source)} images: expected at least {least} for {request.views or 'auto'} views"
        )
    if request.model and request.views is not None:
        raise InputError(f"--views {request.views} with --model {request.model}: expected one of them, the model has its views")
    if request.server and not request.model:
        raise InputError(f"--server {request.server}: expected --model NAME, that of a model of views on the server")
    if request.select and not request.output:
        raise InputError(f"--select {request.select}: expected --output, beside which the selection is written")
    if request.output:
        poses_table(source, None, request.output)  # raises where a STAR file cannot name the images
    outputs.chosen(request.select, None)
    box = source.shape[0]
    if box < 24:
        raise InputError(f"{source.path} has images of {box} pixels: expected at least 24")
    ctf = request.ctf and ctf_of(source) is not None
    stack = Stack(str(source.path.resolve()), stamp(source.paths()), box, min(box, BOX), request.pixel_size, ctf)
    diameter = length(request.mask_diameter, source.pixel_size, "mask-diameter")
    radius = (RADIUS * box if diameter is None else diameter / 2) / stack.scale
    reach = length(request.max_shift, source.pixel_size, "max-shift")
    return stack, radius, (REACH * box if reach is None else reach) / stack.scale


def fingerprint(request, stack):
    """All that the classes depend on, for `udl_tf.chunks.store.ChunkStore`."""
    names = ("views", "mask_diameter", "max_shift", "pixel_size", "seed", "refine", "model", "server")
    kept = {name: version for name, version in versions().items() if name in ("udl_tf", "tensorflow", "numpy")}
    model = (
        stamp(path for path in find(request.model).rglob("*") if path.is_file()) if request.model and not request.server else ""
    )
    asked = {name: getattr(request, name) for name in names}
    return {"stack": dataclasses.asdict(stack), **asked, "model_files": model, "versions": kept}
