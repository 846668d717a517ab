"""The two portraits that every simulated person is made from, cut out by hand-set outlines.

Both are public domain (NASA; U.S. Navy) and ship inside packages: Eileen Collins in scikit-image,
Grace Hopper in Matplotlib. They are read where those packages keep them; this project holds no
picture of a person.
"""

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MediaError

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]
Layer = NDArray[np.floating[Any]]

FACE_HEIGHT_PX: Final = 200
"""Height of a face, forehead to chin, in a cut-out: one pixel is about one millimetre."""

WIDTH: Final = 320
HEIGHT: Final = 400
CENTER: Final = (160.0, 210.0)
"""Canvas of a cut-out, in pixels, and where the centre of the face lies on it."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Places on a face, each (x, y) in pixels of the cut-out; left is the picture's left."""

    eye_left: tuple[float, float]
    eye_right: tuple[float, float]
    bridge: tuple[float, float]
    nose_tip: tuple[float, float]
    nose_base: tuple[float, float]
    lip_bottom: tuple[float, float]
    chin: tuple[float, float]
    ear_left: tuple[float, float]
    ear_right: tuple[float, float]
    contour_left: tuple[tuple[float, float], ...]
    contour_right: tuple[tuple[float, float], ...]
    """Edge of the face at the height of eye, nose, mouth and jaw."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A head cut out of its picture.

    Attributes:
        name: Who it is.
        bgr: Shape (400, 320, 3), BGR.
        alpha: Shape (400, 320), 0 outside the head, 255 inside.
        hair: Shape (400, 320), 255 where there is hair (or hat) and not skin.
        landmarks: Places on the face.
    """

    name: str
    bgr: Picture
    alpha: Picture
    hair: Picture
    landmarks: Landmarks


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    package: str
    file: str
    face: tuple[float, float, float]  # centre x, centre y, height: pixels of the file
    outline: tuple[tuple[float, float], ...]
    skin: tuple[tuple[float, float], ...]
    landmarks: Landmarks


_COLLINS = _Source(
    name="collins",
    package="skimage",
    file="data/astronaut.png",
    face=(223.8, 120.8, 111.4),
    outline=(
        (187, 188), (186, 168), (184, 150), (182, 133), (176, 130), (172, 122), (168, 116),
        (161, 108), (157, 98), (154, 85), (154, 72), (158, 58), (169, 46), (183, 38), (191, 31),
        (205, 21), (222, 16), (240, 16), (258, 21), (271, 29), (283, 41), (292, 55), (298, 72),
        (299, 88), (296, 102), (289, 115), (280, 125), (276, 131), (271, 135), (267, 137),
        (265, 150), (258, 162), (254, 172), (252, 185), (240, 189), (225, 188), (205, 187),
    ),
    skin=(
        (185, 92), (194, 78), (210, 80), (228, 81), (250, 86), (266, 92), (270, 110), (269, 135),
        (265, 155), (257, 172), (253, 195), (186, 195), (183, 150), (171, 130), (171, 119),
        (180, 121),
    ),
    landmarks=Landmarks(
        eye_left=(203, 103.5), eye_right=(246.5, 104.5), bridge=(225, 108), nose_tip=(224, 126),
        nose_base=(223, 132), lip_bottom=(223, 154), chin=(223, 178),
        ear_left=(177, 122), ear_right=(271, 124),
        contour_left=((181, 107), (182, 131), (185, 147), (195, 166)),
        contour_right=((270, 108), (268, 131), (265, 147), (254, 165)),
    ),
)  # fmt: skip

_HOPPER = _Source(
    name="hopper",
    package="matplotlib",
    file="mpl-data/sample_data/grace_hopper.jpg",
    face=(266.5, 229.5, 212.3),
    outline=(
        (218, 378), (212, 350), (207, 322), (200, 305), (192, 290), (178, 283), (168, 272),
        (161, 255), (157, 235), (154, 215), (155, 195), (160, 180), (157, 165), (152, 150),
        (150, 130), (153, 107), (161, 92), (173, 86), (181, 66), (196, 52), (218, 42), (226, 31),
        (250, 25), (275, 26), (299, 36), (306, 47), (329, 60), (344, 74), (352, 89), (361, 87),
        (369, 101), (370, 125), (367, 150), (365, 170), (372, 190), (372, 205), (366, 235),
        (360, 255), (354, 272), (350, 288), (338, 304), (328, 318), (320, 332), (316, 350),
        (308, 378),
    ),
    skin=(
        (170, 165), (185, 148), (210, 138), (262, 133), (310, 137), (342, 152), (358, 172),
        (372, 190), (366, 240), (352, 272), (330, 318), (318, 380), (212, 380), (207, 322),
        (190, 270), (168, 262), (155, 215), (158, 185),
    ),
    landmarks=Landmarks(
        eye_left=(221, 190), eye_right=(303, 186), bridge=(264, 204), nose_tip=(267, 240),
        nose_base=(267, 252), lip_bottom=(267, 292), chin=(267, 334),
        ear_left=(172, 232), ear_right=(358, 228),
        contour_left=((181, 200), (187, 245), (196, 278), (215, 312)),
        contour_right=((353, 200), (346, 245), (339, 278), (321, 312)),
    ),
)  # fmt: skip

