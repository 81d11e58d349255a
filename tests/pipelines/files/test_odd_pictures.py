"""TIFF, PNG and JPEG files as instruments and cameras write them: the values that are stored, or one clear line."""

import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from pipelines.errors import InputError
from pipelines.files.opening import open_array, open_source

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60000, (5, 8, 8), np.uint16)


def whole(path):
    array = open_array(path)
    return array.axes, array.read()


def by_hand(data, bits, photometric=1, text=b"\0"):
    """A TIFF file of one page of 8 x 8 pixels, laid out byte by byte; the pixels begin at byte 400."""
    entries = [
        (256, 4, 1, 8),  # width
        (257, 4, 1, 8),  # height
        (258, 3, 1, bits),
        (259, 3, 1, 1),  # no compression
        (262, 3, 1, photometric),  # 1: 0 is black; 0: 0 is white
        (270, 2, len(text), 200),  # description
        (273, 4, 1, 400),  # where the pixels are
        (277, 3, 1, 1),  # samples
        (278, 4, 1, 8),  # rows in a strip
        (279, 4, 1, 8 * bits),  # bytes of the page
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return ((b"II*\0\x08\0\0\0" + directory).ljust(200, b"\0") + text).ljust(400, b"\0") + data


def test_five_images_behind_one_directory(tmp_path):
    """ImageJ's layout above 4 GB: one page is listed, the others follow it without a gap."""
    path = tmp_path / "a.tif"
    path.write_bytes(by_hand(STACK.astype("<u2").tobytes(), 16, text=b"ImageJ=1.53t\nimages=5\nslices=5\n\0"))
    axes, read = whole(path)
    assert axes == "ZYX"
    np.testing.assert_array_equal(read, STACK)
    np.testing.assert_array_equal(open_source(path).read([4, 0]), STACK[[4, 0]])
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="a.tif is truncated: expected at least 1040 bytes, found 1030"):
        open_array(path)


@pytest.mark.parametrize("dtype, white", [("uint8", 255), ("uint16", 65535)])
def test_where_zero_is_white_larger_still_is_brighter(tmp_path, dtype, white):
    stored = STACK[0].astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite")
    np.testing.assert_array_equal(whole(tmp_path / "a.tif")[1], white - stored)


@pytest.mark.parametrize("subifds", [0, 1])
def test_copies_of_reduced_resolution_do_not_count(tmp_path, subifds):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(STACK[0], subifds=subifds, metadata=None)
        file.write(STACK[0][::2, ::2], subfiletype=1, metadata=None)
    axes, read = whole(tmp_path / "a.tif")
    assert axes == "YX"
    np.testing.assert_array_equal(read, STACK[0])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int16", "int32", "uint32", "int64", "uint64"])
def test_every_type_of_number(tmp_path, dtype):
    values = (STACK[:2] / 4 - (0 if dtype[0] == "u" else 5000)).astype(dtype) * (9999 if dtype in ("uint32", "int64") else 1)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", metadata=None)
    array = open_array(tmp_path / "a.tif")
    assert array.dtype == np.dtype(dtype) and array.axes == "IYX"
    np.testing.assert_array_equal(array.read(), values)
    found = open_source(tmp_path / "a.tif").read([1]).astype(np.float64)
    wanted = values[1:].astype(np.float64)
    if np.abs(wanted).max() >= 2**24:  # less its mean
        found, wanted = found - found.mean(), wanted - wanted.mean()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-7 * np.abs(wanted).max())


def test_a_large_offset_takes_nothing_from_what_an_image_shows(tmp_path):
    values = 10**12 + STACK[:2].astype(np.int64)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", metadata=None)
    found = open_source(tmp_path / "a.tif").read([1])[0]  # float32 steps by 65,536 at this height
    np.testing.assert_array_equal(found - found.min(), STACK[1] - STACK[1].min().astype(np.float32))


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", "packbits", "lzma"])
@pytest.mark.parametrize("predictor", [False, True])
def test_compression(tmp_path, compression, predictor):
    predictor = predictor and compression not in ("packbits",)
    tifffile.imwrite(tmp_path / "a.tif", STACK, compression=compression, predictor=predictor, photometric="minisblack")
    np.testing.assert_array_equal(whole(tmp_path / "a.tif")[1], STACK)


