"""Labelled scenes: the index, and the pictures decoded once into one file."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.geometry import Box, boxes_to_array
from training.datasets.fingerprints import keep_fingerprints, refuse_changed
from training.datasets.index import LabelledBox, LabelledPicture, Problem, log_skipped, read_index
from training.datasets.split import Split, split_of
from training.disk import make_folder, write_text_whole, written_whole
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
        chosen_split: As written in the index; None leaves it to `split_of`.
        unlabelled: Where another detector sees a face and no label is, (U, 4): not judged.
    """

    file: str
    source: str
    group: str
    size: tuple[int, int]
    boxes: Boxes
    labels: tuple[str, ...]
    chosen_split: Split | None = None
    unlabelled: Boxes = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    @property
    def split(self) -> Split:
        """The split that the index names, else the one that the scene's group belongs to."""
        return self.chosen_split or split_of(self.source, self.group)

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


def labelled_picture(scene: Scene) -> LabelledPicture:
    """Returns the scene as the index has it."""
    return LabelledPicture(
        file=scene.file,
        source=scene.source,
        group=scene.group,
        width=scene.size[0],
        height=scene.size[1],
        boxes=tuple(
            LabelledBox(Box(*box.tolist()), label)
            for box, label in zip(scene.boxes, scene.labels, strict=True)
        ),
        chosen_split=scene.chosen_split,
    )


def read_scenes(folder: Path) -> list[Scene]:
    """Returns the scenes of ``labels.jsonl``; a bad line or box is named in the log and left out.

    Raises:
        MediaError: There is no such file, or nothing in it can be used.
    """
    pictures, problems = read_index(folder)
    log_skipped(_logger, problems)
    return [_scene(picture) for picture in pictures]


def _scene(picture: LabelledPicture) -> Scene:
    return Scene(
        file=picture.file,
        source=picture.source,
        group=picture.group,
        size=(picture.width, picture.height),
        boxes=boxes_to_array([face.box for face in picture.boxes]).astype(np.float32),
        labels=tuple(face.label for face in picture.boxes),
        chosen_split=picture.chosen_split,
    )


def data_hash(scenes: list[Scene]) -> str:
    """A hash of which scenes these are, what their labels say and how the index splits them."""
    digest = hashlib.sha256()
    for scene in sorted(scenes, key=lambda scene: scene.file):
        digest.update(f"{scene.file} {scene.group} {scene.size} {scene.labels}".encode())
        digest.update(scene.boxes.tobytes())
        if scene.chosen_split is not None:
            digest.update(scene.chosen_split.encode())
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

    Args:
        scenes: Of the index.
        data: Folder of their pictures.
        cache: Folder in that of a run.

    Raises:
        ConfigError: A picture has changed since an earlier run decoded it.
        StorageError: The disk refused; nothing of the decoded pictures stays.
    """
    name = hashlib.sha256("\n".join([str(data), *(s.file for s in scenes)]).encode()).hexdigest()
    blob, index = cache / f"{name[:16]}.bytes", cache / f"{name[:16]}.json"
    pictures = {scene.file: data / scene.file for scene in scenes}
    if index.exists() and blob.exists():
        refuse_changed(cache / "pictures.json", pictures, run=cache.parent)
        return PictureCache(blob, {k: tuple(v) for k, v in json.loads(index.read_text()).items()})
    make_folder(cache)
    keep_fingerprints(cache / "pictures.json", pictures)
    places: dict[str, tuple[int, int, int]] = {}
    broken: list[Problem] = []
    with written_whole(blob) as partial, partial.open("wb") as out:
        for scene in scenes:
            picture = cv2.imread(str(data / scene.file), cv2.IMREAD_COLOR)
            if picture is None or picture.shape[:2] != scene.size[::-1]:
                why = "cannot be decoded" if picture is None else "is not of its labelled size"
                broken.append(Problem(scene.file, why))
                continue
            places[scene.file] = (out.tell(), *picture.shape[:2])
            out.write(picture.tobytes())
    log_skipped(_logger, broken)
    write_text_whole(index, json.dumps(places))
    return PictureCache(blob, places)
