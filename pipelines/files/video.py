"""Videos by OpenCV (FFmpeg): frames as they are decoded, in colour unless the first one is grey."""

import os

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.files.lazy import LazyArray

COLOURED = 4  # grey levels between the colours of a pixel, that codecs make of grey
SUFFIXES = (".avi", ".mp4", ".mov", ".mkv")


class Video(LazyArray):
    """The frames of a video, "TYX" where its first frame is grey, else "TYXS" with red, green and blue; uint8.

    Frames are decoded one after the other, which is the one way that gives the right one in every codec: a step back begins
    again. A frame is turned as the camera says.

    Raises:
        InputError: no such file, no video, or a codec that is not known; when frames are read, fewer than the header says.
    """

    def __init__(self, path):
        self.path, self._next = path, 0
        self._decoder = self._opened()
        count, rate = (self._decoder.get(what) for what in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS))
        ok, first = self._decoder.read()
        if not ok or count < 1:
            raise InputError(f"{path} cannot be read as a video: damaged, or its codec is not known")
        self._next = 1
        self._colour = int(np.ptp(first.astype(np.int16), -1).max()) > COLOURED
        about = {"layout": "video", **({"frame_interval": 1.0 / rate} if rate > 0 else {})}
        shape = (int(count), *first.shape[:2])
        super().__init__(path, "TYXS" if self._colour else "TYX", shape + (3,) * self._colour, np.uint8, metadata=about)
        self._last = first

    def __reduce__(self):
        return Video, (self.path,)

    def _planes(self, numbers):
        found = np.empty((len(numbers), *self.shape[1:]), np.uint8)
        for place, number in enumerate(numbers):
            frame = self._frame(int(number))
            found[place] = frame[..., ::-1] if self._colour else frame[..., 1]
        return found

    def _frame(self, number):
        if number < self._next - 1:
            self._decoder, self._next = self._opened(), 0
        while self._next <= number:
            ok, self._last = self._decoder.read()
            if not ok:
                found, self._next = self._next, self.shape[0] + 1  # nothing more is to be had without beginning again
                raise InputError(f"{self.path} is truncated: expected {self.shape[0]} frames, found {found}")
            self._next += 1
        return self._last

    def _opened(self):
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # its own lines on stderr: the error says it
        decoder = cv2.VideoCapture(str(self.path))
        if not decoder.isOpened():
            raise InputError(f"{self.path} cannot be read as a video: not there, damaged, or its codec is not known")
        return decoder
