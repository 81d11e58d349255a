"""Damaged, wrong and odd particle tables (STAR, cryoSPARC), made with fixed seeds, through the entry points people use.

A bad file gives an InputError of one line that names it, and nothing else; an odd but valid one gives exactly its pixels.
"""

import gzip

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files.mrc import write_mrc
from pipelines.files.opening import open_source
from udl_tf import align
from udl_tf.commands import run

SIDE, COUNT = 6, 4
PIXELS = np.random.default_rng(0).integers(-100, 100, (COUNT, SIDE, SIDE))


STAR = """# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnImagePixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
first 1 1.5 300.0 2.7 0.1
second 2 1.5 200.0 2.7 0.1

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
_rlnAnglePsi #3
_rlnOriginXAngst #4
_rlnOriginYAngst #5
_rlnDefocusU #6
_rlnDefocusV #7
_rlnDefocusAngle #8
000003@a.mrcs 1 30.0 5.0 -2.5 12000.0 11000.0 45.0
000001@a.mrcs 2 -75.5 1.0 0.5 13000.0 12000.0 45.0
000004@a.mrcs 1 180.0 0.0 7.5 14000.0 13000.0 45.0
"""
ORDER = [2, 0, 3]  # the images that STAR lists
OLD_STAR = """
data_

loop_
_rlnImageName #1
_rlnDetectorPixelSize #2
_rlnMagnification #3
_rlnOriginX #4
000003@a.mrcs 5.0 33333.333333 1.0
000001@a.mrcs 5.0 33333.333333 1.0
000004@a.mrcs 5.0 33333.333333 1.0
"""
ROWS = [STAR.index("\n00000" + row) + 1 for row in "314"]  # where the rows of the particles begin


def records(**changes):
    """The bytes of a cryoSPARC file."""
    dtype = {"blob/path": "S16", "blob/idx": "<u4", "blob/psize_A": "<f4"}
    values = {"blob/path": b">a.mrcs", "blob/idx": np.array(ORDER), "blob/psize_A": 1.5, **changes}
    array = np.zeros(len(ORDER), list(dtype.items()))
    for name, value in values.items():
        array[name] = value
    header = str({"descr": array.dtype.descr, "fortran_order": False, "shape": array.shape}).ljust(245) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + array.tobytes()


def read_all(path):
    """Everything that a command reads of a file."""
    source = open_source(path)
    images = source.read(slice(None))
    assert images.shape == (len(source), *source.shape) and images.dtype == np.float32
    if source.star is not None:
        angle, shift = source.star.poses(source.shape[0])
        assert np.isfinite(angle).all() and np.isfinite(shift).all()
        source.star.ctf_parameters()
    return source, images


