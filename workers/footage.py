"""What is said of one picture or one recorded video: the lines of `maskwatch analyze --json`."""

from collections.abc import Sequence
from typing import Any

from maskwatch.config import RecorderSettings
from maskwatch.contracts import Face, Verdict
from workers.tracking import TrackedPassage, Tracker, TrackerSettings

Line = dict[str, Any]
"""One JSON object."""


def frame_line(
    source: str,
    faces: Sequence[Face],
    *,
    size: tuple[int, int],
    frame: int = 0,
    time_s: float = 0.0,
) -> Line:
    """Return the object of one picture or one analysed frame.

    Args:
        source: The path as the user gave it.
        faces: Boxes in pixels of the picture.
        size: Width and height of the picture, pixels.
        frame: Number of the frame in the video, from 0.
        time_s: Seconds from the video's first frame.
    """
    return {
        "source": source,
        "frame": frame,
        "time_s": round(time_s, 3),
        "width": size[0],
        "height": size[1],
        "faces": [_face(face) for face in faces],
    }


class Footage:
    """Follows the faces of one video and counts its passages, as the recorder does for a camera."""

    def __init__(self, source: str, settings: RecorderSettings, *, min_score: float) -> None:
        """Begin a video.

        Args:
            source: The path as the user gave it.
            settings: How looks become passages.
            min_score: Looks below it do not count, however many of them are listed.
        """
        self._source = source
        self._min_score = min_score
        self._tracker = Tracker(
            TrackerSettings(lost_after_s=settings.lost_after_s, min_looks=settings.min_looks)
        )
        self._passages: list[TrackedPassage] = []

    def add(
        self, faces: Sequence[Face], *, size: tuple[int, int], frame: int, time_s: float
    ) -> Line:
        """Take the next analysed frame and return its object; see `frame_line`."""
        counted = [face for face in faces if face.score >= self._min_score]
        self._passages += self._tracker.update(counted, time_s, size=size)
        return frame_line(self._source, faces, size=size, frame=frame, time_s=time_s)

    def finish(self) -> Line:
        """End the video and return its last object: passages in order, and totals by verdict."""
        self._passages += self._tracker.finish()
        self._passages.sort(key=lambda passage: (passage.start_s, passage.track))
        totals = dict.fromkeys((verdict.value for verdict in Verdict), 0)
        for passage in self._passages:
            totals[passage.verdict.value] += 1
        return {
            "source": self._source,
            "passages": [
                {
                    "start_s": round(passage.start_s, 3),
                    "end_s": round(passage.end_s, 3),
                    "verdict": passage.verdict.value,
                    "looks": passage.looks,
                }
                for passage in self._passages
            ],
            "totals": totals,
        }


def _face(face: Face) -> Line:
    return {
        "box": [round(value, 2) for value in face.box.as_list()],
        "score": round(face.score, 4),
        "label": face.label.value,
        "probabilities": {name: round(value, 4) for name, value in face.probabilities.items()},
    }
