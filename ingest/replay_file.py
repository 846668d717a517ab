"""What stays the same of a replayed file, however often its reading begins again."""

import hashlib
import os
from dataclasses import dataclass
from typing import Final

from ingest.failures import known_failure
from ingest.source import SourceInfo
from ingest.stream_source import file_path
from maskwatch.contracts import Camera, SourceReason

_BEGINNING_BYTES: Final = 1 << 20
_END_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class ReplayFile:
    """A file that is replayed.

    Attributes:
        recording: The same for the same beginning: a file that was moved, copied again after it
            had been cut off, or has grown is the same recording.
        content: The same for the same beginning, end and length.
        start_unix_s: Wall clock of the first picture.
    """

    recording: str
    content: str
    start_unix_s: float


def describe_replay(camera: Camera, info: SourceInfo) -> ReplayFile:
    """Return what a replay's file is, once it has been opened.

    Raises:
        SourceError: The file has gone meanwhile.
    """
    path = file_path(camera.url)
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            digest = hashlib.sha256(file.read(_BEGINNING_BYTES))
            recording = digest.hexdigest()[:12]
            # A day of video is too much to read.
            digest.update(f"{facts.st_size}:".encode())
            file.seek(max(0, facts.st_size - _END_BYTES))
            digest.update(file.read(_END_BYTES))
    except OSError as error:
        raise known_failure(camera, SourceReason.NOT_FOUND, is_file=True) from error
    start_unix_s = camera.replay_start_unix_s
    if start_unix_s is None:
        start_unix_s = facts.st_mtime - (info.duration_s or 0.0)
    return ReplayFile(recording, digest.hexdigest()[:12], start_unix_s)
