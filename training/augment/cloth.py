"""Cloth for masks: plain, pleated, woven or printed, as an image of its own."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Cloth = NDArray[np.float32]
Point = NDArray[np.float64]

# Ground of leopard and tiger prints, which a small picture makes look like a beard.
_SAND_BGR = (140, 185, 215)
_COLOURS_BGR = (
    (235, 205, 150),
    (215, 190, 120),
    (240, 240, 240),
    (225, 225, 230),
    (35, 35, 38),
    (60, 55, 50),
    (170, 200, 140),
    (190, 170, 235),
    (130, 60, 40),
    (60, 60, 160),
)


def lit_cloth(picture: Picture, origin: Point, down: Point, rng: np.random.Generator) -> Cloth:
    """Returns a cloth as large as the picture, lit as the face below it is.

    Args:
        picture: uint8 (H, W, 3) BGR.
        origin: Between the eyes, (2,) pixels.
        down: From there to the mouth, (2,) pixels.
        rng: The only source of chance.

    Returns:
        (H, W, 3) BGR, 0 to 255.
    """
    height, width = picture.shape[:2]
    length = max(float(np.linalg.norm(down)), 1.0)
    along, side = _axes(height, width, origin, down)
    pattern = cloth_pattern(along, side, length, rng)
    # A mask bulges: bright along its middle, darker at the sides.
    bulge = 1.05 - rng.uniform(0.1, 0.35) * np.clip(side**2, 0, 1.2)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    light = np.clip(cv2.GaussianBlur(grey, (0, 0), 0.35 * length) / 150, 0.25, 1.25)
    lit = pattern * (bulge * light * rng.uniform(0.85, 1.1))[..., None]
    grain = rng.normal(0, 3, (height, width, 1)).astype(np.float32)
    return np.asarray(np.clip(lit + grain, 0, 255), np.float32)


def _axes(height: int, width: int, origin: Point, down: Point) -> tuple[Cloth, Cloth]:
    """For each pixel, how far down and across the face it is, in lengths of `down`."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    length = max(float(np.linalg.norm(down)), 1.0)
    unit = down / max(float(np.linalg.norm(down)), 1e-6)
    along = ((columns - origin[0]) * unit[0] + (rows - origin[1]) * unit[1]) / length
    side = ((columns - origin[0]) * unit[1] - (rows - origin[1]) * unit[0]) / length
    return along.astype(np.float32), side.astype(np.float32)


def cloth_pattern(along: Cloth, side: Cloth, length: float, rng: np.random.Generator) -> Cloth:
    """Returns an evenly lit cloth (H, W, 3), BGR, 0 to 255.

    Args:
        along: (H, W), how far down the face each pixel is, in `length`.
        side: (H, W), how far across.
        length: From eyes to mouth, pixels.
        rng: The only source of chance.
    """
    if rng.random() < 0.6:
        base = np.array(_COLOURS_BGR[rng.integers(len(_COLOURS_BGR))], np.float32)
        base = base * rng.uniform(0.85, 1.08)
    else:
        base = rng.uniform(20, 245, 3).astype(np.float32)
    cloth = np.broadcast_to(base, (*along.shape, 3)).astype(np.float32)
    kind = rng.random()
    if kind < 0.35:
        pleats = 0.5 + 0.5 * np.sin(along * float(rng.uniform(14, 26)))
        cloth *= (1 - rng.uniform(0.05, 0.2) * pleats)[..., None]
    elif kind < 0.5:
        other = rng.uniform(20, 245, 3).astype(np.float32)
        wave = np.sin(along * rng.uniform(8, 30) + rng.uniform(0, 6)) * np.sin(
            side * rng.uniform(8, 30)
        )
        cloth = np.where((wave > rng.uniform(0, 0.6))[..., None], other, cloth)
    elif kind < 0.8:
        cloth = printed(cloth, length, rng)
    return cloth


def printed(cloth: Cloth, length: float, rng: np.random.Generator) -> Cloth:
    """Spots and flecks of one or two more colours, from leopard print to flowers."""
    grain = rng.normal(0, 1, cloth.shape[:2]).astype(np.float32)
    size = length * float(np.exp(rng.uniform(np.log(0.03), np.log(0.16))))
    blurred = np.asarray(cv2.GaussianBlur(grain, (0, 0), max(size, 0.5)), np.float32)
    blurred = blurred / max(float(blurred.std()), 1e-6)
    is_animal = rng.random() < 0.35
    if is_animal:
        cloth = cloth * 0 + np.array(_SAND_BGR, np.float32) * rng.uniform(0.7, 1.1)
    for level in (rng.uniform(-0.2, 0.8), rng.uniform(0.8, 1.6))[: int(rng.integers(1, 3))]:
        other = rng.uniform(10, 60 if is_animal else 250, 3).astype(np.float32)
        cloth = np.where((blurred > level)[..., None], other, cloth)
    return np.asarray(cloth, np.float32)
