"""A person's head: a portrait made to look like somebody else, masked, and turned round."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from maskwatch.simulator.face_masks import FaceMask, draw_mask
from maskwatch.simulator.portraits import (
    CENTER,
    HEIGHT,
    WIDTH,
    Landmarks,
    Layer,
    Picture,
    Portrait,
    load_portraits,
    soft_polygon,
)
from maskwatch.simulator.sprites import Sprite, make_sprite

YAW_STEP_DEG: Final = 15
"""Heads are drawn once for each multiple of this."""

_HAIR: Final[tuple[tuple[float, float, float], ...]] = (
    (1.0, 1.0, 1.0),
    (0.45, 0.42, 0.45),
    (0.62, 0.58, 0.72),
    (1.35, 1.18, 1.12),
    (0.55, 0.60, 0.80),
)
"""Gains on blue, green and red of the hair: as it is, black, red-brown, grey, dark brown."""

_SKIN: Final[tuple[tuple[float, float, float], ...]] = (
    (1.0, 1.0, 1.0),
    (0.92, 0.94, 0.97),
    (0.80, 0.85, 0.93),
    (0.62, 0.68, 0.78),
    (1.05, 1.03, 1.0),
)
"""Gains on blue, green and red of the skin."""

_HATS: Final[tuple[tuple[int, int, int], ...]] = (
    (60, 40, 120), (92, 70, 40), (50, 50, 52), (60, 96, 60), (120, 150, 176),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeadLook:
    """What somebody's head looks like.

    Attributes:
        portrait: Name of the portrait.
        is_mirrored: Left and right swapped.
        skin: Index into the skin tones.
        hair: Index into the hair tones.
        hat: Index into the knitted hats; None for none.
        width_factor: Narrower or wider than the portrait.
        mask: What is worn on the face.
    """

    portrait: str
    is_mirrored: bool
    skin: int
    hair: int
    hat: int | None
    width_factor: float
    mask: FaceMask


def random_look(rng: np.random.Generator, *, portrait: str, mask: FaceMask) -> HeadLook:
    """Somebody new, drawn from the given generator."""
    return HeadLook(
        portrait=portrait,
        is_mirrored=bool(rng.random() < 0.5),
        skin=int(rng.integers(len(_SKIN))),
        hair=int(rng.integers(len(_HAIR))),
        hat=int(rng.integers(len(_HATS))) if rng.random() < 0.3 else None,
        width_factor=float(rng.uniform(0.93, 1.05)),
        mask=mask,
    )


class Head:
    """A head that can be seen from every side."""

    def __init__(self, look: HeadLook) -> None:
        portrait = load_portraits()[look.portrait]
        self._alpha = portrait.alpha
        masked = draw_mask(_tinted(portrait, look), portrait.landmarks, look.mask)
        if look.hat is not None:
            masked, self._alpha = _with_hat(masked, portrait, _HATS[look.hat])
        self._front = masked
        if look.is_mirrored:
            self._front = np.ascontiguousarray(self._front[:, ::-1])
            self._alpha = np.ascontiguousarray(self._alpha[:, ::-1])
        self._back = _back_of_head(portrait, look)
        self._width_factor = look.width_factor
        self._sprites: dict[int, Sprite] = {}

    @property
    def width_factor(self) -> float:
        """Width of this head over that of its portrait."""
        return self._width_factor

    def sprite(self, yaw_deg: float) -> Sprite:
        """The head turned by an angle: 0 faces the camera, 90 looks to the picture's right."""
        step = round(yaw_deg / YAW_STEP_DEG) * YAW_STEP_DEG
        step = (step + 180) % 360 - 180
        if step not in self._sprites:
            bgr = _turned(self._front, self._back, self._alpha, np.deg2rad(step))
            anchor = (float(CENTER[0]), float(CENTER[1]))
            self._sprites[step] = make_sprite(bgr, self._alpha, anchor=anchor, pixels_per_mm=1.0)
        return self._sprites[step]


def _tinted(portrait: Portrait, look: HeadLook) -> Picture:
    is_hair = portrait.hair.astype(np.float32)[..., None] / 255
    gains = np.array(_SKIN[look.skin], np.float32) * (1 - is_hair)
    gains = gains + np.array(_HAIR[look.hair], np.float32) * is_hair
    # The older picture is printed in strong colours: half of the excess is taken out of its skin.
    grey = cv2.cvtColor(portrait.bgr, cv2.COLOR_BGR2GRAY).astype(np.float32)[..., None]
    paler = (1 - is_hair) * (0.38 if portrait.name == "hopper" else 0.0)
    natural = portrait.bgr * (1 - paler) + grey * np.array([0.98, 1.02, 1.12]) * paler
    return np.asarray(np.clip(natural * gains, 0, 255), np.uint8)


