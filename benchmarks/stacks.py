"""Whole stacks aligned to their own average: accuracy, real noise with CTF, RELION, real particles, size.

    python benchmarks/stacks.py --data ../shared/data
    python benchmarks/stacks.py --data ../shared/data --parts size --particles 200000
    python benchmarks/stacks.py --data ../shared/data --parts relion

`classes`: 500 noisy copies of each class average, no reference given; error of the angle after removing one rotation
common to all (GroEL modulo 180). Beside it the pairwise aligner with particle 1 as the reference, the same with the
clean image, and the rival, an exhaustive search of each particle in the clean image with a continuous polish.
`clpb`: 600 particles with the noise of real micrographs and a CTF, no reference given; the rival searches each in the
supplied clean reference, times the particle's CTF, weighted by the true noise spectrum.
`relion`: `relion_refine`, 2D classification with K = 1, on 300 particles, and ours on the same file. Needs RELION.
`apoferritin`: real particles, all aligned to the averages of both halves of the data: how far the shifts differ.
`size`: a large stack of 64 pixels made on the fly, whole, and killed twice and resumed: particles/s, memory, same bytes.
"""

import pathlib
import sys
import tempfile
import time

from harness import add_data, data_path, progress, run
from noisy_copies import noisy_copies
from stack_scores import angle_between, error, likeness, within

GOALS = {("groel", 0.1): 0.20, ("empiar10034", 0.1): 0.25, ("empiar10065", 0.1): 0.45}
GOALS |= {("groel", 0.02): 0.6, ("empiar10034", 0.02): 0.6, ("empiar10065", 0.02): 1.0}
PERIODS = {"groel": 180.0, "empiar10034": 360.0, "empiar10065": 360.0}
PARTS = ("classes", "clpb", "apoferritin", "relion", "size")
RELION = (
    "relion_refine --o {out}/run --i {star} --K 1 --iter 25 --psi_step 6 --oversampling 1 --offset_range 12 --offset_step 2 "
    "--particle_diameter 250 --flatten_solvent --zero_mask --norm --scale --tau2_fudge 2 --pad 2 --j 2"
)


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--parts", default="classes,clpb,apoferritin", help=f"of {', '.join(PARTS)} (default: the first three)")
    parser.add_argument("--particles", type=int, default=200_000, help="of the part size (default: 200000)")
    parser.add_argument("--count", type=int, default=500, help="of the part classes (default: 500)")
    parser.add_argument("--seed", type=int, default=7)