def test_twelve_bits_are_twelve_bits(tmp_path):
    values = (STACK[0] % 4096).astype(np.uint16)
    first, second = values.reshape(-1, 2).T  # two values in three bytes
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 1).astype(np.uint8).tobytes()
    for photometric, wanted in ((1, values), (0, 4095 - values)):
        (tmp_path / "a.tif").write_bytes(by_hand(packed, 12, photometric))
        np.testing.assert_array_equal(whole(tmp_path / "a.tif")[1], wanted)


def test_without_the_decoder_the_line_says_what_to_install(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", STACK, compression="zlib")

    def missing(*_, **__):
        raise ValueError("<COMPRESSION.ZSTD: 50000> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", missing)
    with pytest.raises(
        InputError, match="a.tif cannot be read.*ZSTD.*requires the 'imagecodecs' package .pip install imagecodecs"
    ):
        open_array(tmp_path / "a.tif").read()


def test_a_palette_becomes_its_colours(tmp_path):
    palette = np.zeros((3, 256), np.uint16)
    palette[:, 7], palette[:, 9] = (65535, 0, 0), (100, 200, 300)
    tifffile.imwrite(tmp_path / "a.tif", np.uint8([[7, 9], [9, 0]]), photometric="palette", colormap=palette)
    axes, read = whole(tmp_path / "a.tif")
    assert axes == "YXS"
    np.testing.assert_array_equal(read, [[[65535, 0, 0], [100, 200, 300]], [[100, 200, 300], [0, 0, 0]]])


def test_pages_of_different_sizes_are_made_equal(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.full((8, 8), 5, np.uint8), metadata=None)
        file.write(np.full((16, 12), 300, np.uint16), metadata=None)
    axes, read = whole(tmp_path / "a.tif")
    assert axes == "IYX" and read.shape == (2, 8, 8)
    np.testing.assert_array_equal(read[:, 3, 3], [5, 300])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_they_were_taken(tmp_path, orientation):
    values = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    exif = Image.Exif()
    exif[274] = orientation
    picture = Image.fromarray(values)
    picture.save(tmp_path / "a.png", exif=exif)
    Image.fromarray(cv2.resize(values, (128, 96), interpolation=cv2.INTER_LINEAR)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    tifffile.imwrite(tmp_path / "a.tif", values, extratags=[(274, 3, 1, orientation, True)], metadata=None)
    for name, source in (("a.png", "a.png"), ("a.tif", "a.png"), ("a.jpg", "a.jpg")):
        with Image.open(tmp_path / source) as file:
            wanted = np.asarray(ImageOps.exif_transpose(file), np.float32)
        found = whole(tmp_path / name)[1]
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() <= (3 if name == "a.jpg" else 0)  # two decoders of one JPEG


@pytest.mark.parametrize("cut", [7, 100, 300, 600])
def test_a_tiff_that_was_cut_is_one_line(tmp_path, cut):
    tifffile.imwrite(tmp_path / "a.tif", STACK, compression="zlib", metadata=None)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:cut])
    with pytest.raises(InputError) as caught:
        open_source(tmp_path / "a.tif").read(slice(None))
    assert str(caught.value).splitlines() == [str(caught.value)] and "a.tif" in str(caught.value)


def test_bytes_changed_anywhere(tmp_path):
    """Whatever a few wrong bytes do, the answer is an InputError or images of some size."""
    tifffile.imwrite(tmp_path / "a.tif", STACK[:2], metadata=None, photometric="minisblack")
    content, rng, outcomes = (tmp_path / "a.tif").read_bytes(), np.random.default_rng(3), set()
    for _ in range(150):
        changed = bytearray(content)
        for at in rng.integers(0, 200, rng.integers(1, 4)):
            changed[at] = rng.integers(256)
        (tmp_path / "a.tif").write_bytes(bytes(changed))
        try:
            source = open_source(tmp_path / "a.tif")
            if len(source) * source.shape[0] ** 2 > 2**24:
                continue
            images = source.read(slice(None))
        except InputError as error:
            assert str(error).isprintable()
            outcomes.add("refused")
        else:
            assert images.shape == (len(source), *source.shape)
            outcomes.add("read")
    assert outcomes == {"refused", "read"}
