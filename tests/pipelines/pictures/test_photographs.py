import os

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files import photo_files
from pipelines.pictures import Photographs, dead_leaves


@pytest.fixture(scope="module")
def pictures():
    """Textured pictures of 300 pixels."""
    return dead_leaves.dead_leaves(6, size=300, seed=2)


def write(path, image, *options):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    assert cv2.imwrite(str(path), image, options)


def test_photo_size_agrees_with_the_decoder(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (150, 231, 3), dtype=np.uint8)
    write(str(tmp_path / "a.png"), image)
    write(str(tmp_path / "b.jpg"), image)
    write(str(tmp_path / "c.jpg"), image[..., 0], cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    jpeg = (tmp_path / "b.jpg").read_bytes()
    comment = b"\xff\xe1" + (60002).to_bytes(2, "big") + b"\xff\xc0" * 30000  # an Exif segment full of false markers
    (tmp_path / "d.jpg").write_bytes(jpeg[:2] + comment * 2 + jpeg[2:])
    for name in ("a.png", "b.jpg", "c.jpg", "d.jpg"):
        assert photo_files.photo_size(tmp_path / name) == (231, 150)
    for name, content in (
        ("e.jpg", jpeg[:-200]),
        ("f.jpg", b"not a photo"),
        ("g.png", b""),
        ("h.jpg", jpeg[:2] + b"\xff\xd9"),
    ):
        (tmp_path / name).write_bytes(content)
        assert photo_files.photo_size(tmp_path / name) is None
    assert photo_files.photo_size(tmp_path / "none.jpg") is None


def test_crops_of_a_folder(tmp_path, pictures):
    """Grey level tells which photo a crop is of; small ones are scaled up, damaged ones left out."""
    write(str(tmp_path / "deep/er/one.JPG"), pictures[0].astype(np.uint8))
    write(str(tmp_path / "two.png"), np.repeat(pictures[1][:, :, None], 3, 2).astype(np.uint8))
    write(str(tmp_path / "small.png"), pictures[2][:120, :140].astype(np.uint8))
    write(str(tmp_path / "large.png"), cv2.resize(pictures[3], (1400, 1000)).astype(np.uint8))
    write(str(tmp_path / "tiny.png"), pictures[4][:60].astype(np.uint8))
    write(str(tmp_path / "blank.png"), np.full((300, 300), 255, np.uint8))
    whole = (tmp_path / "deep/er/one.JPG").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    png = (tmp_path / "two.png").read_bytes()
    (tmp_path / "damaged.png").write_bytes(png[:400] + bytes(1000) + png[1400:])
    (tmp_path / "readme.txt").write_text("no photo")

    photographs = Photographs(str(tmp_path), batch=4, seed=5)
    assert photographs.notice == "skipped 2 of 8 photos: 1 unreadable, 1 too small" and len(photographs.files) == 6
    crops = next(photographs.crops().as_numpy_iterator())  # one pass
    assert crops.shape == (4, 210, 210) and crops.dtype == np.float32  # blank has no texture, damaged does not decode
    assert crops.min() >= 0 and crops.max() <= 255

    # Each crop is found, exactly or nearly, in the photo it comes from; where that was scaled, in the scaled one.
    scaled = [
        pictures[0],
        pictures[1],
        cv2.resize(pictures[2][:120, :140], (245, 210), interpolation=cv2.INTER_CUBIC),
        cv2.resize(cv2.resize(pictures[3], (1400, 1000)), (672, 480), interpolation=cv2.INTER_AREA),
    ]
    scores = np.array([[cv2.matchTemplate(a.astype(np.float32), c, cv2.TM_CCOEFF_NORMED).max() for a in scaled] for c in crops])
    assert sorted(scores.argmax(1)) == [0, 1, 2, 3]
    assert scores.max(1).min() > 0.97

    np.testing.assert_array_equal(crops, next(photographs.crops().as_numpy_iterator()))


def test_refuses_what_cannot_be_cropped(tmp_path, pictures):
    with pytest.raises(InputError, match="expected a folder"):
        Photographs(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="no photos"):
        Photographs(str(tmp_path))
    write(str(tmp_path / "tiny.png"), pictures[4][:60].astype(np.uint8))
    with pytest.raises(InputError, match="none of 1 photos can be used: 0 unreadable, 1 with a short side below 105"):
        Photographs(str(tmp_path))
    write(str(tmp_path / "blank.png"), np.full((300, 300), 255, np.uint8))
    with pytest.raises(InputError, match="texture"):
        Photographs(str(tmp_path)).crops()
