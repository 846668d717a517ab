"""What stays the same of a replayed file, however often its reading begins again."""

import hashlib
import os
from dataclasses import dataclass
from typing import Final

from ingest.failures import known_failure
from ingest.source import SourceInfo
from ingest.stream_source import file_path
from maskwatch.contracts import Camera, SourceReason

_PIECE_BYTES: Final = 65536


@dataclass(frozen=True, slots=True)
class ReplayFile:
    """A file that is replayed.

    Attributes:
        epoch: The same for the same camera, revision and content: a replay that is done is not
            done again, and one that was cut off goes on.
        start_unix_s: Wall clock of the first picture.
    """

    epoch: str
    start_unix_s: float


def describe_replay(camera: Camera, info: SourceInfo) -> ReplayFile:
    """Return epoch and time of a replay whose file has been opened.

    Raises:
        SourceError: The file has gone meanwhile.
    """
    path = file_path(camera.url)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            # Beginning, end and length tell recordings apart; a day of video is too much to read.
            digest.update(f"{facts.st_size}:".encode())
            digest.update(file.read(_PIECE_BYTES))
            file.seek(max(0, facts.st_size - _PIECE_BYTES))
            digest.update(file.read(_PIECE_BYTES))
    except OSError as error:
        raise known_failure(camera, SourceReason.NOT_FOUND, is_file=True) from error
    start_unix_s = camera.replay_start_unix_s
    if start_unix_s is None:
        start_unix_s = facts.st_mtime - (info.duration_s or 0.0)
    epoch = f"{camera.revision:08d}-replay-{digest.hexdigest()[:12]}"
    return ReplayFile(epoch=epoch, start_unix_s=start_unix_s)
