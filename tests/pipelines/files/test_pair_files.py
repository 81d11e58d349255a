"""Pairs of picture files: which belong together, what is read of them, and what is refused."""

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files import pair_files


@pytest.fixture
def folders(tmp_path):
    for folder, names in {"a": ("x.png", "y.tif", "z.png", ".w.png"), "b": ("y.png", "x.tif", "v.png", "notes.txt")}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            if name.endswith(".txt"):
                (tmp_path / folder / name).write_text("x")
            else:
                cv2.imwrite(str(tmp_path / folder / name), np.arange(24, dtype=np.uint8).reshape(4, 6))
    return tmp_path


def test_files_of_one_name_are_pairs_whatever_their_endings(folders):
    pairs, notice = pair_files.named_alike(folders / "a", folders / "b")
    assert pairs == [
        (str(folders / "a" / "x.png"), str(folders / "b" / "x.tif")),
        (str(folders / "a" / "y.tif"), str(folders / "b" / "y.png")),
    ]
    assert notice == f"passed over 1 file(s) of {folders / 'a'} and 1 of {folders / 'b'} without a partner"


def test_paths_of_a_table_are_relative_to_it(folders):
    (folders / "pairs.csv").write_text("\ufeffmoving,note,fixed\nb/y.png,,a/x.png\nb/x.tif,good,a/y.tif\n", encoding="utf-8")
    assert pair_files.listed(folders / "pairs.csv") == [
        (str(folders / "a" / "x.png"), str(folders / "b" / "y.png")),
        (str(folders / "a" / "y.tif"), str(folders / "b" / "x.tif")),
    ]


def test_central_squares_are_averaged_over_areas(folders):
    found = pair_files.squares([folders / "a" / "x.png", folders / "a" / "y.tif"], 2)
    # Columns 1 to 4 of rows 0..5, 6..11, ...: the mean of 1, 2, 7, 8 is 4.5; two columns on is 2 more, two rows down 12.
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[[4.5, 6.5], [16.5, 18.5]]] * 2, atol=1e-5)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda at: pair_files.named_alike(at / "a", at / "none"), "none: expected a folder of pictures"),
        (lambda at: pair_files.named_alike(at / "a", at / "empty"), "empty: no images found, expected files that end with .png"),
        (lambda at: pair_files.named_alike(at / "a", at / "other"), "has the name of one of"),
        (lambda at: pair_files.named_alike(at / "twice", at / "a"), "have one name"),
        (lambda at: pair_files.listed(at / "none.csv"), "none.csv cannot be read: No such file"),
        (lambda at: pair_files.listed(at / "columns.csv"), "has the columns fixed, angle: expected fixed and moving"),
        (lambda at: pair_files.listed(at / "norow.csv"), "norow.csv has no row"),
        (lambda at: pair_files.listed(at / "half.csv"), "half.csv, line 3: expected two paths"),
        (lambda at: pair_files.squares([at / "a" / "none.png"], 4), "none.png: no such file"),
        (lambda at: pair_files.squares([at / "flat.png"], 4), "flat.png is constant"),
    ],
)
def test_what_is_refused(folders, ask, told):
    for name, files in {"empty": (), "other": ("u.png",), "twice": ("x.png", "x.tif")}.items():
        (folders / name).mkdir()
        for file in files:
            cv2.imwrite(str(folders / name / file), np.eye(4, dtype=np.uint8))
    cv2.imwrite(str(folders / "flat.png"), np.ones((4, 4), np.uint8))
    (folders / "columns.csv").write_text("fixed,angle\na,1\n")
    (folders / "norow.csv").write_text("fixed,moving\n")
    (folders / "half.csv").write_text("fixed,moving\na,b\na,\n")
    with pytest.raises(InputError, match=".") as caught:
        ask(folders)
    assert told in str(caught.value) and "\n" not in str(caught.value)
