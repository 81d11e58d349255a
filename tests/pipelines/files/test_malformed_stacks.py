"""Damaged, wrong and odd MRC files, made with fixed seeds, through the entry point people use.

A bad file gives an InputError of one line that names it, and nothing else; an odd but valid one gives exactly its pixels.
"""

import bz2
import gzip

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files.opening import open_source

SIDE, COUNT = 6, 4
PIXELS = np.random.default_rng(0).integers(-100, 100, (COUNT, SIDE, SIDE))


def mrc(order="<", mode=1, shape=(COUNT, SIDE, SIDE), extended=b"", stamp=None, map_id=b"MAP ", nsymbt=None, pixels=PIXELS):
    """An MRC file byte by byte: words of 4 bytes, then the extended header, then the pixels."""
    words = np.zeros(256, order + "i4")
    words[:4] = *shape[::-1], mode
    words[7:10] = shape[2], shape[1], 1
    words.view(order + "f4")[10:12] = 1.5 * shape[2], 1.5 * shape[1]
    words[23] = len(extended) if nsymbt is None else nsymbt
    header = bytearray(words.tobytes())
    header[208:212] = map_id
    header[212:216] = {"<": b"\x44\x44\0\0", ">": b"\x11\x11\0\0"}[order] if stamp is None else stamp
    kind = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}.get(mode, "i2")
    return bytes(header) + extended + pixels.astype(order + kind).tobytes()


def bad_mrc():
    rng, whole = np.random.default_rng(1), mrc()
    for cut in (*rng.choice(np.arange(1025, len(whole) - 1), 12, replace=False), 1024, len(whole) - 1):
        yield f"cut-{cut}", whole[:cut]
    for cut in (0, 1, 4, 100, 1023):
        yield f"header-cut-{cut}", whole[:cut]
    for order in "<>":
        for mode in (3, 4, 5, 7, 101, -1, 1000, 2**31 - 1):
            yield f"mode-{order}{mode}", mrc(order, mode)
        for axis, name in enumerate(("nz", "ny", "nx")):
            for size in (0, -1, 2**31 - 1, COUNT + SIDE):
                shape = [COUNT, SIDE, SIDE]
                shape[axis] = size
                yield f"{name}-{order}{size}", mrc(order, shape=shape)
        for nsymbt in (-1, 4, 2**31 - 1):
            yield f"nsymbt-{order}{nsymbt}", mrc(order, nsymbt=nsymbt)
    yield "three-huge", mrc(shape=(2**31 - 1, 65535, 65535))
    yield "text", b"This is not an image.\n" * 100
    yield "zeros", bytes(4096)
    yield "folder-of-fits", b"SIMPLE  =                    T".ljust(4000)
    for seed in range(6):
        yield f"random-{seed}", np.random.default_rng(seed).bytes(5000)


def bad_compressed():
    rng, whole = np.random.default_rng(2), mrc(pixels=PIXELS + np.random.default_rng(3).integers(0, 99, PIXELS.shape))
    for name, compress in (("gz", gzip.compress), ("bz2", bz2.compress)):
        packed = compress(whole)
        for cut in (*rng.choice(np.arange(20, len(packed) - 1), 5, replace=False), 3):
            yield f"{name}-cut-{cut}", packed[:cut]
        for at in rng.choice(np.arange(20, len(packed) - 12), 12, replace=False):
            yield f"{name}-broken-{at}", packed[:at] + bytes([packed[at] ^ 0x55]) + packed[at + 1 :]
        yield f"{name}-of-cut", compress(whole[:-1])
        yield f"{name}-of-text", compress(b"text " * 1000)
        yield f"{name}-of-little", compress(b"x")
        yield f"{name}-huge-promise", compress(mrc(shape=(2**31 - 1, 60000, 60000)))
        yield f"{name}-twice", compress(packed)


BAD = [
    pytest.param(name, content, id=case)
    for name, cases in (("in.mrcs", bad_mrc()), ("in.mrcs.gz", bad_compressed()))
    for case, content in cases
]


def read_all(path):
    source = open_source(path)
    return source, source.read(slice(None))


def test_every_case_is_another():
    assert len(BAD) >= 100 and len({case.id for case in BAD}) == len(BAD)
    assert all(case.values[1] != mrc() for case in BAD)


@pytest.mark.parametrize("name, content", BAD)
def test_one_clear_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_all(path)
    message = str(caught.value)
    assert message.splitlines() == [message] and message.isprintable() and str(path) in message
    assert list(tmp_path.iterdir()) == [path]


def odd_mrc():
    for order in "<>":
        for mode in (0, 1, 2, 12):
            yield f"mode-{order}{mode}", mrc(order, mode)
        for length in (1, 80, 1024, 5000):
            yield f"extended-{order}{length}", mrc(order, extended=b"\x07" * length)
        yield f"no-map-{order}", mrc(order, map_id=bytes(4))
        yield f"no-stamp-{order}", mrc(order, stamp=bytes(4))
        yield f"wrong-stamp-{order}", mrc(order, stamp={"<": b"\x11\x11\0\0", ">": b"\x44\x44\0\0"}[order])
        yield f"gz-{order}", gzip.compress(mrc(order, 2, extended=b"x" * 50))
        yield f"bz2-{order}", bz2.compress(mrc(order, 12))
    yield "more-bytes", mrc() + b"more"
    yield "gz-more-bytes", gzip.compress(mrc() + bytes(100_000))
    rng = np.random.default_rng(6)
    for number in range(10):  # labels, extremes, origin: what does not matter for the pixels
        content = bytearray(mrc())
        for at in rng.choice(np.r_[16:28, 52:64, 76:92, 112:208, 216:1024], 20):
            content[at] = rng.integers(256)
        yield f"changed-{number}", bytes(content)


@pytest.mark.parametrize("content", [pytest.param(content, id=case) for case, content in odd_mrc()])
def test_odd_stacks_are_read(tmp_path, content):
    for name in ("in.mrcs", "in.mrcs.gz"):  # what is inside counts, not the name
        (tmp_path / name).write_bytes(content)
        source, images = read_all(tmp_path / name)
        np.testing.assert_array_equal(images, PIXELS)
        assert source.pixel_size == pytest.approx(1.5)
        np.testing.assert_array_equal(source.read([3, 1, 1, 2]), PIXELS[[3, 1, 1, 2]])


@pytest.mark.parametrize("whole", [mrc(), mrc(">", 2), gzip.compress(mrc())], ids=["little", "big", "gz"])
def test_bytes_changed_anywhere(tmp_path, whole):
    """Whatever a few wrong bytes of the header do, the answer is an InputError or images of some size."""
    rng, outcomes, path = np.random.default_rng(7), set(), tmp_path / "in.mrcs"
    for _ in range(100):
        content = bytearray(whole)
        for at in rng.choice(np.r_[0:64, 92:96, 208:216, 208 : min(1024, len(whole))], rng.integers(1, 4)):
            content[at] = rng.integers(256)
        path.write_bytes(bytes(content))
        try:
            source, images = read_all(path)
        except InputError as error:
            assert str(error).isprintable()
            outcomes.add("refused")
        else:
            assert images.shape == (len(source), *source.shape)
            outcomes.add("read")
    assert outcomes == {"refused", "read"}