def bad_star():
    rng = np.random.default_rng(4)
    for row, start in enumerate(ROWS):
        words = STAR[start:].split("\n")[0].split()
        for count in rng.choice(np.arange(1, len(words)), 3, replace=False):
            yield f"row-{row}-cut-{count}", STAR[:start] + " ".join(words[:count])
        yield f"row-{row}-long", STAR[:start] + "7 " + STAR[start:]
        yield f"row-{row}-split", STAR[:start] + STAR[start:].replace(" ", "\n", 1)
    for cut in rng.choice(ROWS[0], 10, replace=False):
        yield f"cut-{cut}", STAR[:cut]
    labels = [line.split()[0][1:] for line in STAR.split("\n") if line.startswith("_")]
    for label in sorted(set(labels)):
        other = labels[labels.index(label) - 1]
        yield (
            f"twice-{label}",
            STAR.replace(f"_{label} ", f"_{other} ", 1)
            if labels.index(label)
            else STAR.replace(f"_{labels[1]} ", f"_{label} ", 1),
        )
    for label in ("rlnImageName", "rlnOpticsGroup", *labels[3:6], *labels[11:]):
        yield f"missing-{label}", STAR.replace(f"_{label} ", "_rlnOther ", 1)
    yield "missing-group-of-particles", STAR.replace("_rlnOpticsGroup #2\n_rlnAngle", "_rlnOther #2\n_rlnAngle")
    nowhere = STAR.replace("_rlnImagePixelSize", "_rlnOther")
    for number in "314":
        nowhere = nowhere.replace(f"00000{number}@a.mrcs", "1@other.mrcs")
    yield "pixel-size-nowhere", nowhere
    names = (
        "0@a.mrcs",
        "-1@a.mrcs",
        "1.5@a.mrcs",
        "x@a.mrcs",
        "@a.mrcs",
        "@",
        "5@a.mrcs",
        "999999999999@a.mrcs",
        "1@",
        "1e0@a.mrcs",
    )
    names += (
        "9" * 40 + "@a.mrcs",
        "nan@a.mrcs",
        "+1@a.mrcs",
        "0x1@a.mrcs",
        "1@b.mrcs",
        "1@no/such/a.mrcs",
        "a.mrcs",
        "1@a.mrcs@",
    )
    names += ("1@" + "x" * 5000, "1@notes.txt", "1@.", "1@/", "1@other.mrcs", "other.mrcs", "1@a.mrcs:tif", "''", "1@in.star")
    for number, name in enumerate(names):
        yield f"name-{number}", STAR.replace("000001@a.mrcs", name)
    for value in ("x", "1,5", "nan", "inf", "0", "-1.5", "0x10", "3.0", "''", "1e400"):
        yield f"pixel-size-{value}", STAR.replace("second 2 1.5", f"second 2 {value}")
    for value in ("3", "0", "x", "nan", "1.5", "-1", "1"):
        yield f"group-{value}", STAR.replace("second 2 1.5", f"second {value} 1.5")
    for column, value in ((" -75.5 ", "x"), (" -75.5 ", "nan"), (" 1.0 0.5", "inf 0.5"), (" 0.5 ", "1-2"), (" -75.5 ", "12.5.3")):
        yield f"pose-{column.split()[0]}-{value}", STAR.replace(column, f" {value} ")
    for column, value in (
        ("13000.0", "deep"),
        ("13000.0", "nan"),
        ("12000.0", "9e9"),
        ("200.0", "0"),
        ("200.0 2.7 0.1", "200.0 2.7 7"),
    ):
        yield f"ctf-{column.split()[0]}-{value}", STAR.replace(column, value)
    yield "zero-bytes", STAR.replace("30.0", "3\x000.0")
    yield "second-table", STAR + STAR[STAR.index("data_particles") :]
    yield "second-loop", STAR + "\nloop_\n_rlnOther\n1\n"
    yield "text-after", STAR + "\nThe end of the file.\n"
    yield "no-loop", STAR.replace("loop_\n_rlnImageName", "_rlnImageName")
    yield "label-without-value", STAR + "\ndata_job\n_rlnJobName\n"
    yield "no-rows", STAR[: ROWS[0]]
    yield "no-optics", STAR[STAR.index("data_particles") :].replace("rlnImagePixelSize", "x")
    yield "empty", ""
    yield "prose", "Dear colleague,\nhere are the particles.\n"
    yield "old-zero-magnification", OLD_STAR.replace("33333.333333", "0")
    yield "old-text", OLD_STAR.replace("33333.333333 1.0\n000004", "high 1.0\n000004")


def bad_cs():
    rng, whole = np.random.default_rng(5), records()
    for cut in (*rng.choice(len(whole) - 1, 8, replace=False), len(whole) - 1):
        yield f"cut-{cut}", whole[:cut]
    for old, new in (
        (b"NUMPY", b"CSDAT"),
        (b"\x93", b"\x94"),
        (b"<u4", b"|O8"),
        (b"(3,)", b"(-3)"),
        (b"(3,)", b"9**9"),
        (b"descr", b"desc?"),
    ):
        yield f"{old!r}-{new!r}", whole.replace(old, new, 1)
    yield "shape-huge", whole.replace(b"(3,)}" + b" " * 12, b"(99999999999999,)}"[:17].ljust(17))
    yield "index-outside", records(**{"blob/idx": np.array([0, COUNT, 1])})
    yield "file-missing", records(**{"blob/path": b"b.mrcs"})
    yield "pixel-size-nan", records(**{"blob/psize_A": np.nan})
    yield "not-numpy", b"uid path\n1 a.mrcs\n"


