"""Contact sheets: many labelled faces on one picture, to look at before training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from maskwatch.errors import MediaError
from models.crops import crop_face
from training.datasets.index import LabelledPicture
from training.disk import make_folder, write_picture_whole

Picture = NDArray[np.uint8]

_TILE_PX = 80
_COLUMNS = 16


def write_sheets(
    folder: Path, pictures: Sequence[LabelledPicture], out: Path, *, most: int = 160, seed: int = 0
) -> list[Path]:
    """Writes ``{split}-{label}.png`` for each that has faces, and returns the paths.

    Args:
        folder: Of the index.
        pictures: Its pictures.
        out: Where the sheets go.
        most: Faces on one sheet, drawn by chance.
        seed: Of that chance.

    Raises:
        MediaError: A picture cannot be decoded.
        StorageError: A sheet cannot be written.
    """
    make_folder(out)
    rng = np.random.default_rng(seed)
    written = []
    for split in sorted({picture.split for picture in pictures}):
        for label in CLASSES:
            faces = [
                (picture, face.box)
                for picture in pictures
                if picture.split == split
                for face in picture.boxes
                if face.label == label
            ]
            if not faces:
                continue
            chosen = rng.permutation(len(faces))[:most]
            tiles = []
            for number in chosen:
                picture, box = faces[int(number)]
                pixels = cv2.imread(str(folder / picture.file))
                if pixels is None:
                    raise MediaError(f"{folder / picture.file}: missing or cannot be decoded")
                tiles.append(crop_face(np.asarray(pixels, np.uint8), box, side_px=_TILE_PX))
            path = out / f"{split}-{label}.png"
            write_picture_whole(path, contact_sheet(tiles, columns=_COLUMNS))
            written.append(path)
    return written


def contact_sheet(tiles: Sequence[Picture], *, columns: int) -> Picture:
    """Returns tiles of one size (h, w, 3) side by side, row by row; black where there are none."""
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for number, tile in enumerate(tiles):
        y, x = number // columns * height, number % columns * width
        sheet[y : y + height, x : x + width] = tile
    return sheet
