"""The index of a folder of labelled pictures: ``labels.jsonl``, one object a picture.

``{"file", "source", "group", "width", "height", "boxes": [[x1, y1, x2, y2, label], …], "split"?}``:
boxes in pixels, labels `mask`, `no_mask` or `incorrect`. Pictures of one source and group look
alike and stay on one side of every split.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwatch.contracts import CLASSES
from maskwatch.errors import MediaError
from maskwatch.geometry import Box
from training.datasets.split import SPLITS, Split, split_of
from training.disk import make_folder, write_text_whole

INDEX_NAME = "labels.jsonl"


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """One face: where, and a name of `CLASSES`."""

    box: Box
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPicture:
    """One line of the index.

    Attributes:
        file: Path below the index's folder.
        source: Collection it came from.
        group: Near-duplicates of one source share it.
        width: Pixels.
        height: Pixels.
        boxes: Its faces, inside the picture.
        chosen_split: As written in the index; None leaves it to `split_of`.
    """

    file: str
    source: str
    group: str
    width: int
    height: int
    boxes: tuple[LabelledBox, ...]
    chosen_split: Split | None = None

    @property
    def split(self) -> Split:
        """Where the picture belongs."""
        return self.chosen_split or split_of(self.source, self.group)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was skipped: which file or line, and why."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def log_skipped(logger: logging.Logger, problems: Sequence[Problem]) -> None:
    """Names each problem as a warning, and then their number."""
    for problem in problems:
        logger.warning("skipped: %s", problem)
    if problems:
        logger.warning("%d skipped in all", len(problems))


def read_index(folder: Path) -> tuple[list[LabelledPicture], list[Problem]]:
    """Returns the pictures of a folder's index, and what had to be skipped.

    Raises:
        MediaError: There is no index, or nothing in it can be used.
    """
    path = folder / INDEX_NAME
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise MediaError(f"{path}: {reason}; make it with `maskwatch data import`") from error
    pictures: list[LabelledPicture] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            picture, skipped = parse_picture(json.loads(line), where)
        except (KeyError, TypeError, ValueError) as error:
            problems.append(Problem(where, f"not a labelled picture ({error!r})"))
            continue
        pictures.append(picture)
        problems.extend(skipped)
    if not pictures:
        raise MediaError(f"{path}: no usable line among {len(lines)}")
    return pictures, problems


def parse_picture(row: Any, where: str) -> tuple[LabelledPicture, list[Problem]]:
    """Returns one picture of the index and its boxes that were skipped.

    Raises:
        KeyError, TypeError, ValueError: The row is no such object.
    """
    width, height = int(row["width"]), int(row["height"])
    split = row.get("split")
    if width < 1 or height < 1:
        raise ValueError(f"size {width}x{height}")
    if split is not None and split not in SPLITS:
        raise ValueError(f"split {split!r}, not one of {', '.join(SPLITS)}")
    boxes, problems = [], []
    for x1, y1, x2, y2, label in row["boxes"]:
        checked = checked_box((x1, y1, x2, y2), label, width, height)
        if isinstance(checked, str):
            problems.append(Problem(where, checked))
        else:
            boxes.append(checked)
    picture = LabelledPicture(
        file=str(row["file"]),
        source=str(row["source"]),
        group=str(row.get("group", row["file"])),
        width=width,
        height=height,
        boxes=tuple(boxes),
        chosen_split=split,
    )
    return picture, problems


def checked_box(corners: Sequence[float], label: str, width: int, height: int) -> LabelledBox | str:
    """Returns the box, cut to its picture, or in words what is wrong with it.

    Args:
        corners: x1, y1, x2, y2 in pixels.
        label: Should be a name of `CLASSES`.
        width: Of the picture.
        height: Of the picture.
    """
    numbers = [float(value) for value in corners]
    shown = ", ".join(f"{value:g}" for value in numbers)
    if label not in CLASSES:
        return f"unknown label {label!r}; use {', '.join(CLASSES)} or map it with --label"
    if not all(math.isfinite(value) for value in numbers):
        return f"box {shown} is not of numbers"
    box = Box(*numbers)
    if box.x2 <= box.x1 or box.y2 <= box.y1:
        return f"box {shown} is inverted or empty"
    inside = box.clipped(width, height)
    if inside.area <= 0:
        return f"box {shown} lies outside the picture of {width}x{height}"
    return LabelledBox(inside, label)


def write_index(folder: Path, pictures: Iterable[LabelledPicture]) -> None:
    """Writes the index of a folder, whole or not at all.

    Raises:
        StorageError: The disk refused.
    """
    make_folder(folder)
    rows = (json.dumps(_row(picture)) + "\n" for picture in pictures)
    write_text_whole(folder / INDEX_NAME, "".join(rows))


def _row(picture: LabelledPicture) -> dict[str, Any]:
    row: dict[str, Any] = {
        "file": picture.file,
        "source": picture.source,
        "group": picture.group,
        "width": picture.width,
        "height": picture.height,
        "boxes": [
            [*(round(value, 1) for value in face.box.as_list()), face.label]
            for face in picture.boxes
        ],
    }
    if picture.chosen_split is not None:
        row["split"] = picture.chosen_split
    return row
