"""From a camera's address to its open source."""

import threading

from ingest.failures import failure
from ingest.paced_file import PacedFile
from ingest.source import Source
from ingest.stream_source import open_stream
from ingest.webcam_source import open_webcam
from maskwatch.address import check_address
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, SourceReason
from maskwatch.errors import CameraError, SourceError


def open_source(
    camera: Camera, settings: IngestSettings, *, stop: threading.Event | None = None
) -> Source:
    """Open a camera's source: at its own pace, or for a replay as fast as it is read.

    Args:
        camera: Its address decides the kind.
        settings: Time-outs.
        stop: Ends the waiting of a file that is played at its own speed.

    Raises:
        SourceError: The message names camera, address and remedy; `reason` is for programs.
    """
    try:
        check_address(camera.url)
    except CameraError as error:
        raise SourceError(
            f"camera {camera.name!r}: {error}", reason=SourceReason.BAD_URL
        ) from error
    if camera.url.startswith("webcam:"):
        source: Source = open_webcam(camera)
    else:
        source = open_stream(camera, settings)
    info = source.info
    if camera.is_replay:
        if info.duration_s is None:
            source.close()
            raise failure(camera, SourceReason.BAD_URL, "is no file: only a file can be replayed")
        return source
    if info.duration_s is None and info.stated_length_s is None:
        return source
    return PacedFile(
        source,
        lambda: open_stream(camera, settings),
        loops=camera.loops,
        stop=stop or threading.Event(),
    )