def _with_hat(
    bgr: Picture, portrait: Portrait, color: tuple[int, int, int]
) -> tuple[Picture, Picture]:
    """A knitted hat over the top of the head; gives picture and alpha."""
    marks = portrait.landmarks
    brow = min(marks.eye_left[1], marks.eye_right[1]) - 34
    columns = np.flatnonzero(portrait.alpha[int(brow)] > 128)
    left, right = float(columns[0]) + 2, float(columns[-1]) - 2
    middle, half = (left + right) / 2, (right - left) / 2
    crown = max(20.0, brow - half * 1.25)
    angles = np.linspace(np.pi, 2 * np.pi, 30)
    dome = np.stack(
        [middle + half * np.cos(angles), brow + (brow - crown) * np.sin(angles)], axis=1
    )
    brim = np.array([[right, brow + 8], [middle, brow - 2], [left, brow + 8]])
    hat = soft_polygon(np.concatenate([dome, brim]), blur_px=1.0, size=(WIDTH, HEIGHT))
    rows, places = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    across = (places - middle) / half
    shade = 1.1 - 0.55 * across**2 + 0.10 * np.sin(places * 1.1) - 0.10 * (rows > brow - 24)
    knit = np.array(color, np.float32) * np.clip(shade, 0.3, 1.3)[..., None]
    cover = hat.astype(np.float32)[..., None] / 255
    # What stood above the hat (a tall cap, high hair) goes.
    above = (rows < brow - 4) & (hat == 0)
    alpha = np.where(above, 0, np.maximum(portrait.alpha, hat))
    return (
        np.asarray(np.clip(bgr * (1 - cover) + knit * cover, 0, 255), np.uint8),
        np.asarray(alpha, np.uint8),
    )


def _back_of_head(portrait: Portrait, look: HeadLook) -> Picture:
    """Hair all over, neck below, shape (400, 320, 3); it fills the outline of the front."""
    rng = np.random.default_rng(11)
    strands = rng.normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)
    strands = np.asarray(cv2.GaussianBlur(strands, (0, 0), sigmaX=1.2, sigmaY=16), np.float32)
    strands = strands / max(1e-6, float(strands.std())) * 0.14
    is_hair = (portrait.hair > 200) & (portrait.alpha > 200)
    base = np.median(portrait.bgr[is_hair], axis=0)
    base = np.clip(base, 36, 110) * np.array(_HAIR[look.hair])
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    round_shade = 1.05 - 0.5 * ((columns - CENTER[0]) / 130) ** 2
    color = base.astype(np.float32) * (round_shade + strands)[..., None]
    if look.hat is not None:
        # From behind, a knitted hat reaches down to the nape.
        brow = portrait.landmarks.lip_bottom[1] - 6
        knit = (
            np.array(_HATS[look.hat], np.float32)
            * (round_shade + 0.1 * np.sin(columns * 1.1))[..., None]
        )
        color = np.where((rows < brow)[..., None], knit, color)
    neck_top = portrait.landmarks.chin[1] - 8
    skin = np.median(portrait.bgr[_patch(portrait.landmarks)], axis=(0, 1))
    skin = skin * np.array(_SKIN[look.skin])
    is_neck = np.clip((rows - neck_top) / 12, 0, 1)[..., None]
    neck = skin.astype(np.float32) * 0.55 * round_shade[..., None]
    color = color * (1 - is_neck) + neck * is_neck
    return np.asarray(np.clip(color, 0, 255), np.uint8)


def _patch(marks: Landmarks) -> tuple[slice, slice]:
    x, y = int(marks.contour_left[1][0]) + 12, int(marks.contour_left[1][1])
    return slice(y - 8, y + 8), slice(x, x + 16)


def _turned(front: Picture, back: Picture, alpha: Picture, yaw_rad: float) -> Picture:
    """The head as a cylinder in its own outline, turned; shape (400, 320, 3).

    Each row's visible half circle is mapped to the front's picture or to the back's.
    """
    if abs(yaw_rad) < 1e-6:
        return front
    columns = np.arange(WIDTH, dtype=np.float32)
    solid = alpha > 96
    left = np.where(solid.any(axis=1), solid.argmax(axis=1), 0).astype(np.float32)
    right = np.where(
        solid.any(axis=1), WIDTH - 1 - solid[:, ::-1].argmax(axis=1), WIDTH - 1
    ).astype(np.float32)
    low, high = (cv2.GaussianBlur(edge[:, None], (0, 0), 9) for edge in (left, right))
    middle, half = (low + high) / 2, np.maximum(2.0, (high - low) / 2)
    angle = np.arcsin(np.clip((columns[None, :] - middle) / half, -1, 1)) - yaw_rad
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    share = np.clip((np.deg2rad(84) - np.abs(angle)) / np.deg2rad(14) + 0.5, 0, 1)[..., None]
    source_x: Layer = np.asarray(middle + half * np.sin(angle) * 0.97, np.float32)
    source_y = np.repeat(np.arange(HEIGHT, dtype=np.float32)[:, None], WIDTH, axis=1)
    seen = cv2.remap(front, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rear = cv2.remap(back, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen * share + rear * (1 - share), np.uint8)
