import os

import cv2
import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.files import photo_files
from pipelines.pictures import dead_leaves, photographs

SEED = tf.constant([8, 1], tf.int32)


@pytest.fixture(scope="module")
def pictures():
    """Textured pictures of 300 pixels."""
    return dead_leaves.dead_leaves(6, size=300, seed=2)


def smooth_scene(x, y):
    """A picture given by a formula, so that turning it needs no interpolation. Asymmetric, values 0 to 255."""
    waves = np.sin(0.11 * x + 0.05 * y) + np.cos(0.07 * y - 0.03 * x + 1.0) + np.exp(-((x - 30) ** 2 + (y + 20) ** 2) / 800)
    return 100.0 + 40.0 * waves


def test_crop_size_by_hand():
    # The corner of a 128 px patch is 63.5 + 10 px off centre each way: 2 sqrt(2) 73.5 = 207.9, so 209 pixels; even: 210.
    assert photographs.crop_size(128, 10.0) == 210
    # 2 sqrt(2) 31.5 = 89.1: 91 pixels, even 92; 2 sqrt(2) 32 = 90.5: 92, odd 93.
    assert photographs.crop_size(64, 0.0) == 92
    assert photographs.crop_size(65, 0.0) == 93


@pytest.mark.parametrize("patch, size", [(128, 210), (129, 211), (96, 180)])
def test_the_truth_brings_moving_onto_fixed(patch, size):
    grid = geometry.centred_grid(size, size).astype(np.float64)
    crops = np.repeat(smooth_scene(grid[..., 0], grid[..., 1])[None], 12, 0).astype(np.float32)
    fixed, moving, angle, shift = (each.numpy() for each in photographs.photo_pair(crops, SEED, patch))
    assert fixed.shape == moving.shape == (12, patch, patch)

    patch_grid = geometry.centred_grid(patch, patch).astype(np.float64)
    np.testing.assert_allclose(moving[0], smooth_scene(patch_grid[..., 0], patch_grid[..., 1]), atol=1e-3)
    for image, degrees, (dx, dy) in zip(fixed, angle, shift):
        # What `fixed` shows at p was, before the turn (counter-clockwise as displayed, y down) and the shift, at:
        x, y = patch_grid[..., 0] - dx, patch_grid[..., 1] - dy
        cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        expected = smooth_scene(cos * x - sin * y, sin * x + cos * y)
        # Bilinear interpolation errs by at most an eighth of the second slopes: here about 40 * 0.12^2 each way.
        assert np.abs(image - expected).max() < 0.2
        assert np.std(image - expected) < 0.001 * np.std(expected)


def test_no_black_corner_at_any_angle():
    crops = tf.fill([600, photographs.crop_size(48, 10.0), photographs.crop_size(48, 10.0)], 200.0)
    fixed, _, angle, shift = photographs.photo_pair(crops, SEED, 48)
    np.testing.assert_allclose(fixed, 200.0, atol=1e-3)
    assert np.histogram(angle, 12, (-180, 180))[0].min() > 25  # 50 expected in each
    assert 9.5 < np.abs(shift).max() <= 10.0
    smaller = tf.fill([600, photographs.crop_size(48, 10.0) - 4, photographs.crop_size(48, 10.0) - 4], 200.0)
    with pytest.raises(InputError, match="92 pixels: expected 96 or more"):
        photographs.photo_pair(smaller, SEED, 48)


def test_pairs_depend_on_the_seed_only(pictures):
    crops = pictures[:4, :210, :210]
    first, again = photographs.photo_pair(crops, SEED), photographs.photo_pair(crops, SEED)
    for a, b in zip(first, again):
        np.testing.assert_array_equal(a, b)
    other = photographs.photo_pair(crops, SEED + 1)
    assert np.abs(first[2] - other[2]).min() > 0.01
    assert np.abs(np.corrcoef(first[2], first[3][:, 0])[0, 1]) < 0.99


def test_has_texture():
    rng = np.random.default_rng(0)
    noisy = rng.normal(128, 20, (128, 128)).astype(np.float32)
    assert photographs.has_texture(noisy)
    assert not photographs.has_texture(np.full((128, 128), 255.0, np.float32))
    assert not photographs.has_texture(128 + 0.1 * (noisy - 128))  # 2 grey levels
    # 8 x 8 blocks: four rows of texture are half of them, three rows 37.5 %.
    for rows, expected in ((4, True), (3, False)):
        part = np.full((128, 128), 90.0, np.float32)
        part[: 16 * rows] = noisy[: 16 * rows]
        assert bool(photographs.has_texture(part)) is expected


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

    dataset, files = photographs.photo_crops(str(tmp_path), batch=3, repeat=False, seed=5)
    assert files.notice() == "skipped 2 of 8 photos: 1 unreadable, 1 too small"
    crops = np.concatenate(list(dataset.as_numpy_iterator()))
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

    again = np.concatenate(list(photographs.photo_crops(str(tmp_path), batch=3, repeat=False, seed=5)[0].as_numpy_iterator()))
    np.testing.assert_array_equal(crops, again)


def test_endless_crops_change_from_pass_to_pass(pictures):
    dataset = photographs.array_crops(pictures, batch=6, seed=3)
    first, second = dataset.take(2).as_numpy_iterator()
    assert first.shape == (6, 210, 210)
    places = []
    for crops in (first, second):
        matches = [[cv2.minMaxLoc(cv2.matchTemplate(a, c, cv2.TM_SQDIFF)) for a in pictures] for c in crops]
        best = [min(range(6), key=lambda i, row=row: row[i][0]) for row in matches]
        assert all(row[i][0] < 1.0 * crops[0].size for row, i in zip(matches, best))  # within a grey level, cut as it is
        places.append({(i, row[i][2]) for row, i in zip(matches, best)})
    assert len(places[0] & places[1]) < 3


def test_refuses_what_cannot_be_cropped(tmp_path, pictures):
    with pytest.raises(InputError, match="expected a folder"):
        photographs.photo_crops(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="no photos"):
        photographs.photo_crops(str(tmp_path))
    write(str(tmp_path / "tiny.png"), pictures[4][:60].astype(np.uint8))
    with pytest.raises(InputError, match="none of 1 photos can be used: 0 unreadable, 1 with a short side below 105"):
        photographs.photo_crops(str(tmp_path))
    write(str(tmp_path / "blank.png"), np.full((300, 300), 255, np.uint8))
    with pytest.raises(InputError, match="texture"):
        photographs.photo_crops(str(tmp_path))
    with pytest.raises(InputError, match="expected .n, height, width."):
        photographs.array_crops(pictures[0])
