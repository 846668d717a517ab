"""Annotated copies of pictures and videos."""

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MediaError

Picture = NDArray[np.uint8]

MAX_VIDEO_WIDTH: Final = 1920
TIME_BASE: Final = Fraction(1, 1000)
JPEG_QUALITY: Final = 92
_JPEG_SUFFIXES: Final = (".jpg", ".jpeg", ".jpe")


class CopyFolder:
    """Where annotated copies go; never over a file that is analysed."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            MediaError: It cannot be made.
        """
        self._folder = folder
        self._used: set[Path] = set()
        _make(folder)

    def path_for(self, source: str, relative: str, *, suffix: str | None = None) -> Path:
        """Return a free path for the copy of a file.

        Args:
            source: The file that is copied.
            relative: Its wanted place below the folder.
            suffix: Replaces the file's own.

        Raises:
            MediaError: The copy would replace the file itself.
        """
        wanted = self._folder / relative
        if suffix is not None:
            wanted = wanted.with_suffix(suffix)
        path, number = wanted, 2
        while path in self._used:
            path = wanted.with_stem(f"{wanted.stem}-{number}")
            number += 1
        self._used.add(path)
        if path.exists() and os.path.samefile(path, source):
            raise MediaError(
                f"{source}: the annotated copy would replace it; name another folder with --out"
            )
        _make(path.parent)
        return path


def write_picture(path: Path, picture: Picture) -> None:
    """Write an annotated picture in the format of the path's suffix (JPEG where that has none).

    Raises:
        MediaError: It cannot be written.
    """
    suffix = path.suffix.lower() or ".jpg"
    # OpenCV warns of a quality that a format does not have.
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    try:
        _, encoded = cv2.imencode(suffix, picture, quality if suffix in _JPEG_SUFFIXES else [])
    except cv2.error:
        path = path.with_suffix(".jpg")
        _, encoded = cv2.imencode(".jpg", picture, quality)
    try:
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise _unwritable(path, error) from error


class VideoWriter:
    """An H.264 video in an MP4 file, made of the analysed frames at their own times."""

    def __init__(self, path: Path, *, fps: float) -> None:
        """Prepare to write; the file is made with the first frame.

        Args:
            path: The file.
            fps: About the rate of the frames.
        """
        self._path = path
        self._fps = fps
        self._container: Any = None
        self._stream: Any = None
        self._last_ms = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, picture: Picture, *, time_s: float) -> None:
        """Append a frame, uint8 (H, W, 3), BGR; all of one video are shown at the first's size.

        Raises:
            MediaError: The file cannot be written.
        """
        try:
            if self._container is None:
                self._open(picture)
            size = (self._stream.width, self._stream.height)
            if (picture.shape[1], picture.shape[0]) != size:
                picture = np.asarray(
                    cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8
                )
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            # Times must rise, also where the source repeats one.
            self._last_ms = max(self._last_ms + 1, round(time_s * 1000))
            frame.pts, frame.time_base = self._last_ms, TIME_BASE
            self._container.mux(self._stream.encode(frame))
        except (OSError, av.FFmpegError) as error:
            raise _unwritable(self._path, error) from error

    def close(self) -> None:
        """Finish the file.

        Raises:
            MediaError: The file cannot be written.
        """
        if self._container is None:
            return
        container, self._container = self._container, None
        try:
            container.mux(self._stream.encode(None))
            container.close()
        except (OSError, av.FFmpegError) as error:
            raise _unwritable(self._path, error) from error

    def _open(self, picture: Picture) -> None:
        height, width = picture.shape[:2]
        scale = min(1.0, MAX_VIDEO_WIDTH / width)
        self._container = av.open(str(self._path), "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=round(self._fps) or 1)
        # H.264 with 4:2:0 colour has even sides.
        self._stream.width = max(2, round(width * scale) // 2 * 2)
        self._stream.height = max(2, round(height * scale) // 2 * 2)
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = TIME_BASE
        self._stream.codec_context.time_base = TIME_BASE
        self._stream.options = {"crf": "23", "preset": "veryfast"}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(
            f"folder {str(folder)!r} for annotated copies cannot be made ({error.strerror}); "
            "name another with --out"
        ) from error


def _unwritable(path: Path, error: Exception) -> MediaError:
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    return MediaError(f"{path}: cannot be written ({reason}); free some space or change --out")
