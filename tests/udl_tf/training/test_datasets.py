"""What a run learns from: which images, which truth, and what is refused."""

import dataclasses

import cv2
import numpy as np
import pytest

from pipelines import geometry, pairs
from pipelines.errors import InputError
from pipelines.files import star
from pipelines.files.mrc import write_mrc
from pipelines.noise.renoise import Background, White
from pipelines.pictures import dead_leaves
from udl_tf.training.datasets import gather


@pytest.fixture(scope="module")
def stack(tmp_path_factory, picture):
    """30 pictures of 48 pixels, and a STAR file with the poses that bring each onto the first turned to zero."""
    folder = tmp_path_factory.mktemp("images")
    angle = np.linspace(-170, 170, 30)
    write_mrc(folder / "images.mrcs", picture(angle, np.zeros((30, 2)), 48), 3.0)
    table = star.new_star([f"{row + 1}@images.mrcs" for row in range(30)], 3.0)
    star.write_star(table.with_poses(-angle, np.zeros((30, 2)), 48), folder / "images.star")
    return folder


def test_held_out_images_of_a_stack_are_others(small_config, stack):
    gathered = gather(small_config, data=stack / "images.mrcs")
    assert not gathered.has_truth and "20 noisy images" in gathered.description and "10 others" in gathered.description
    trained, held = (
        np.concatenate([pairs.collect(part, 64)[0][name] for name in ("fixed", "moving")])
        for part in (gathered.train(), gathered.held_out)
    )
    assert trained.shape == held.shape == (128, 64, 64)  # resampled to the box
    # 30 pictures, all turned differently: each is only ever in one of the two parts.
    assert np.abs(trained[:, None] - held[None]).max((2, 3)).min() > 0.1
    assert isinstance(gathered.renoise, Background) and len(gathered.renoise.power) == 33


def test_truth_of_a_star_file(small_config, stack, aligner):
    gathered = gather(small_config, data=stack / "images.star")
    assert gathered.has_truth
    inputs, truth = pairs.collect(gathered.held_out, 32)
    result = aligner.align(inputs["fixed"], inputs["moving"])
    assert geometry.angular_distance(result.angle, truth["angle"]).max() < 0.3
    np.testing.assert_allclose(result.shift, truth["shift"], atol=0.1)


@pytest.mark.parametrize("table", [False, True])
def test_pairs_of_pictures_that_are_there(small_config, tmp_path, picture, table):
    angle = np.linspace(-170, 170, 12)
    for name, turned in (("fixed", angle), ("moving", angle + 10.0)):
        (tmp_path / name).mkdir()
        for number, image in enumerate(picture(turned, np.zeros((12, 2)), 48)):
            grey = np.uint8(np.clip(image * 40.0 + 100.0, 0, 255))
            cv2.imwrite(str(tmp_path / name / f"p{number:02d}.png"), grey)
    (tmp_path / "pairs.csv").write_text(
        "fixed,moving\n" + "".join(f"fixed/p{n:02d}.png,moving/p{n:02d}.png\n" for n in range(12))
    )
    gathered = gather(small_config, tmp_path / "pairs.csv" if table else (tmp_path / "fixed", tmp_path / "moving"))
    assert not gathered.has_truth and gathered.description.startswith("8 pairs of pictures of ")
    assert len(gathered.files) == 24 + table and isinstance(gathered.renoise, Background)
    trained, held = (pairs.collect(part, 48)[0]["fixed"] for part in (gathered.train(), gathered.held_out))
    assert trained.shape == (48, 64, 64)  # resampled to the box
    assert np.abs(trained[:, None] - held[None]).max((2, 3)).min() > 0.1  # others


def test_poses_that_are_all_zero_are_no_truth(small_config, stack):
    table = star.read_star(stack / "images.star")
    star.write_star(table.with_poses(np.zeros(30), np.zeros((30, 2)), 48), stack / "zeros.star")
    assert "rlnAnglePsi" in star.read_star(stack / "zeros.star").particles
    assert not gather(small_config, data=stack / "zeros.star").has_truth


def test_shifts_of_a_star_file_are_scaled_to_the_box(small_config, stack, picture, aligner, tmp_path):
    rng = np.random.default_rng(0)
    shift = rng.uniform(-4, 4, (12, 2))
    write_mrc(tmp_path / "images.mrcs", picture(np.zeros(12), -shift, 48), 3.0)
    table = star.new_star([f"{row + 1}@images.mrcs" for row in range(12)], 3.0)
    star.write_star(table.with_poses(np.zeros(12), shift, 48), tmp_path / "images.star")
    inputs, truth = pairs.collect(gather(small_config, data=tmp_path / "images.star").held_out, 16)
    assert np.abs(truth["shift"]).max() > 4
    np.testing.assert_allclose(aligner.align(inputs["fixed"], inputs["moving"]).shift, truth["shift"], atol=0.15)


def test_simulated_from_clean_images(small_config, stack, aligner):
    config = dataclasses.replace(small_config, noise="gaussian:5")
    gathered = gather(config, simulate_from=stack / "images.mrcs")
    assert gathered.has_truth and "30 clean image(s)" in gathered.description
    inputs, truth = pairs.collect(gathered.held_out, 32)
    result = aligner.align(inputs["fixed"], inputs["moving"])
    assert np.median(geometry.angular_distance(result.angle, truth["angle"])) < 1.0
    train, _ = pairs.collect(gathered.train(), 32)
    assert np.abs(train["fixed"] - inputs["fixed"]).max() > 0.5


def test_photographs(small_config, tmp_path):
    for i, image in enumerate(dead_leaves.dead_leaves(3, 160, seed=1)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), image)
    config = dataclasses.replace(small_config, material="photos", noise="s&p:0.1", renoise=0.5)
    gathered = gather(config, data=tmp_path)
    inputs, truth = pairs.collect(gathered.train(), 16)
    assert inputs["fixed"].shape == (16, 64, 64) and np.isfinite(truth["angle"]).all() and gathered.has_truth
    # A tenth of all pixels is the image's highest value, a tenth its lowest.
    image = inputs["fixed"][0]
    assert abs(np.mean(image == image.max()) - 0.1) < 0.03 and abs(np.mean(image == image.min()) - 0.1) < 0.03
    assert gathered.renoise == White(0.05, 0.5)


def test_what_is_refused(small_config, stack, tmp_path):
    images = np.zeros((4, 32, 32), np.float32)
    write_mrc(tmp_path / "constant.mrcs", images)
    with pytest.raises(InputError, match="constant.mrcs: 0 of 3 image.*at least 2"):
        gather(small_config, data=tmp_path / "constant.mrcs")
    images[:, 3, 3] = 1.0
    images[2, 0, 0] = np.nan
    write_mrc(tmp_path / "nan.mrcs", images)
    with pytest.raises(InputError, match="image 2 is constant or not finite"):
        gather(small_config, simulate_from=tmp_path / "nan.mrcs")
    with pytest.raises(InputError, match="both --data and --simulate-from"):
        gather(small_config, data=stack / "images.mrcs", simulate_from=stack / "images.mrcs")
    with pytest.raises(InputError, match="nothing.mrcs: no such file"):
        gather(small_config, data=tmp_path / "nothing.mrcs")
    with pytest.raises(InputError, match="unknown noise 'fog:1'"):
        gather(dataclasses.replace(small_config, noise="fog:1"))
