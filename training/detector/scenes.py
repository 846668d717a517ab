"""Labelled scenes: the index, and the pictures decoded once into one file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import ConfigError
from training.datasets.split import Split, split_of
from training.evaluate.detection import LabelledFaces

_logger = logging.getLogger(__name__)

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float32]

SMALL_OFTEN_UNLABELLED = {"jolignier": 24.0}
"""Sources whose faces below this height (pixels at 640 wide) may lack a label."""

REFERENCE_LONG_SIDE_PX = 640


@dataclass(frozen=True, slots=True)
class Scene:
    """One labelled picture.

    Attributes:
        file: Path below the data folder.
        source: The collection it is from.
        group: Near-duplicates share it.
        size: Width and height in pixels.
        boxes: Faces, (G, 4) as x1, y1, x2, y2 in pixels, inside the picture.
        labels: What each face wears.
        unlabelled: Where another detector sees a face and no label is, (U, 4): not judged.
    """

    file: str
    source: str
    group: str
    size: tuple[int, int]
    boxes: Boxes
    labels: tuple[str, ...]
    unlabelled: Boxes = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    @property
    def split(self) -> Split:
        """The split that the scene's group belongs to."""
        return split_of(self.source, self.group)

    @property
    def heights_at_640(self) -> Boxes:
        """Height of each face with the longer side of the picture at 640 pixels."""
        heights: Boxes = self.boxes[:, 3] - self.boxes[:, 1]
        return heights * np.float32(REFERENCE_LONG_SIDE_PX / max(self.size))

    @property
    def unlabelled_below_px(self) -> float:
        """Faces lower than this, at 640 wide, may lack a label here; 0 where all have one."""
        return SMALL_OFTEN_UNLABELLED.get(self.source, 0.0)

    @property
    def truth(self) -> LabelledFaces:
        """The same as the evaluation wants it."""
        return LabelledFaces(
            boxes=self.boxes.astype(np.float64),
            to_640=REFERENCE_LONG_SIDE_PX / max(self.size),
            unlabelled_below_px=self.unlabelled_below_px,
        )


def read_scenes(folder: Path) -> list[Scene]:
    """Returns the scenes of ``labels.jsonl``; a bad line or box is named in the log and left out.

    Raises:
        ConfigError: There is no such file, or nothing in it can be used.
    """
    index = folder / "labels.jsonl"
    try:
        lines = index.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{index}: {error.strerror}; give the folder with --data") from error
    scenes = []
    for number, line in enumerate(lines, 1):
        try:
            scenes.append(_scene(json.loads(line)))
        except (KeyError, TypeError, ValueError) as error:
            _logger.warning("%s line %d left out: %r", index, number, error)
    if not scenes:
        raise ConfigError(f"{index}: no usable line among {len(lines)}; see training's data format")
    return scenes


def _scene(row: dict[str, object]) -> Scene:
    width, height = int(str(row["width"])), int(str(row["height"]))
    if width <= 0 or height <= 0:
        raise ValueError(f"size {width}x{height}")
    boxes, labels = [], []
    given = row["boxes"]
    if not isinstance(given, list):
        raise TypeError("boxes is not a list")
    for x1, y1, x2, y2, label in given:
        box = (max(0.0, x1), max(0.0, y1), min(float(width), x2), min(float(height), y2))
        if box[2] <= box[0] or box[3] <= box[1]:
            _logger.warning("%s: box %s is inverted or outside: left out", row["file"], given)
            continue
        boxes.append(box)
        labels.append(str(label))
    return Scene(
        file=str(row["file"]),
        source=str(row["source"]),
        group=str(row["group"]),
        size=(width, height),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=tuple(labels),
    )


def data_hash(scenes: list[Scene]) -> str:
    """A hash of which scenes these are and what their labels say."""
    digest = hashlib.sha256()
    for scene in sorted(scenes, key=lambda scene: scene.file):
        digest.update(f"{scene.file} {scene.group} {scene.size} {scene.labels}".encode())
        digest.update(scene.boxes.tobytes())
    return digest.hexdigest()


class PictureCache:
    """Decoded pictures in one memory-mapped file, shared by every process that reads it."""

    def __init__(self, bytes_file: Path, places: dict[str, tuple[int, int, int]]) -> None:
        self._path = bytes_file
        self._places = places
        self._bytes: NDArray[np.uint8] | None = None

    def __contains__(self, scene: Scene) -> bool:
        return scene.file in self._places

    def read(self, scene: Scene) -> Picture:
        """The scene's picture, uint8 (H, W, 3) BGR, read-only."""
        if self._bytes is None:
            self._bytes = np.memmap(self._path, np.uint8, "r")
        start, height, width = self._places[scene.file]
        return self._bytes[start : start + height * width * 3].reshape(height, width, 3)

    def __getstate__(self) -> dict[str, object]:
        """Without the mapping, which another process makes for itself."""
        return {"_path": self._path, "_places": self._places, "_bytes": None}


def decode_pictures(scenes: list[Scene], *, data: Path, cache: Path) -> PictureCache:
    """Decodes every scene's picture into ``cache``, or takes over what an earlier run decoded.

    A picture that cannot be read, or has another size than its label says, is named and left out.
    """
    name = hashlib.sha256("\n".join([str(data), *(s.file for s in scenes)]).encode()).hexdigest()
    blob, index = cache / f"{name[:16]}.bytes", cache / f"{name[:16]}.json"
    if index.exists() and blob.exists():
        return PictureCache(blob, {k: tuple(v) for k, v in json.loads(index.read_text()).items()})
    cache.mkdir(parents=True, exist_ok=True)
    places: dict[str, tuple[int, int, int]] = {}
    partial = blob.with_suffix(f".{os.getpid()}")
    with partial.open("wb") as out:
        for scene in scenes:
            picture = cv2.imread(str(data / scene.file), cv2.IMREAD_COLOR)
            if picture is None or picture.shape[:2] != scene.size[::-1]:
                _logger.warning("%s cannot be read at its labelled size: left out", scene.file)
                continue
            places[scene.file] = (out.tell(), *picture.shape[:2])
            out.write(picture.tobytes())
    partial.replace(blob)
    index.write_text(json.dumps(places))
    return PictureCache(blob, places)
