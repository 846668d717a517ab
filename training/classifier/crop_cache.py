"""Face crops of several collections, cut once and kept as one array on disk.

A cached crop shows twice the longer side of the face box at 144 px, so that training can still
move, turn and scale it before it takes the classifier's own cut.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MediaError
from maskwatch.geometry import Box
from models.crops import crop_face
from training.datasets.folders import folder_pictures, read_picture
from training.datasets.index import Problem, log_skipped, read_index
from training.disk import make_folder, write_text_whole, written_whole

logger = logging.getLogger(__name__)

Picture = NDArray[np.uint8]

CACHE_SIDE_PX = 144
CACHE_SPAN = 2.0
_SMALLEST_FACE_PX = 8.0


@dataclass(frozen=True, slots=True)
class Crop:
    """Where one cached crop comes from.

    Attributes:
        source: Collection.
        file: Picture within the collection.
        group: Near-duplicates share it.
        split: ``train``, ``val`` or ``test``.
        label: A name of `CLASSES`.
        height_px: Height of the face box in the picture.
        relative_height: Height of the face were the picture 640 px on its longer side.
        landmarks: Eyes, nose and mouth corners in pixels of the crop (10 numbers), or empty.
        is_from_scene: Cut from a labelled scene, not a ready-made crop.
    """

    source: str
    file: str
    group: str
    split: str
    label: str
    height_px: float
    relative_height: float
    landmarks: tuple[float, ...] = ()
    is_from_scene: bool = True


@dataclass(frozen=True, slots=True)
class CropCache:
    """Crops and their origin, row by row.

    Attributes:
        pixels: uint8 (N, 144, 144, 3), BGR; a memory map.
        crops: N descriptions.
    """

    pixels: NDArray[np.uint8]
    crops: tuple[Crop, ...]

    def data_hash(self) -> str:
        """SHA-256 over what the crops are, for the card."""
        digest = hashlib.sha256()
        for crop in self.crops:
            digest.update(json.dumps(asdict(crop), sort_keys=True).encode())
        return digest.hexdigest()


class LandmarkFinder:
    """Five points of a face through YuNet; only training uses it."""

    def __init__(self, path: Path) -> None:
        self._detector = cv2.FaceDetectorYN.create(str(path), "", (320, 320), 0.5)

    def largest(self, picture: Picture) -> tuple[Box, NDArray[np.float32]] | None:
        """Returns the box and five points (5, 2) of the largest face, or None."""
        self._detector.setInputSize((picture.shape[1], picture.shape[0]))
        _, found = self._detector.detect(picture)
        if found is None or not len(found):
            return None
        row = max(found, key=lambda face: float(face[2] * face[3]))
        box = Box(float(row[0]), float(row[1]), float(row[0] + row[2]), float(row[1] + row[3]))
        return box, np.asarray(row[4:14], np.float32).reshape(5, 2)


def scene_crops(folder: Path, finder: LandmarkFinder | None) -> Iterator[tuple[Picture, Crop]]:
    """Yields the labelled faces of ``folder/labels.jsonl``; what is unusable is logged.

    Raises:
        MediaError: There is no index, or nothing in it can be used.
    """
    pictures, problems = read_index(folder)
    for labelled in pictures:
        picture = cv2.imread(str(folder / labelled.file))
        if picture is None:
            problems.append(Problem(str(folder / labelled.file), "cannot be decoded"))
            continue
        pixels = np.asarray(picture, np.uint8)
        relative = 640 / max(pixels.shape[:2])
        for face in labelled.boxes:
            if face.box.height < _SMALLEST_FACE_PX:
                continue
            cut = crop_face(pixels, face.box, side_px=CACHE_SIDE_PX, span=CACHE_SPAN)
            crop = Crop(
                source=labelled.source,
                file=labelled.file,
                group=labelled.group,
                split=labelled.split,
                label=face.label,
                height_px=face.box.height,
                relative_height=face.box.height * relative,
                landmarks=_central_landmarks(cut, finder),
            )
            yield cut, crop
    log_skipped(logger, problems)


def _central_landmarks(pixels: Picture, finder: LandmarkFinder | None) -> tuple[float, ...]:
    found = finder.largest(pixels) if finder else None
    if found is None:
        return ()
    middle_x, middle_y = found[0].center
    near = abs(middle_x - CACHE_SIDE_PX / 2) < 20 and abs(middle_y - CACHE_SIDE_PX / 2) < 20
    return tuple(float(value) for value in found[1].ravel()) if near else ()


def folder_crops(
    folder: Path, finder: LandmarkFinder | None, *, keeps_split: bool = False
) -> Iterator[tuple[Picture, Crop]]:
    """Yields the pictures of a folder of classes as crops.

    Where `finder` sees a face its box is cut; elsewhere the picture is taken for a face whose box
    covers four fifths of it.

    Args:
        folder: Holds folders of classes, at any depth.
        finder: Gives boxes and landmarks; None does without.
        keeps_split: See `training.datasets.folders.folder_pictures`.
    """
    for found in folder_pictures(folder, keeps_split=keeps_split):
        picture = read_picture(found.path)
        box = _face_box(picture, finder)
        cut = crop_face(picture, box, side_px=CACHE_SIDE_PX, span=CACHE_SPAN)
        crop = Crop(
            source=folder.name,
            file=found.path.relative_to(folder).as_posix(),
            group=found.group,
            split=found.split,
            label=found.label,
            height_px=box.height,
            relative_height=box.height,
            landmarks=_central_landmarks(cut, finder),
            is_from_scene=False,
        )
        yield cut, crop


def _face_box(picture: Picture, finder: LandmarkFinder | None) -> Box:
    height, width = picture.shape[:2]
    padded = cv2.copyMakeBorder(picture, 24, 24, 24, 24, cv2.BORDER_REPLICATE)
    found = finder.largest(padded.astype(np.uint8, copy=False)) if finder else None
    if found is not None and found[0].height > 0.3 * height:
        return Box(found[0].x1 - 24, found[0].y1 - 24, found[0].x2 - 24, found[0].y2 - 24)
    side = 0.8 * min(height, width)
    return Box(
        width / 2 - side / 2, height / 2 - side / 2, width / 2 + side / 2, height / 2 + side / 2
    )


def build_cache(where: Path, sources: list[Iterator[tuple[Picture, Crop]]]) -> CropCache:
    """Cuts every crop and writes ``pixels.npy`` and ``crops.jsonl`` into `where`.

    Raises:
        MediaError: There is no face at all.
        StorageError: The disk refused; the crops are cut anew on the next start.
    """
    make_folder(where)
    pixels: list[Picture] = []
    crops: list[Crop] = []
    for source in sources:
        for picture, crop in source:
            pixels.append(picture)
            crops.append(crop)
    if not crops:
        raise MediaError(
            f"no labelled face of {_SMALLEST_FACE_PX:.0f} px or more in the pictures; check --data"
        )
    lines = "".join(json.dumps(asdict(crop)) + "\n" for crop in crops)
    # The pixels come last: where they are, the cache is whole.
    write_text_whole(where / "crops.jsonl", lines)
    with written_whole(where / "pixels.npy") as partial:
        np.save(partial, np.stack(pixels))
    return open_cache(where)


def open_cache(where: Path) -> CropCache:
    """Opens what `build_cache` wrote, without reading the pixels into memory.

    Raises:
        MediaError: There is no complete cache in `where`.
    """
    try:
        pixels = np.load(where / "pixels.npy", mmap_mode="r")
        lines = (where / "crops.jsonl").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise MediaError(
            f"{where}: no complete crop cache ({error}); delete it to cut anew"
        ) from error
    crops = tuple(
        Crop(**{**json.loads(line), "landmarks": tuple(json.loads(line)["landmarks"])})
        for line in lines
    )
    if len(crops) != len(pixels):
        raise MediaError(
            f"{where}: {len(pixels)} crops but {len(crops)} labels; delete it to cut anew"
        )
    return CropCache(pixels, crops)