BAD = [
    pytest.param(name, content, id=f"{name}-{case}".replace("\n", ""))
    for name, cases in (("in.star", bad_star()), ("in.cs", bad_cs()))
    for case, content in cases
]


def prepare(folder, name, content):
    """A folder with a good stack, one of another size, a text, and the file under test."""
    write_mrc(folder / "a.mrcs", PIXELS, 1.5)
    write_mrc(folder / "other.mrcs", np.zeros((1, 9, 9)))
    (folder / "notes.txt").write_text("notes")
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_case_is_another():
    assert len(BAD) >= 120 and len({case.id for case in BAD}) == len(BAD)
    assert all(case.values[1] not in (STAR, OLD_STAR, records()) for case in BAD)


@pytest.mark.parametrize("name, content", BAD)
def test_one_clear_line(tmp_path, monkeypatch, name, content):
    monkeypatch.chdir(tmp_path)
    path = prepare(tmp_path, name, content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError) as caught:
        read_all(path)
    message = str(caught.value)
    assert message.splitlines() == [message] and message.isprintable()
    assert any(str(tmp_path / file) in message for file in (name, "a.mrcs", "other.mrcs", "notes.txt"))
    assert sorted(tmp_path.iterdir()) == before


# A faulty pose or CTF is not among them: this command need not look at it.
OPENED = [case for case in BAD if "-pose-" not in case.id and "-ctf-" not in case.id and "-missing-" not in case.id]


