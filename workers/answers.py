"""From a batch of frames to answers: decode, analyse, and say in words what could not be."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from maskwatch.bus import TakenFrame
from maskwatch.contracts import Face
from maskwatch.errors import ModelError
from workers.analyse import Analyser, Picture
from workers.batcher import Batch

logger = logging.getLogger(__name__)

Timings = dict[str, float]
"""Stage to milliseconds of the whole batch."""

_END_OF_JPEG: Final = b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Answer:
    """One frame and what is said of it.

    Attributes:
        frame: The question.
        picture: Decoded; None where there is an error.
        faces: What was found.
        error: Why the frame could not be analysed; "" where it was.
    """

    frame: TakenFrame
    picture: Picture | None = None
    faces: tuple[Face, ...] = ()
    error: str = ""


def answer_batch(batch: Batch, analyser: Analyser, pool: Executor) -> tuple[list[Answer], Timings]:
    """Answer every frame of a batch, if only with an error.

    Args:
        batch: The frames.
        analyser: Loaded networks.
        pool: Threads to decode on.
    """
    started = time.perf_counter()
    pictures = list(pool.map(decode_jpeg, (frame.jpeg for frame in batch.frames)))
    decode_ms = (time.perf_counter() - started) * 1e3
    decoded = list(zip(batch.frames, pictures, strict=True))
    answers, timings = _analysed(
        [(frame, picture) for frame, picture in decoded if picture is not None], analyser
    )
    answers += [
        Answer(frame, error="the picture is no JPEG that can be decoded")
        for frame, picture in decoded
        if picture is None
    ]
    answers += [
        Answer(frame, error=f"taken {frame.deliveries - 1} times and never answered")
        for frame in batch.poisoned
    ]
    for answer in answers:
        if answer.error:
            header = answer.frame.header
            logger.warning("camera %s: frame %d: %s", header.camera, header.sequence, answer.error)
    return answers, {"decode": decode_ms, **timings}


def decode_jpeg(jpeg: bytes) -> Picture | None:
    """Return the picture, uint8 (H, W, 3), BGR, or None where the bytes are no whole JPEG."""
    # A truncated JPEG would be decoded with its rest grey, and the grey counted as watched.
    if not jpeg.endswith(_END_OF_JPEG):
        return None
    try:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, np.uint8)


def _analysed(
    decoded: Sequence[tuple[TakenFrame, Picture]], analyser: Analyser
) -> tuple[list[Answer], Timings]:
    try:
        analysed = analyser.analyse([picture for _, picture in decoded])
    except ModelError as error:
        if len(decoded) == 1:
            return [Answer(decoded[0][0], error=str(error))], {}
        # One of them is at fault; the others get their answers.
        parts = [_analysed([item], analyser) for item in decoded]
        stages = {stage for _, timings in parts for stage in timings}
        return [answer for answers, _ in parts for answer in answers], {
            stage: sum(timings.get(stage, 0.0) for _, timings in parts) for stage in stages
        }
    return [
        Answer(frame, picture, faces)
        for (frame, picture), faces in zip(decoded, analysed.faces, strict=True)
    ], analysed.timings_ms
