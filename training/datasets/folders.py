"""Folders of classes, such as the thesis's ``Train/WithMask``: which picture is on which side."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from maskwatch.errors import MediaError
from training.datasets.formats import PICTURE_SUFFIXES, USUAL_LABELS
from training.datasets.hashing import base_name, near_duplicate_groups, perceptual_hash
from training.datasets.index import Problem, log_skipped
from training.datasets.split import Split, split_of

logger = logging.getLogger(__name__)

_FOLDER_SPLITS: dict[str, Split] = {"Train": "train", "Validation": "val", "Test": "test"}


@dataclass(frozen=True, slots=True)
class FolderPicture:
    """One picture of a folder of classes.

    Attributes:
        path: Where it lies.
        label: A name of `CLASSES`.
        group: Look-alikes and augmented copies share it.
        split: Its side.
    """

    path: Path
    label: str
    group: str
    split: Split


def folder_pictures(folder: Path, *, keeps_split: bool) -> list[FolderPicture]:
    """Returns the pictures of the class folders at any depth; broken ones are logged and left out.

    Args:
        folder: For example the one that holds ``Train``, ``Validation`` and ``Test``.
        keeps_split: Take those three for the split, leaks and all, instead of splitting by group.

    Raises:
        MediaError: No picture lies in a folder named after a class, or a class folder is empty.
    """
    if not folder.is_dir():
        raise MediaError(f"{folder}: no such folder; give one that holds folders of classes")
    for class_folder in sorted(path for path in folder.rglob("*") if path.is_dir()):
        is_class = class_folder.name.lower() in USUAL_LABELS
        if is_class and not any(is_picture(path) for path in class_folder.iterdir()):
            raise MediaError(f"{class_folder}: no picture in this class; fill it or remove it")
    read: list[tuple[Path, str]] = []
    hashes: list[np.uint64] = []
    broken: list[Problem] = []
    for path in sorted(path for path in folder.rglob("*") if is_picture(path)):
        label = USUAL_LABELS.get(path.parent.name.lower())
        if label is None:
            continue
        picture = cv2.imread(str(path))
        if picture is None:
            broken.append(Problem(str(path), "cannot be decoded"))
            continue
        read.append((path, label))
        hashes.append(perceptual_hash(np.asarray(picture, np.uint8)))
    log_skipped(logger, broken)
    if not read:
        raise MediaError(
            f"{folder}: no picture in folders named WithMask, WithoutMask or {', '.join(CLASSES)}"
        )
    keys = [f"{label}/{base_name(path.name)}" for path, label in read]
    groups = near_duplicate_groups(np.array(hashes, np.uint64), keys=keys)
    return [
        FolderPicture(
            path, label, f"{label}-{group}", _split(folder, path, f"{label}-{group}", keeps_split)
        )
        for (path, label), group in zip(read, groups, strict=True)
    ]


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Returns a picture as uint8 (H, W, 3), BGR.

    Raises:
        MediaError: It is missing or cannot be decoded.
    """
    picture = cv2.imread(str(path))
    if picture is None:
        raise MediaError(f"{path}: missing or cannot be decoded")
    return np.asarray(picture, np.uint8)


def is_picture(path: Path) -> bool:
    """Says whether a file's ending is that of a picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def _split(folder: Path, path: Path, group: str, keeps_split: bool) -> Split:
    if keeps_split:
        return _FOLDER_SPLITS.get(path.parent.parent.name, "train")
    return split_of(folder.name, group)
