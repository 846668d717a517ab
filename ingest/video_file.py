"""Reading a video file for analysis: all its pictures, with their times."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from ingest.source import CapturedFrame, EndOfStream, SourceInfo
from ingest.stream_source import open_stream
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera
from maskwatch.errors import MediaError, SourceError


class VideoFile:
    """An open video file; use it with `with`, and iterate over it once.

    Raises:
        MediaError: The file is missing, empty, cut off or no video.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # Absolute, or a name like "rtsp://x" in the current folder would be an address.
            self._source = open_stream(Camera(name="", url=str(path.absolute())), IngestSettings())
        except SourceError as error:
            raise MediaError(self._words(error)) from error

    @property
    def info(self) -> SourceInfo:
        """Size, codec, rate and length."""
        return self._source.info

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._source.close()

    def __iter__(self) -> Iterator[CapturedFrame]:
        """Give the pictures in order, not yet converted.

        Raises:
            MediaError: Nothing in the file can be decoded, or it is cut off; what could be decoded
                has been given before.
        """
        last_s = 0.0
        while True:
            try:
                frame = self._source.read()
            except EndOfStream:
                break
            except SourceError as error:
                raise MediaError(self._words(error)) from error
            last_s = frame.media_time_s
            yield frame
        if not self.info.is_near_end(last_s):
            raise MediaError(
                f"video {str(self._path)!r} is cut off: {last_s:.1f} of "
                f"{self.info.duration_s or 0.0:.1f} s can be read; copy it again"
            )

    def _words(self, error: SourceError) -> str:
        return str(error).replace("source:", "video", 1)
