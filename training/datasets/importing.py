"""Copies labelled pictures of any format into one indexed folder, grouped by how they look."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MediaError
from training.datasets.formats import READERS, USUAL_LABELS, Found
from training.datasets.hashing import base_name, near_duplicate_groups, perceptual_hash
from training.datasets.index import (
    INDEX_NAME,
    LabelledPicture,
    Problem,
    read_index,
    write_index,
)
from training.datasets.split import split_of
from training.disk import disk_errors, make_folder


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    Attributes:
        added: Pictures added to the index.
        faces: Faces on them.
        problems: What was skipped.
    """

    added: int
    faces: int
    problems: list[Problem]


def import_pictures(
    folder: Path,
    out: Path,
    *,
    form: str,
    name: str,
    labels: Mapping[str, str] | None = None,
) -> Imported:
    """Adds the pictures of a folder to the index in `out`.

    Args:
        folder: Where they lie; not changed.
        out: Folder of the index; made if absent. Pictures are copied to ``out/name/…``.
        form: A key of `READERS`.
        name: The collection's name in the index.
        labels: More label names, any case, to ours.

    Raises:
        MediaError: The folder is missing or holds nothing usable, or the name is taken.
    """
    if not folder.is_dir():
        raise MediaError(f"{folder}: no such folder; give one with pictures")
    old = read_index(out)[0] if (out / INDEX_NAME).exists() else []
    if any(picture.source == name for picture in old):
        raise MediaError(f"{out}: has a collection {name!r} already; give another --name")
    known = dict(USUAL_LABELS) | {key.lower(): label for key, label in (labels or {}).items()}
    found: list[Found] = []
    problems: list[Problem] = []
    for item in READERS[form](folder, known):
        if isinstance(item, Found):
            found.append(item)
        else:
            problems.append(item)
    if not found:
        why = f"; first problem: {problems[0]}" if problems else ""
        raise MediaError(f"{folder}: no usable picture in the format {form!r}{why}")
    groups = near_duplicate_groups(
        np.array([_hash(item.path) for item in found], np.uint64),
        keys=[f"{Path(item.key).parent.name}/{base_name(item.key)}" for item in found],
    )
    added = []
    for item, group in zip(found, groups, strict=True):
        target = out / name / item.key
        make_folder(target.parent)
        with disk_errors(target):
            shutil.copyfile(item.path, target)
        added.append(
            LabelledPicture(
                file=f"{name}/{item.key}",
                source=name,
                group=str(group),
                width=item.width,
                height=item.height,
                boxes=item.boxes,
            )
        )
    write_index(out, [*old, *added])
    return Imported(len(added), sum(len(picture.boxes) for picture in added), problems)


def split_by_group(folder: Path, pictures: Sequence[LabelledPicture]) -> list[LabelledPicture]:
    """Returns the pictures with a split each, near-duplicates of all collections on one side.

    Groups of one collection stay together; groups that a pair of look-alikes links, also across
    collections, follow the group that comes first.

    Args:
        folder: Of the index.
        pictures: Its pictures.
    """
    hashes = picture_hashes(folder, pictures)
    keys = [f"{picture.source}/{picture.group}" for picture in pictures]
    linked = near_duplicate_groups(hashes, keys=keys)
    return [
        replace(picture, chosen_split=split_of(pictures[first].source, pictures[first].group))
        for picture, first in zip(pictures, linked, strict=True)
    ]


def picture_hashes(folder: Path, pictures: Sequence[LabelledPicture]) -> NDArray[np.uint64]:
    """Returns the perceptual hash of each picture (N,).

    Raises:
        MediaError: A picture of the index is missing or cannot be decoded.
    """
    return np.array([_hash(folder / picture.file) for picture in pictures], np.uint64)


def _hash(path: Path) -> np.uint64:
    picture = cv2.imread(str(path))
    if picture is None:
        raise MediaError(f"{path}: missing or cannot be decoded; import the collection again")
    return perceptual_hash(np.asarray(picture, np.uint8))
