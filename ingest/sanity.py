"""Pictures that must not be analysed: dark, grey, torn, frozen or corrupt. Cheap: on a thumbnail.

A network that takes a smear for faces is confident and wrong, so such pictures are counted by
their reason and left out. The rules look for what damage leaves behind, exactly flat or exactly
repeated pixels, which a real camera's noise never does.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.source import CapturedFrame
from maskwatch.contracts import Reject

THUMBNAIL_SIDE: Final = 160
"""Pixels are picked, not averaged: averaging would hide exact repetition, and cost more."""

DARK_LEVEL: Final = 40
"""Of 255: where 99 % of the pixels are below it, no face can be read."""

FLAT_CONTRAST: Final = 2.0
"""Standard deviation below which a picture shows nothing at all."""

CONCEALED_SHARE: Final = 0.4
"""Share of the picture filled with FFmpeg's grey or green."""

FILLED_SHARE: Final = 0.05
"""Share of the rows, at the bottom, that are FFmpeg's grey or green from side to side."""

SMEAR_SHARE: Final = 0.2
"""Share of the rows, at the bottom, that repeat one row."""

FROZEN_AFTER_S: Final = 10.0
"""A still corridor keeps its noise; so long without one changed pixel, the camera hangs."""

SMEAR_CONTRAST: Final = 8.0
"""Standard deviation along the repeated row."""

_CONCEALED: Final = ((130, 130, 130), (0, 135, 0))
"""BGR of FFmpeg's filling: all planes 128, and all planes 0."""

_COLOUR_TOLERANCE: Final = 5


class SanityCheck:
    """Judges one camera's pictures in order. Holds one thumbnail."""

    def __init__(self, *, frozen_after_s: float = FROZEN_AFTER_S) -> None:
        self._frozen_after_s = frozen_after_s
        self._last: NDArray[np.uint8] | None = None
        self._unchanged_since_s = 0.0

    def judge(
        self, frame: CapturedFrame, bgr: NDArray[np.uint8], *, time_s: float
    ) -> Reject | None:
        """Say why a picture is unfit, or None.

        Args:
            frame: What the decoder said of it.
            bgr: The picture, shape (H, W, 3).
            time_s: Rising; of a file the media time.
        """
        thumbnail = thumbnail_of(bgr)
        is_frozen = self._is_frozen(thumbnail, time_s)
        if frame.is_damaged:
            return Reject.CORRUPT
        if is_dark(thumbnail):
            return Reject.DARK
        if is_grey(thumbnail):
            return Reject.GREY
        if is_torn(thumbnail):
            return Reject.TORN
        return Reject.FROZEN if is_frozen else None

    def _is_frozen(self, thumbnail: NDArray[np.uint8], time_s: float) -> bool:
        if self._last is None or not np.array_equal(self._last, thumbnail):
            self._last = thumbnail
            self._unchanged_since_s = time_s
            return False
        return time_s - self._unchanged_since_s > self._frozen_after_s


def thumbnail_of(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return every n-th pixel, its long side about `THUMBNAIL_SIDE`, shape (h, w, 3)."""
    step = max(1, max(bgr.shape[:2]) // THUMBNAIL_SIDE)
    return np.ascontiguousarray(bgr[step // 2 :: step, step // 2 :: step])


def is_dark(thumbnail: NDArray[np.uint8]) -> bool:
    """Say whether nothing in the picture is bright enough to be recognised."""
    green = thumbnail[:, :, 1]
    return bool(np.count_nonzero(green >= DARK_LEVEL) < 0.01 * green.size)


def is_grey(thumbnail: NDArray[np.uint8]) -> bool:
    """Say whether nothing is shown, or much is filled with what FFmpeg puts for missing data."""
    _, contrast = cv2.meanStdDev(thumbnail)
    if float(contrast.max()) < FLAT_CONTRAST:
        return True
    return any(_share_of(thumbnail, colour) > CONCEALED_SHARE for colour in _CONCEALED)


def is_torn(thumbnail: NDArray[np.uint8]) -> bool:
    """Say whether the lower part is missing: filled, one row smeared downwards, or repeated."""
    height = thumbnail.shape[0]
    half = height // 2
    if height < 10:
        return False
    bottom = thumbnail[-max(2, round(height * FILLED_SHARE)) :]
    if any(_share_of(bottom, colour) > 0.99 for colour in _CONCEALED):
        return True
    if np.array_equal(thumbnail[:half], thumbnail[half : 2 * half]):
        return True
    if not _is_repeated(thumbnail[-2:]):
        return False
    lowest = thumbnail[-max(3, round(height * SMEAR_SHARE)) :]
    # A plain floor repeats itself as well; a smear carries the pattern of what it was cut from.
    return _is_repeated(lowest) and float(lowest[-1].std(axis=0).max()) > SMEAR_CONTRAST


def _is_repeated(rows: NDArray[np.uint8]) -> bool:
    steps = cv2.absdiff(rows[1:], rows[:-1])
    return float(steps.mean(axis=(1, 2)).max()) < 0.5


def _share_of(thumbnail: NDArray[np.uint8], colour: tuple[int, int, int]) -> float:
    """Share of pixels of this colour that equal their left neighbour: filled, not seen."""
    low = [max(0, value - _COLOUR_TOLERANCE) for value in colour]
    high = [value + _COLOUR_TOLERANCE for value in colour]
    is_colour = cv2.inRange(thumbnail, np.array(low), np.array(high))
    share = cv2.countNonZero(is_colour) / is_colour.size
    if share <= CONCEALED_SHARE:
        return share
    is_flat = (thumbnail[:, 1:] == thumbnail[:, :-1]).all(axis=2)
    return float(((is_colour[:, 1:] > 0) & is_flat).mean())
