"""Reading a video file for analysis: its pictures thinned to a rate, with their times."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ingest.source import CapturedFrame, EndOfStream, SourceInfo
from ingest.stream_source import open_stream
from ingest.thinning import Thinner
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera
from maskwatch.errors import MediaError, SourceError


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture of a video file.

    Attributes:
        index: Its number among all pictures of the file, from 0.
        time_s: Seconds from the first picture.
        captured: The picture, not yet converted.
    """

    index: int
    time_s: float
    captured: CapturedFrame


class VideoFile:
    """An open video file; use it with `with`, and iterate over it once.

    Raises:
        MediaError: The file is missing, empty, cut off or no video.
    """

    def __init__(self, path: Path, *, fps: float | None = None) -> None:
        self._path = path
        try:
            # Absolute, or a name like "rtsp://x" in the current folder would be an address.
            self._source = open_stream(Camera(name="", url=str(path.absolute())), IngestSettings())
        except SourceError as error:
            raise MediaError(self._words(error)) from error
        self._thinner = Thinner(fps, source_fps=self.info.fps) if fps else None

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

    def __iter__(self) -> Iterator[VideoFrame]:
        """Give the pictures that are due, in order.

        Raises:
            MediaError: Nothing in the file can be decoded.
        """
        index = 0
        while True:
            try:
                frame = self._source.read()
            except EndOfStream:
                return
            except SourceError as error:
                raise MediaError(self._words(error)) from error
            if self._thinner is None or self._thinner.is_due(frame.media_time_s):
                yield VideoFrame(index, frame.media_time_s, frame)
            index += 1

    def _words(self, error: SourceError) -> str:
        return str(error).replace("source:", "video", 1)
