import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.pictures import ArrayPictures, DeadLeaves, Particles, crops, dead_leaves


@pytest.fixture(scope="module")
def pictures():
    """Textured pictures of 300 pixels."""
    return dead_leaves.dead_leaves(6, size=300, seed=2)


def test_crop_size_by_hand():
    # The corner of a 128 px patch is 63.5 + 10 px off centre each way: 2 sqrt(2) 73.5 = 207.9, so 209 pixels; even: 210.
    assert crops.crop_size(128, 10.0) == 210
    # 2 sqrt(2) 31.5 = 89.1: 91 pixels, even 92; 2 sqrt(2) 32 = 90.5: 92, odd 93.
    assert crops.crop_size(64, 0.0) == 92
    assert crops.crop_size(65, 0.0) == 93


def test_has_texture():
    rng = np.random.default_rng(0)
    noisy = rng.normal(128, 20, (128, 128)).astype(np.float32)
    assert crops.has_texture(noisy[None])[0]
    assert not crops.has_texture(np.full((1, 128, 128), 255.0, np.float32))[0]
    assert not crops.has_texture(128 + 0.1 * (noisy[None] - 128))[0]  # 2 grey levels
    # 8 x 8 blocks: four rows of texture are half of them, three rows 37.5 %.
    for rows, expected in ((4, True), (3, False)):
        part = np.full((128, 128), 90.0, np.float32)
        part[: 16 * rows] = noisy[: 16 * rows]
        assert bool(crops.has_texture(part[None])[0]) is expected


def test_endless_crops_change_from_pass_to_pass(pictures):
    dataset = ArrayPictures(pictures, batch=6, seed=3).crops()
    first, second = dataset.take(2).as_numpy_iterator()
    assert first.shape == (6, 210, 210)
    places = []
    for cut in (first, second):
        matches = [[cv2.minMaxLoc(cv2.matchTemplate(a, c, cv2.TM_SQDIFF)) for a in pictures] for c in cut]
        best = [min(range(6), key=lambda i, row=row: row[i][0]) for row in matches]
        assert all(row[i][0] < 1.0 * cut[0].size for row, i in zip(matches, best))  # within a grey level, cut as it is
        places.append({(i, row[i][2]) for row, i in zip(matches, best)})
    assert len(places[0] & places[1]) < 3


def test_dead_leaves_are_those_of_the_function_and_can_be_cut_anew():
    made = DeadLeaves(3, batch=2, patch=32, max_shift=2.0, seed=6)
    assert made.files == ()
    by_hand = ArrayPictures(dead_leaves.dead_leaves(3, 256, seed=6), 2, 32, 2.0, seed=6)  # crops of 51 px: 256 is the larger
    first, same = (next(source.crops(0).as_numpy_iterator()) for source in (made, by_hand))
    np.testing.assert_array_equal(first, same)
    anew, other = (next(source.crops(0).as_numpy_iterator()) for source in (made.reordered(7), made.reordered(6)))
    np.testing.assert_array_equal(first, other)
    assert np.abs(first - anew).max() > 1


def test_particles_come_whole_without_background_and_begin_anywhere():
    images = np.zeros((3, 8, 8), np.float32) + np.float32([5, 6, 7])[:, None, None]
    images[:, 3, 3] += [1, 2, 3]
    source = Particles(images, batch=4, seed=1, files=["a.mrcs"])
    assert source.files == ("a.mrcs",) and len(source) == 3
    whole = list(source.crops(0).take(5).as_numpy_iterator())
    assert {float(image.sum()) for batch in whole for image in batch} == {1.0, 2.0, 3.0}  # the spot alone is left
    np.testing.assert_array_equal(next(source.crops(3).as_numpy_iterator()), whole[3])


def test_refuses_what_cannot_be_cropped(pictures):
    with pytest.raises(InputError, match="expected .n, height, width."):
        ArrayPictures(pictures[0])
    with pytest.raises(InputError, match="sides of 105 pixels or more"):
        ArrayPictures(pictures[:, :100])
    with pytest.raises(InputError, match="texture"):
        ArrayPictures(np.full((2, 256, 256), 9.0)).crops()
