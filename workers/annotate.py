"""Drawing what was found into a picture, for people: boxes and words.

Colours are from the palette of Okabe and Ito, which people with any colour vision tell apart; the
word beside each box says the same, so no colour need be seen.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import Face, Verdict
from maskwatch.geometry import Box

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

VIEW_WIDTH_PX: Final = 960
VIEW_QUALITY: Final = 78
VIEW_LABEL_SCALE: Final = 1.75
"""A wall shows a view at less than half its width; its words must be read there, too."""

WORDS: Final[dict[Verdict, str]] = {
    Verdict.MASK: "mask",
    Verdict.NO_MASK: "no mask",
    Verdict.INCORRECT: "incorrect",
    Verdict.UNREADABLE: "unreadable",
}
COLOURS: Final[dict[Verdict, Colour]] = {
    Verdict.MASK: (178, 114, 0),
    Verdict.NO_MASK: (0, 94, 213),
    Verdict.INCORRECT: (66, 228, 240),
    Verdict.UNREADABLE: (153, 153, 153),
}
"""Blue, vermilion, yellow, grey; BGR."""

_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_BLUR_BLOCKS: Final = 6


def annotate(
    picture: Picture, faces: Sequence[Face], *, blur_faces: bool = False, label_scale: float = 1.0
) -> Picture:
    """Return a copy of the picture with every face boxed and named.

    Args:
        picture: uint8 (H, W, 3), BGR.
        faces: Boxes in pixels of this picture.
        blur_faces: Make the faces unrecognisable.
        label_scale: Above 1 for a picture that will be shown small.
    """
    drawn = picture.copy()
    if blur_faces:
        for face in faces:
            _blur(drawn, face.box)
    for face in faces:
        _draw_box(drawn, face)
    # The surest face first: it has the best place for its words.
    taken: list[Box] = []
    for face in faces:
        others = [other.box for other in faces if other is not face]
        taken.append(_draw_label(drawn, face, [*taken, *others], label_scale))
    return drawn


def view_jpeg(picture: Picture, faces: Sequence[Face], *, blur_faces: bool = False) -> bytes:
    """Return the annotated picture as a JPEG of at most `VIEW_WIDTH_PX` across.

    Args:
        picture: uint8 (H, W, 3), BGR.
        faces: Boxes in pixels of this picture.
        blur_faces: Make the faces unrecognisable.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, VIEW_WIDTH_PX / width)
    shown, boxed = picture, list(faces)
    if scale < 1.0:
        size = (VIEW_WIDTH_PX, max(1, round(height * scale)))
        shown = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        boxed = [
            Face(
                box=face.box.scaled(size[0] / width, size[1] / height),
                score=face.score,
                label=face.label,
                probabilities=face.probabilities,
                quality=face.quality,
            )
            for face in faces
        ]
    drawn = annotate(shown, boxed, blur_faces=blur_faces, label_scale=VIEW_LABEL_SCALE)
    _, encoded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, VIEW_QUALITY])
    return encoded.tobytes()


def label_text(face: Face) -> str:
    """The words beside a box: what is said, and how sure it is where something is said."""
    word = WORDS[face.label]
    if face.label is Verdict.UNREADABLE:
        return word
    return f"{word} {face.probabilities[face.label.value]:.0%}"


def _draw_box(picture: Picture, face: Face) -> None:
    line = _line_px(picture)
    corner = (round(face.box.x1), round(face.box.y1))
    opposite = (round(face.box.x2), round(face.box.y2))
    # A dark rim keeps the box visible on a background of its own colour.
    cv2.rectangle(picture, corner, opposite, (20, 20, 20), line + 2, cv2.LINE_AA)
    cv2.rectangle(picture, corner, opposite, COLOURS[face.label], line, cv2.LINE_AA)


def _draw_label(picture: Picture, face: Face, taken: Sequence[Box], label_scale: float) -> Box:
    """Write beside the box, away from what is there, and return the label's place."""
    height, width = picture.shape[:2]
    unit = label_scale * max(height, width) / 1000
    scale, thickness = max(0.35, 0.45 * unit), max(1, round(1.1 * unit))
    text, margin = label_text(face), max(2, round(3 * unit))
    (text_width, text_height), base = cv2.getTextSize(text, _FONT, scale, thickness)
    wide, tall = text_width + 2 * margin, text_height + base + margin
    place = _free_place(face.box, (wide, tall), (width, height), taken, line=_line_px(picture))
    left, top = round(place.x1), round(place.y1)
    colour = COLOURS[face.label]
    cv2.rectangle(picture, (left, top), (left + wide, top + tall), colour, cv2.FILLED)
    start = (left + margin, top + margin // 2 + text_height)
    cv2.putText(picture, text, start, _FONT, scale, _ink(colour), thickness, cv2.LINE_AA)
    return place


def _free_place(
    box: Box, label: tuple[int, int], picture: tuple[int, int], taken: Sequence[Box], *, line: int
) -> Box:
    """Above, below, left-hand above, then further and further up; the first one where none is."""
    wide, tall = label
    above, below = box.y1 - line - tall, box.y2 + line
    tries = [(box.x1 - line, above), (box.x1 - line, below), (box.x2 + line - wide, above)]
    tries += [(box.x1 - line, above - step * tall) for step in (1, 2, 3)]
    places = []
    for x, y in tries:
        left = min(max(0.0, x), max(0.0, picture[0] - wide))
        if 0 <= y <= picture[1] - tall:
            places.append(Box(left, y, left + wide, y + tall))
    if not places:
        left = min(max(0.0, box.x1), max(0.0, picture[0] - wide))
        places.append(Box(left, 0.0, left + wide, tall))
    return next((place for place in places if not _overlaps(place, taken)), places[0])


def _overlaps(place: Box, others: Sequence[Box]) -> bool:
    return any(
        place.x1 < other.x2 and other.x1 < place.x2 and place.y1 < other.y2 and other.y1 < place.y2
        for other in others
    )


def _line_px(picture: Picture) -> int:
    return max(1, round(0.0025 * int(max(picture.shape[:2]))))


def _ink(background: Colour) -> Colour:
    """Black or white, whichever is read more easily on the background."""
    blue, green, red = background
    luminance = 0.114 * blue + 0.587 * green + 0.299 * red
    return (0, 0, 0) if luminance > 120 else (255, 255, 255)


def _blur(picture: Picture, box: Box) -> None:
    height, width = picture.shape[:2]
    # Hair and chin reach beyond the detector's box.
    grow_x, grow_y = 0.15 * box.width, 0.15 * box.height
    grown = Box(box.x1 - grow_x, box.y1 - grow_y, box.x2 + grow_x, box.y2 + grow_y)
    part = grown.clipped(width, height)
    x1, y1, x2, y2 = int(part.x1), int(part.y1), round(part.x2), round(part.y2)
    if x2 <= x1 or y2 <= y1:
        return
    inside = picture[y1:y2, x1:x2]
    blocks = cv2.resize(inside, (_BLUR_BLOCKS, _BLUR_BLOCKS), interpolation=cv2.INTER_AREA)
    picture[y1:y2, x1:x2] = cv2.resize(blocks, (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST)