NAMES: Final = (_COLLINS.name, _HOPPER.name)


def smooth_outline(points: Points, *, steps: int = 6) -> Points:
    """A closed curve through all points (Catmull-Rom).

    Args:
        points: Shape (N, 2).
        steps: Pieces between two neighbours.

    Returns:
        Shape (N * steps, 2).
    """
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    second = np.roll(points, -2, axis=0)
    pieces = []
    for t in np.arange(steps) / steps:
        pieces.append(
            0.5
            * (
                2 * points
                + (after - before) * t
                + (2 * before - 5 * points + 4 * after - second) * t**2
                + (3 * points - before - 3 * after + second) * t**3
            )
        )
    curve: Points = np.stack(pieces, axis=1).reshape(-1, 2)
    return curve


def soft_polygon(points: Points, *, blur_px: float, size: tuple[int, int]) -> Picture:
    """A filled outline with a soft edge.

    Args:
        points: Shape (N, 2), pixels.
        blur_px: Standard deviation of the edge's blur; 0 for only anti-aliased.
        size: Width and height of the result.

    Returns:
        Shape (height, width), 0 outside, 255 inside.
    """
    canvas = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    if blur_px > 0:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), blur_px), np.uint8)
    return canvas


@lru_cache(maxsize=1)
def load_portraits() -> dict[str, Portrait]:
    """Both portraits by name.

    Raises:
        MediaError: scikit-image or Matplotlib, which hold the pictures, is not installed.
    """
    return {source.name: _cut_out(source) for source in (_COLLINS, _HOPPER)}


def _cut_out(source: _Source) -> Portrait:
    picture = cv2.imread(str(_find_file(source)), cv2.IMREAD_COLOR)
    if picture is None:
        raise MediaError(
            f"picture {source.file!r} of the package {source.package!r} cannot be read; "
            "install it again: pip install --force-reinstall 'maskwatch[demo]'"
        )
    scale = FACE_HEIGHT_PX / source.face[2]
    shift = np.array(CENTER) - scale * np.array(source.face[:2])
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    bgr = cv2.warpAffine(
        picture, matrix, (WIDTH, HEIGHT), flags=way, borderMode=cv2.BORDER_REPLICATE
    )

    def place(points: tuple[tuple[float, float], ...]) -> Points:
        return np.array(points, dtype=np.float64) * scale + shift

    size = (WIDTH, HEIGHT)
    alpha = soft_polygon(smooth_outline(place(source.outline)), blur_px=1.3, size=size)
    skin = soft_polygon(smooth_outline(place(source.skin)), blur_px=4, size=size)
    return Portrait(
        source.name,
        np.asarray(bgr, np.uint8),
        alpha,
        np.asarray(255 - skin, np.uint8),
        _placed_landmarks(source.landmarks, scale, (float(shift[0]), float(shift[1]))),
    )


def _placed_landmarks(marks: Landmarks, scale: float, shift: tuple[float, float]) -> Landmarks:
    def one(point: tuple[float, float]) -> tuple[float, float]:
        return point[0] * scale + shift[0], point[1] * scale + shift[1]

    return Landmarks(
        eye_left=one(marks.eye_left),
        eye_right=one(marks.eye_right),
        bridge=one(marks.bridge),
        nose_tip=one(marks.nose_tip),
        nose_base=one(marks.nose_base),
        lip_bottom=one(marks.lip_bottom),
        chin=one(marks.chin),
        ear_left=one(marks.ear_left),
        ear_right=one(marks.ear_right),
        contour_left=tuple(one(point) for point in marks.contour_left),
        contour_right=tuple(one(point) for point in marks.contour_right),
    )


def _find_file(source: _Source) -> Path:
    """Where the installed package keeps its picture, found without importing the package."""
    spec = importlib.util.find_spec(source.package)
    if spec is None or spec.origin is None:
        raise MediaError(
            f"the simulated cameras need a picture inside the package {source.package!r}, which "
            "is not installed; run: pip install 'maskwatch[demo]'"
        )
    return Path(spec.origin).parent / source.file
