import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from ingest.source import CapturedFrame, EndOfStream
from ingest.stream_source import StreamSource, open_stream
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, SourceReason
from maskwatch.errors import SourceError
from tests.support.pictures import write_video


def failing_after(packets: Iterator[Any], count: int, error: Exception) -> Iterator[Any]:
    for _ in range(count):
        yield next(packets)
    raise error


def film_that_fails(tmp_path: Path, error: Exception) -> StreamSource:
    film = write_video(tmp_path / "a.mkv", seconds=2.0)
    source = open_stream(Camera(name="door", url=str(film), is_replay=True), IngestSettings())
    source._packets = failing_after(source._packets, 26, error)
    return source


def read_all(source: StreamSource) -> list[CapturedFrame]:
    frames = []
    while len(frames) < 26:
        frames.append(source.read())
    source.read()
    return frames


def test_a_disk_that_fails_is_not_the_end_of_the_file(tmp_path: Path) -> None:
    source = film_that_fails(tmp_path, av.error.OSError(errno.EIO, "Input/output error", "file:x"))
    with pytest.raises(SourceError, match=r"camera 'door'.*a\.mkv.*1 s \(Input/output") as caught:
        read_all(source)
    assert caught.value.reason == SourceReason.LOST
    source.close()


def test_data_that_cannot_be_read_on_is_the_end_of_the_file(tmp_path: Path) -> None:
    error = av.error.InvalidDataError(1094995529, "Invalid data found when processing input")
    source = film_that_fails(tmp_path, error)
    with pytest.raises(EndOfStream):
        read_all(source)
    source.close()