def main(args):
    """The rows of the table."""
    from pipelines.errors import InputError
    from udl_tf.chunks.executors import single_threaded

    single_threaded()
    chosen = args.parts.split(",")
    if not set(chosen) <= set(PARTS):
        raise InputError(f"--parts {args.parts}: expected some of {', '.join(PARTS)}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for part in chosen:
            progress(part)
            rows += globals()[part](args, pathlib.Path(folder))
    return rows


def classes(args, folder):
    """Noisy copies of the class averages."""
    import numpy as np

    from pipelines.files.mrc import write_mrc
    from udl_tf.rivals.exhaustive import search

    rows = []
    for (name, snr), goal in GOALS.items():
        clean, images, truth = noisy_copies(args.data, name, snr, args.count, args.seed)
        path = folder / f"{name}-{snr:g}.mrcs"
        write_mrc(path, images, 2.0)
        row = {"stack": name, "SNR": snr, "goal deg": goal}
        result, seconds, alignment = aligned(path)
        row |= {"own average deg": error(result.angle, truth, PERIODS[name]), "s": seconds}
        row |= {"within 2 sigma %": within(result, truth, PERIODS[name]), "left out": left_out(alignment)}
        for column, reference in (("particle 1 deg", 1), ("clean image deg", clean)):
            other, *_ = aligned(path, reference=reference, reference_name=column)
            row[column] = error(other.angle, truth, PERIODS[name])
        began = time.perf_counter()
        flat = np.full(clean.shape[0] // 2 + 1, 1e6)  # the reference is clean and the noise white: all frequencies weigh the same
        angle = search(np.repeat(clean[None], len(images), 0), images, flat, 32.0).angle
        row |= {"exhaustive, clean deg": error(angle, truth, PERIODS[name]), "exhaustive s": time.perf_counter() - began}
        progress(str(row))
        rows.append(row)
    return rows


def clpb(args, folder):
    """Real noise and CTF."""
    import numpy as np

    from pipelines.files import opening
    from pipelines.normalise import normalise
    from pipelines.spectra import ctf
    from pipelines.spectra.noise_spectrum import radial_power
    from udl_tf.rivals.exhaustive import search

    star = data_path(args.data, "cryo/semireal/clpb_side_truth.star")
    clean = opening.open_source(data_path(args.data, "cryo/semireal/clpb_side_reference.mrc")).read([0])[0]
    source = opening.open_source(star)
    truth, _ = source.star.poses(source.shape[0])
    result, seconds, alignment = aligned(star, average=str(folder / "clpb.mrc"))
    average = opening.open_source(folder / "clpb.mrc").read([0])[0]
    images, parameters = normalise(source.read(slice(None))).numpy(), source.star.ctf_parameters()
    values = ctf.ctf(source.shape[0], source.pixel_size, parameters.defocus_u, parameters.defocus_v).numpy()
    targets = np.fft.irfft2(np.fft.rfft2(clean)[None] * values, clean.shape).astype(np.float32)
    began = time.perf_counter()
    angle = np.zeros(len(images))
    rows = []
    for name, snr, part in (("clpb, 1-300", 0.1, slice(0, 300)), ("clpb, 301-600", 0.05, slice(300, 600))):
        power, signal = (np.asarray(radial_power(x[part])).mean(0) for x in (images, targets))
        scale = snr / (1.0 + snr) / np.mean(np.var(targets[part], axis=(1, 2)))
        noise = np.maximum(power - signal * scale, 0.05 * power)
        noise[0] = noise[1]  # the mean was taken away
        weight = 0.4 * noise[1:].min() / noise  # the search weighs by s / (1 + 2 s): this is s for weights of 1 / noise
        angle[part] = search(targets[part], images[part], weight / (1.0 - 2.0 * weight), 32.0).angle
        ours, rival = (error(found[part], truth[part], 360.0) for found in (result.angle, angle))
        row = {"stack": name, "SNR": snr, "own average deg": ours, "exhaustive, clean deg": rival, "ratio": ours / rival}
        rows.append({**row, "goal ratio": 1.15, "within 2 sigma %": within(result, truth, 360.0, part)})
    rows[0] |= {"s": seconds, "exhaustive s": time.perf_counter() - began}
    rows[1] |= {
        "correlation with the clean reference": likeness(average, clean, angle_between(result.angle, truth)),
        "goal corr.": 0.97,
    }
    rows[1]["left out"] = left_out(alignment)
    return rows


def apoferritin(args, folder):
    """Real particles, nearly round."""
    import numpy as np

    from pipelines import geometry

    star = data_path(args.data, "cryo/real/apoferritin.star")
    result, seconds, alignment = aligned(star, report=str(folder / "apoferritin.html"))
    shifts = [aligned(star, reference=half, reference_name=f"half {i}")[0] for i, half in enumerate(alignment.averages[0].halves)]
    # A shift is counted after the turn, which a round particle leaves open: where each particle's centre was is what repeats.
    places = [np.asarray(geometry.inverse(found.angle, found.shift)[1]) for found in shifts]
    apart = places[0] - places[1]
    apart = np.linalg.norm(apart - np.median(apart, 0), axis=1)
    row = {"stack": "apoferritin", "s": seconds, "centres apart, median px": float(np.median(apart))}
    return [{**row, "within 1 px %": 100.0 * float((apart < 1.0).mean()), "left out": left_out(alignment)}]


def relion(args, folder):
    """RELION's 2D classification with one class, beside ours."""
    import dataclasses
    import resource
    import shutil
    import subprocess

    import numpy as np

    from pipelines import geometry
    from pipelines.errors import InputError
    from pipelines.files import star
    from pipelines.files.mrc import write_mrc

    if shutil.which("relion_refine") is None:
        raise InputError("relion_refine: no such program, expected RELION on the PATH (Debian: apt-get install relion)")
    _, images, truth = noisy_copies(args.data, "groel", 0.1, 300, args.seed)
    outside = np.linalg.norm(geometry.centred_grid(*images.shape[1:]), axis=-1) > 60.0
    background = images[:, outside]
    images = (images - background.mean(1)[:, None, None]) / background.std(1)[:, None, None]  # as RELION wants them
    write_mrc(folder / "relion.mrcs", images, 2.08)
    table = star.new_star([f"{row + 1:06d}@{folder}/relion.mrcs" for row in range(len(images))], 2.08)
    optics = table.optics.assign(rlnVoltage=300.0, rlnSphericalAberration=2.7, rlnAmplitudeContrast=0.1, rlnImageSize=128)
    star.write_star(dataclasses.replace(table, optics=optics), folder / "relion.star")
    ours, seconds, _ = aligned(folder / "relion.star")
    (folder / "class2d").mkdir()
    began = time.perf_counter()
    command = RELION.format(out=folder / "class2d", star=folder / "relion.star").split()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = star.read_star(folder / "class2d" / "run_it025_data.star")
    angle, _ = found.poses(images.shape[1])
    row = {"stack": "groel, 300", "SNR": 0.1, "own average deg": error(ours.angle, truth, 180.0), "s": seconds}
    row |= {"RELION deg": error(angle, truth, 180.0), "RELION s": wall, "RELION CPU s": used.ru_utime + used.ru_stime}
    return [{**row, "times faster": wall / seconds}]


def size(args, folder):
    """A large stack: speed and memory from start to end, and the same bytes after two kills."""
    import os
    import signal
    import subprocess

    import numpy as np

    from pipelines.files.mrc import mrc_writer

    path = folder / "large.mrcs"
    with mrc_writer(path, 4.0) as append:
        for start in range(0, args.particles, 1000):
            append(noisy_copies(args.data, "empiar10034", 0.1, 1000, args.seed + start, box=64)[1])
    random = np.random.default_rng(args.seed)
    rows, texts = [], []
    for name, kills in (("whole", 0), ("killed twice", 2)):
        output = folder / f"{name.replace(' ', '-')}.star"
        command = [sys.executable, "-m", "udl_tf.align", str(path), "--output", str(output)]
        began, peak, shares = time.perf_counter(), 0, []
        for attempt in range(kills + 1):
            process = subprocess.Popen([*command, *(["--resume"] if attempt else [])], stderr=subprocess.DEVNULL)
            stop = random.uniform(0.1, 0.6) * rows[0]["s"] if attempt < kills else np.inf
            start = time.perf_counter()
            while process.poll() is None:
                time.sleep(0.5)
                peak = max(peak, memory(process.pid))
                if time.perf_counter() - start > stop:
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait()
                    shares.append(round(stop / rows[0]["s"], 2))
                    break
        texts.append(output.read_bytes())
        row = {"stack": f"{args.particles} of 64 px, {name}", "s": time.perf_counter() - began, "peak GB": peak / 2**30}
        rows.append({**row, "particles/s": args.particles / (time.perf_counter() - began), "killed after": str(shares)})
    rows[1]["same bytes"] = str(texts[0] == texts[1])
    return rows


def aligned(path, **options):
    """(`Result`, seconds, `StackAlignment`) of a stack file, aligned with the shipped model, starting from files."""
    from udl_tf.particles.request import StackRequest
    from udl_tf.particles.stack_alignment import align_stack

    began = time.perf_counter()
    found, *_ = align_stack(StackRequest(str(path), **options), progress=False)
    return found.result(), time.perf_counter() - began, found


def left_out(alignment):
    """Particles that are not in the average."""
    return int((alignment.particles.weight == 0).sum())


def memory(pid):
    """Resident bytes of a process."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