@pytest.mark.parametrize("name, content", OPENED[:: len(OPENED) // 15])
def test_commands_print_it_and_leave_nothing(tmp_path, monkeypatch, capsys, name, content):
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path, name, content)
    before = sorted(tmp_path.iterdir())
    code = run(
        align.__doc__, align.add_args, align.main, [name, "--reference", "1", "--output", "out.star", "--aligned", "o.mrcs"]
    )
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert code == 2 and captured.out == ""
    assert len(lines) == 1 and lines[0].startswith("error: ")
    assert sorted(tmp_path.iterdir()) == before


def odd_star():
    yield "crlf", STAR.replace("\n", "\r\n").encode()
    yield "cr", STAR.replace("\n", "\r").encode()
    yield "bom", b"\xef\xbb\xbf" + STAR[STAR.index("data_optics") :].encode()
    yield "utf-16", STAR.encode("utf-16")
    yield "utf-16-be", b"\xfe\xff" + STAR.encode("utf-16-be")
    yield "latin-1", STAR.replace("# version", "# Größe in Å, version").encode("latin-1")
    yield "utf-8", STAR.replace("first", "Größe").encode()
    yield "next-line-character", STAR.replace("# version", "# a\x85b\x0c").encode("latin-1")
    yield "tabs", STAR.replace(" ", "\t").encode()
    yield "many-blanks", STAR.replace(" ", "  \t ").replace("\n", "  \n   ").encode()
    yield "blank-lines", STAR.replace("\n0", "\n\n0").replace("loop_\n", "loop_\n\n").encode()
    yield "comments", STAR.replace("\n0", "\n# a 'comment' with \"quotes\n0").replace("45.0\n", "45.0 # why\n").encode()
    yield "no-last-line-end", STAR.rstrip("\n").encode()
    yield "more-line-ends", (STAR + "\n\n\n").encode()
    yield "no-numbers-at-labels", "\n".join(line.split(" #")[0] for line in STAR.split("\n")).encode()
    yield "quoted", STAR.replace("000001@a.mrcs", "'000001@a.mrcs'").replace("30.0", '"30.0"').encode()
    yield (
        "quoted-blank",
        STAR.replace("@a.mrcs", "@a b.mrcs")
        .replace("\n000001@a b.mrcs", "\n'000001@a b.mrcs'")
        .replace("\n000003@a b.mrcs", '\n"000003@a b.mrcs"')
        .replace("\n000004@a b.mrcs", "\n'000004@a b.mrcs'")
        .encode(),
    )
    yield "sharp-in-name", STAR.replace("@a.mrcs", "@a#1.mrcs").encode()
    yield "apostrophe-in-name", STAR.replace("@a.mrcs", "@a'1.mrcs").encode()
    yield "stack-suffix", STAR.replace("@a.mrcs", "@a.mrcs:mrcs").encode()
    yield "short-numbers", STAR.replace("@a", "@./a").replace("00000", "").encode()
    yield "compressed-stack", STAR.replace("@a.mrcs", "@a.mrcs.gz").encode()
    yield "other-table-first", ('data_general\n\n_rlnWhat "two words"\n\n' + STAR).encode()
    yield "other-table-last", (STAR + "\ndata_micrographs\nloop_\n_rlnMicrographName\n1.mrc\n_2.mrc\nloop_.mrc\n").encode()
    yield "other-name", STAR.replace("data_particles", "data_images").encode()
    yield "optics-last", (STAR[STAR.index("data_particles") :] + "\n" + STAR[: STAR.index("data_particles")]).encode()
    yield "missing-values", STAR.replace("_rlnDefocus", "_rlnOther").replace(" 13000.0", " <NA>").encode()
    yield "pixel-size-of-the-stack", STAR.replace("_rlnImagePixelSize", "_rlnOther").encode()
    yield "old", OLD_STAR.encode()
    yield "old-pixel-size-of-the-stack", OLD_STAR.replace("_rlnMagnification", "_rlnOther").encode()
    yield "old-crlf", OLD_STAR.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("content", [pytest.param(content, id=case) for case, content in odd_star()])
def test_odd_tables_are_read(tmp_path, content):
    path = prepare(tmp_path, "in.star", content)
    for name in ("a b.mrcs", "a#1.mrcs", "a'1.mrcs"):
        write_mrc(tmp_path / name, PIXELS, 1.5)
    (tmp_path / "a.mrcs.gz").write_bytes(gzip.compress((tmp_path / "a.mrcs").read_bytes()))
    source, images = read_all(path)
    np.testing.assert_array_equal(images, PIXELS[ORDER])
    assert source.pixel_size == pytest.approx(1.5)
    if "rlnDefocusU" in source.star.particles:
        np.testing.assert_array_equal(source.star.numbers("rlnAnglePsi"), [30.0, -75.5, 180.0])
        np.testing.assert_array_equal(source.star.ctf_parameters().voltage, [300, 200, 300])
    else:
        assert source.star.ctf_parameters() is None


@pytest.mark.parametrize("name, whole", [("in.star", STAR.encode()), ("in.cs", records())], ids=["star", "cs"])
def test_bytes_changed_anywhere(tmp_path, monkeypatch, name, whole):
    """Whatever a few wrong bytes do, the answer is an InputError or images of the stack."""
    monkeypatch.chdir(tmp_path)
    rng, outcomes = np.random.default_rng(7), set()
    for _ in range(100):
        content = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 4)):
            content[at] = rng.choice([rng.integers(256), 10, 32, 35, 39, 48, 64, 95])
        path = prepare(tmp_path, name, bytes(content))
        try:
            images = read_all(path)[1]
        except InputError as error:
            assert str(error).isprintable()
            outcomes.add("refused")
        else:
            assert all(any((image == pixels).all() for pixels in PIXELS) for image in images)
            outcomes.add("read")
    assert outcomes == {"refused", "read"}
