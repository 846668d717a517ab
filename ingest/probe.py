"""Trying a camera's address once, for `maskwatch camera test` and the set-up page."""

import time
from dataclasses import dataclass
from typing import Final

from ingest.sanity import SanityCheck
from ingest.source import CapturedFrame, EndOfStream, Source
from ingest.sources import open_source
from maskwatch.address import shown
from maskwatch.config import Settings
from maskwatch.contracts import Camera

LISTEN_S: Final = 2.0
"""So long the rate is measured."""

FILE_PICTURES: Final = 10
"""Of a file so many pictures are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """A camera that answers, and how.

    Attributes:
        url: The address, without a log-in.
        codec: For example "h264".
        width: Pixels.
        height: Pixels.
        stated_fps: Pictures a second as the source states it; 0 when unknown.
        measured_fps: As they came; a file's stated rate.
        first_picture_s: Seconds from the start of the try to the first picture.
        duration_s: Length of a file; None for what has no end.
        warning: What is wrong with the pictures, as a sentence; "" for nothing.
    """

    url: str
    codec: str
    width: int
    height: int
    stated_fps: float
    measured_fps: float
    first_picture_s: float
    duration_s: float | None
    warning: str


def probe(camera: Camera, settings: Settings) -> ProbeResult:
    """Open a camera, read for about two seconds and say what comes.

    Raises:
        SourceError: Why it cannot be read, in one line with the remedy.
    """
    began_s = time.monotonic()
    source = open_source(camera, settings.ingest)
    try:
        return _listen(source, camera, began_s)
    finally:
        source.close()


def _listen(source: Source, camera: Camera, began_s: float) -> ProbeResult:
    first = newest = source.read()
    first_s = time.monotonic() - began_s
    is_file = source.info.has_exact_times
    count = 1
    while count < FILE_PICTURES if is_file else newest.arrived_at_s - first.arrived_at_s < LISTEN_S:
        try:
            newest = source.read()
        except EndOfStream:
            break
        count += 1
    span_s = newest.arrived_at_s - first.arrived_at_s
    info = source.info
    measured_fps = info.fps if is_file or span_s <= 0 else (count - 1) / span_s
    height, width = newest.to_bgr().shape[:2]
    return ProbeResult(
        url=shown(camera.url),
        codec=info.codec,
        width=width,
        height=height,
        stated_fps=info.fps,
        measured_fps=round(measured_fps, 1),
        first_picture_s=round(first_s, 2),
        duration_s=info.duration_s,
        warning=_warning(newest, camera, measured_fps),
    )


def _warning(frame: CapturedFrame, camera: Camera, measured_fps: float) -> str:
    reject = SanityCheck().judge(frame, frame.to_bgr(), time_s=0.0)
    if reject is not None:
        return f"its picture is {reject.value} and would not be analysed"
    if 0 < measured_fps < camera.fps - 0.5:
        return (
            f"it sends {measured_fps:.1f} pictures a second, fewer than the {camera.fps:g} "
            "that are to be analysed"
        )
    return ""
