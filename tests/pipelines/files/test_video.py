"""Videos: frames in any order, colours, what is cut off; what is written keeps the time between frames."""

import pickle

import cv2
import numpy as np
import pytest
import tifffile

from pipelines.errors import InputError
from pipelines.files.opening import open_array
from pipelines.files.series_writing import write_series


def write_video(path, frames, rate=20.0):
    """Frames (n, height, width, 3), red, green, blue, by the codec that keeps each by itself."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate, frames.shape[2:0:-1])
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()


@pytest.fixture
def frames():
    """Smooth ones, whose level says which it is."""
    y, x = np.mgrid[:48, :64]
    grey = np.stack([20.0 * number + 30 + 10 * np.sin(x / 9) + 10 * np.cos(y / 7) for number in range(9)])
    return np.repeat(grey[..., None], 3, -1).astype(np.uint8)


def test_frames_in_any_order(frames, tmp_path):
    write_video(tmp_path / "a.avi", frames)
    array = open_array(tmp_path / "a.avi")
    assert (array.axes, array.shape, array.dtype) == ("TYX", (9, 48, 64), np.uint8)
    order = [3, 0, 8, 8, 5]
    assert np.abs(array.planes(order).astype(int) - frames[order, ..., 0]).max() <= 4  # JPEG's loss; the next frame is 20 away
    assert np.abs(pickle.loads(pickle.dumps(array)).read(T=[7])[0].astype(int) - frames[7, ..., 0]).max() <= 4


def test_colours_and_the_time_between_frames(frames, tmp_path):
    colours = frames.copy()
    colours[..., 2] = 20
    write_video(tmp_path / "a.avi", colours)
    array = open_array(tmp_path / "a.avi")
    assert array.axes == "TYXS" and array.shape == (9, 48, 64, 3)
    assert np.abs(array.planes([4])[0].astype(int) - colours[4]).mean() < 4
    write_series(tmp_path / "a.tif", array.planes(range(9)), (48, 64), array)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.series[0].axes == "TYXS" and file.series[0].shape == (9, 48, 64, 3)
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    assert pixels["TimeIncrement"] == pytest.approx(0.05) and pixels["TimeIncrementUnit"] == "s"


def test_what_is_no_video_and_what_is_cut_off(frames, tmp_path):
    (tmp_path / "no.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match="no.mp4 cannot be read as a video"):
        open_array(tmp_path / "no.mp4")
    write_video(tmp_path / "a.avi", frames)
    whole = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "b.avi").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="b.avi (cannot be read as a video|is truncated)"):  # by OpenCV's version
        open_array(tmp_path / "b.avi").planes([8])
    array = open_array(tmp_path / "a.avi")
    array.shape = (12, 48, 64)  # as a header might say that is wrong
    for _ in range(2):
        with pytest.raises(InputError, match="a.avi is truncated: expected 12 frames, found 9"):
            array.planes([11])
    assert np.abs(array.planes([0])[0].astype(int) - frames[0, ..., 0]).max() <= 4
