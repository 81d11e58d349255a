"""MRC files against mrcfile, another program's reading of the format, and against bytes laid out by hand."""

import bz2
import gzip
import pathlib
import pickle

import mrcfile
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files.mrc import MrcStack, mrc_writer, write_mrc


def images(count=5, height=6, width=8):
    return np.random.default_rng(0).integers(-100, 100, (count, height, width))


def everything(path):
    stack = MrcStack(path)
    return stack.read(np.arange(len(stack)))


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "uint16", "float16"])
def test_reads_every_mode_written_by_mrcfile(tmp_path, dtype):
    data = (images() + 100 * (dtype == "uint16")).astype(dtype)
    mrcfile.write(tmp_path / "a.mrcs", data)
    read = everything(tmp_path / "a.mrcs")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, data.astype(np.float32))


def test_reads_in_any_order_with_repeats(tmp_path):
    mrcfile.write(tmp_path / "a.mrcs", images().astype(np.int16))
    np.testing.assert_array_equal(MrcStack(tmp_path / "a.mrcs").read(np.array([4, 0, 4])), images()[[4, 0, 4]])


def by_hand(order, data, map_id=b"MAP ", stamp=None, extended=b"", cell=0.0):
    """An MRC file byte by byte, as the MRC2014 paper lays it out (words of 4 bytes, counted from 1)."""
    count, height, width = data.shape
    words = np.zeros(256, order + "i4")
    words[[0, 1, 2, 3]] = width, height, count, 1
    words[[7, 8, 9]] = width, height, 1
    words.view(order + "f4")[[10, 11]] = width * cell, height * cell
    words[[16, 17, 18]] = 1, 2, 3
    words[23] = len(extended)
    header = bytearray(words.tobytes())
    header[208:212] = map_id
    header[212:216] = stamp or {"<": b"\x44\x44\0\0", ">": b"\x11\x11\0\0"}[order]
    return bytes(header) + extended + data.astype(order + "i2").tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_order_extended_header_and_pixel_size(tmp_path, order):
    (tmp_path / "a.mrc").write_bytes(by_hand(order, images(), extended=b"x" * 144, cell=1.25))
    np.testing.assert_array_equal(everything(tmp_path / "a.mrc"), images())
    assert MrcStack(tmp_path / "a.mrc").pixel_size == pytest.approx(1.25)


@pytest.mark.parametrize("odd", [{"map_id": bytes(4)}, {"stamp": b"\x11\x11\0\0"}, {"map_id": bytes(4), "stamp": bytes(4)}])
def test_odd_headers_are_read(tmp_path, odd):
    (tmp_path / "a.mrc").write_bytes(by_hand("<", images(), **odd))
    np.testing.assert_array_equal(everything(tmp_path / "a.mrc"), images())
    assert MrcStack(tmp_path / "a.mrc").pixel_size is None


