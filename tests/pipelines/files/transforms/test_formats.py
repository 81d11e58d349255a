"""Files of transforms: each against the library whose convention it has, or worked out by hand; what is read back."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files.transforms.field_table import FieldTable
from pipelines.files.transforms.registry import (
    FORMATS,
    format_of,
    read_any,
    read_transforms,
    write_field_table,
    write_transforms,
)
from pipelines.files.transforms.table import TransformTable
from pipelines.geometry import frames
from pipelines.geometry.transforms import Displacement


@pytest.fixture
def table():
    about = np.array([0.01, np.inf]), np.array([[0.1, 0.2], [np.inf, np.inf]]), np.array([0.99, 0.0])
    return TransformTable(("1", "2"), (40, 50), (30, 60), np.array([90.0, -12.5]), np.array([[2.0, -3.0], [0.5, 0.25]]), *about)


@pytest.mark.parametrize("name", ["t.json", "t.csv"])
def test_what_is_written_is_read_back(table, tmp_path, name):
    write_transforms(table, tmp_path / name)
    found = read_transforms(tmp_path / name)
    assert (found.names, found.fixed, found.moving) == (table.names, table.fixed, table.moving)
    for one in ("angle", "shift", "angle_sigma", "shift_sigma", "score"):
        expected = np.where(np.isfinite(getattr(table, one)), getattr(table, one), np.nan)
        np.testing.assert_array_equal(getattr(found, one), expected)


def test_where_they_come_from_is_kept(table, tmp_path):
    write_transforms(dataclasses.replace(table, provenance={"objective": "correlation"}), tmp_path / "t.json")
    assert read_transforms(tmp_path / "t.json").provenance == {"objective": "correlation"}
    content = json.loads((tmp_path / "t.json").read_text())
    (tmp_path / "t.json").write_text(json.dumps({key: value for key, value in content.items() if key != "score"}))
    with pytest.raises(InputError, match="no file of transforms that register or sections wrote, KeyError"):
        read_transforms(tmp_path / "t.json")


def test_fields_are_read_back_and_are_json_only(table, tmp_path):
    field = np.round(np.random.default_rng(1).normal(size=(2, 3, 4, 2)), 4)
    fields = FieldTable(("a", "b"), (20, 30), (20, 30), Displacement(field, 10.0))
    write_field_table(fields, tmp_path / "f.json")
    found = read_any(tmp_path / "f.json")
    assert (found.names, found.fixed, found.moving, found.fields.spacing) == (("a", "b"), (20, 30), (20, 30), 10.0)
    np.testing.assert_array_equal(found.fields.field, fields.fields.field)
    with pytest.raises(InputError, match="f.csv: expected a name that ends with .json"):
        write_field_table(fields, tmp_path / "f.csv")
    with pytest.raises(InputError, match="received transforms of the kind displacement, expected rigid"):
        read_transforms(tmp_path / "f.json")
    write_transforms(table, tmp_path / "t.json")
    np.testing.assert_array_equal(read_any(tmp_path / "t.json").angle, table.angle)
    (tmp_path / "f.json").write_text((tmp_path / "f.json").read_text().replace('["a", "b"]', '["a"]'))
    with pytest.raises(InputError, match="no file of fields that sections wrote"):
        read_any(tmp_path / "f.json")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("frames", "fixed"), [0, 30], "frames of"),
        (("frames", "moving"), [20, 30, 3], "frames of"),
        (("frames", "fixed"), [20, 50], "received fields over 30x20 pixels, expected the whole frame of 50x20"),
        (("values", "spacing"), 5, "received fields over 15x10 pixels, expected the whole frame of 30x20"),
        (("values", "spacing"), 0, "a spacing of 0.0 pixels"),
        (("kind",), "rigid", "received the units"),
    ],
)
def test_fields_that_do_not_fit_their_frames_are_refused(tmp_path, path, value, message):
    field = Displacement(np.zeros((2, 3, 4, 2)), 10.0)
    write_field_table(FieldTable(("a", "b"), (20, 30), (20, 30), field), tmp_path / "f.json")
    content = json.loads((tmp_path / "f.json").read_text())
    inner = content
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    (tmp_path / "f.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message) as error:
        read_any(tmp_path / "f.json")
    assert str(error.value).startswith(f"{tmp_path / 'f.json'}: ")


def test_json_says_what_its_numbers_mean(table, tmp_path):
    write_transforms(table, tmp_path / "t.json")
    content = json.loads((tmp_path / "t.json").read_text())
    assert content["kind"] == "rigid" and content["units"]["angle"].startswith("degrees") and "centre" in content
    assert content["sigma"]["angle"] == [0.01, None] and content["frames"]["moving"] == [30, 60]
    np.testing.assert_allclose(content["matrix"]["values"], table.pull)


def test_opencv_s_matrix_moves_a_picture_as_it_says(table, tmp_path):
    write_transforms(table, tmp_path / "t.npy", "opencv")
    matrices = np.load(tmp_path / "t.npy")
    moving = np.zeros((30, 60), np.float32)
    moving[14, 33] = 1.0  # 3.5 right of the centre, 0.5 above it: after the turn 0.5 left, 3.5 up of (24.5, 19.5), then shifted
    turned = cv2.warpAffine(moving, matrices[0], (50, 40))
    assert np.argwhere(turned > 0.9).tolist() == [[13, 26]]


def test_skimage_s_matrix_pulls(table, tmp_path):
    write_transforms(table, tmp_path / "t.npy")
    matrices = np.load(tmp_path / "t.npy")
    np.testing.assert_allclose(matrices[0] @ [26.0, 13.0, 1.0], [33.0, 14.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(matrices, np.linalg.inv(table.push), atol=1e-9)


def test_itk_s_euler_transforms_take_fixed_points_to_moving_ones(table, tmp_path):
    write_transforms(table, tmp_path / "t.tfm")
    text = (tmp_path / "t.tfm").read_text().splitlines()
    assert text[0] == "#Insight Transform File V1.0" and text.count("Transform: Euler2DTransform_double_2_2") == 2
    found = [[float(part) for part in line.split(":")[1].split()] for line in text if "Parameters" in line]
    for (angle, *shift), centre, pull in zip(found[0::2], found[1::2], table.pull):
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        point = np.array([7.0, 31.0])
        there = rotation @ (point - centre) + centre + shift  # as ITK's guide defines it
        np.testing.assert_allclose(there, (pull @ [*point, 1.0])[:2], atol=1e-9)


def test_the_inverse_undoes(table):
    np.testing.assert_allclose(table.inverse().pull @ table.pull, np.stack([np.eye(3)] * 2), atol=1e-9)
    assert table.inverse().fixed == table.moving
    angle, shift = frames.compose((table.angle, table.shift), (table.inverse().angle, table.inverse().shift))
    np.testing.assert_allclose(np.column_stack([angle, shift]), 0.0, atol=1e-9)


@pytest.mark.parametrize(
    "name, form, message",
    [
        ("t.png", None, "expected a name that ends with .json or"),
        ("t.csv", "json", "ends with .json"),
        ("t.npy", "itk", ".tfm or .txt"),
    ],
)
def test_names_of_no_format(name, form, message):
    with pytest.raises(InputError, match=message):
        format_of(name, form)


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("t.json", "{", "is not JSON"),
        ("t.json", "{}", "received the kind None"),
        ("t.csv", "name\n1\n", "the column angle_degrees"),
        ("t.csv", "", "the column name"),
        ("t.tfm", "", "others only are written"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_transforms(tmp_path / name)


def test_the_command_s_choices_are_the_registry():
    from udl_tf.choices import FORMATS as CHOICES

    assert tuple(FORMATS) == CHOICES