@pytest.mark.parametrize("suffix, compress", [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed(tmp_path, suffix, compress):
    path = tmp_path / f"a.mrcs{suffix}"
    path.write_bytes(compress(by_hand(">", images())))
    np.testing.assert_array_equal(everything(path), images())
    path.write_bytes(compress(by_hand(">", images()))[:-20])
    with pytest.raises(InputError, match="cannot be read"):
        MrcStack(path)


def test_only_what_is_needed_is_unpacked(tmp_path):
    path = tmp_path / "a.mrcs.gz"
    path.write_bytes(gzip.compress(by_hand("<", images()) + bytes(50_000_000)))
    stack = MrcStack(path)
    assert stack._size == 1024 + 5 * 6 * 8 * 2
    np.testing.assert_array_equal(stack.read(np.array([4, 1])), images()[[4, 1]])
    again = pickle.loads(pickle.dumps(stack))  # for another process, which unpacks it for itself
    np.testing.assert_array_equal(again.read(np.array([4, 1])), images()[[4, 1]])
    path.write_bytes(gzip.compress(by_hand("<", images())[:8] + b"\xff\xff\xff\x7f" + by_hand("<", images())[12:]))
    with pytest.raises(InputError, match="is truncated: expected 206158431136 bytes"):
        MrcStack(path)


def test_a_file_that_changes_while_it_is_in_use(tmp_path):
    whole = by_hand("<", images())
    for change, message in [
        (lambda path: path.write_bytes(whole[:-1]), "expected 1504 bytes as before, found 1503"),
        (lambda path: path.write_bytes(whole + b"x"), "expected 1504 bytes as before, found 1505"),
        (lambda path: path.write_bytes(b""), "found 0"),
        (lambda path: path.unlink(), "cannot be read any more: No such file"),
    ]:
        path = tmp_path / "a.mrcs"
        path.write_bytes(whole)
        stack = MrcStack(path)
        np.testing.assert_array_equal(stack.read(np.arange(5)), images())
        change(path)
        with pytest.raises(InputError, match=message):
            stack.read(np.array([0]))


def test_one_image_and_a_volume_are_stacks(tmp_path):
    mrcfile.write(tmp_path / "image.mrc", images()[0].astype(np.float32))
    assert MrcStack(tmp_path / "image.mrc").shape == (1, 6, 8)
    with mrcfile.new(tmp_path / "volume.mrc", images().astype(np.float32)) as file:
        file.set_volume()
    assert MrcStack(tmp_path / "volume.mrc").shape == (5, 6, 8)


def test_truncated_file_says_how_many_bytes(tmp_path):
    whole = by_hand("<", images(), extended=b"x" * 16)
    assert len(whole) == 1024 + 16 + 5 * 6 * 8 * 2
    (tmp_path / "a.mrcs").write_bytes(whole[:-100])
    with pytest.raises(InputError, match="expected 1520 bytes .* found 1420"):
        MrcStack(tmp_path / "a.mrcs")


def test_what_is_no_stack_is_refused(tmp_path):
    path = tmp_path / "a.mrcs"
    for content, message in [
        (b"", "not an MRC file: 0 bytes"),
        (b"hello" * 400, "not an MRC file"),
        (by_hand("<", images())[:12] + (4).to_bytes(4, "little") + by_hand("<", images())[16:], "mode 4"),
        (by_hand("<", images()[:0]), "not an MRC file"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            MrcStack(path)
    with pytest.raises(InputError, match="no such file"):
        MrcStack(tmp_path / "missing.mrcs")


def test_written_stack_is_valid_and_complete(tmp_path):
    data = (images() / 7).astype(np.float32)
    path = tmp_path / "a.mrcs"
    with mrc_writer(path, pixel_size=2.2) as append:
        append(data[:3])
        assert not path.exists()
        append(data[3])
        append(data[4:])
    with mrcfile.open(path) as file:
        np.testing.assert_array_equal(file.data, data)
        assert file.is_image_stack()
        np.testing.assert_allclose(file.voxel_size.tolist(), 2.2, rtol=1e-6)
        statistics = [file.header[name] for name in ("dmin", "dmax", "dmean", "rms")]
        np.testing.assert_allclose(statistics, [data.min(), data.max(), data.mean(), data.std()], rtol=1e-5)
    assert mrcfile.validate(path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mrcs"]


def test_failed_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.mrcs"
    write_mrc(path, images())
    before = path.read_bytes()
    with pytest.raises(KeyError), mrc_writer(path) as append:
        append(images())
        raise KeyError
    with pytest.raises(InputError, match="all like"), mrc_writer(path) as append:
        append(images())
        append(np.zeros((1, 3, 3)))
    with pytest.raises(InputError, match="no images"):
        write_mrc(path, images(0))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_statistics_of_nan(tmp_path):
    write_mrc(tmp_path / "a.mrc", np.full((2, 4, 4), np.nan))
    with mrcfile.open(tmp_path / "a.mrc") as file:
        assert file.header.dmax < file.header.dmin and file.header.rms < 0
    assert MrcStack(tmp_path / "a.mrc").pixel_size is None


@pytest.mark.parametrize("name", ["a.png", "a.mrcs.gz", "missing/a.mrc"])
def test_names_that_cannot_be_written(tmp_path, name):
    with pytest.raises(InputError, match="cannot write"):
        write_mrc(tmp_path / name, images())


@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="needs /proc to measure resident memory")
def test_reading_in_chunks_does_not_fill_memory(tmp_path):
    path = tmp_path / "big.mrcs"
    header = by_hand("<", np.zeros((1, 128, 128)))
    header = header[:8] + (12_000).to_bytes(4, "little") + header[12:1024]
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(1024 + 12_000 * 128 * 128 * 2)  # 393 MB, sparse
    stack, resident = MrcStack(path), []
    for start in range(0, len(stack), 500):
        stack.read(np.arange(start, start + 500))
        resident.append(int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096)
    assert max(resident) - resident[0] < 60e6
