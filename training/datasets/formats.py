"""Readers of the usual label formats: folders of classes, Pascal VOC, YOLO and COCO.

Each yields what it finds as `Found` and what it cannot use as `Problem`; nothing is dropped in
silence.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import cv2

from maskwatch.contracts import CLASSES
from maskwatch.errors import MediaError
from training.datasets.index import LabelledBox, Problem, checked_box

PICTURE_SUFFIXES = (".webp", ".jpg", ".jpeg", ".png", ".bmp")

USUAL_LABELS: Mapping[str, str] = {
    "withmask": "mask",
    "with_mask": "mask",
    "face_mask": "mask",
    "withoutmask": "no_mask",
    "without_mask": "no_mask",
    "nomask": "no_mask",
    "face": "no_mask",
    "mask_weared_incorrect": "incorrect",
    "incorrect_mask": "incorrect",
} | {name: name for name in CLASSES}
"""Label names of public sets, in lower case, to ours."""


@dataclass(frozen=True, slots=True)
class Found:
    """A picture that can be decoded, with its faces.

    Attributes:
        path: Where it lies.
        key: Path below the import's folder, which names the copy.
        width: Pixels.
        height: Pixels.
        boxes: Faces inside it.
    """

    path: Path
    key: str
    width: int
    height: int
    boxes: tuple[LabelledBox, ...]


Reader = Callable[[Path, Mapping[str, str]], Iterator[Found | Problem]]
_Row = tuple[Sequence[float], str]


def read_folders(folder: Path, labels: Mapping[str, str]) -> Iterator[Found | Problem]:
    """Reads folders named after classes, at any depth; each picture is one face.

    Raises:
        MediaError: A folder of a class is empty.
    """
    for class_folder in sorted(path for path in folder.rglob("*") if path.is_dir()):
        paths = _pictures(class_folder, deep=False)
        label = labels.get(class_folder.name.lower())
        if label is None:
            for path in paths:
                yield Problem(
                    str(path), f"unknown label {class_folder.name!r}; map it with --label"
                )
            continue
        if not paths:
            raise MediaError(f"{class_folder}: no picture of class {label}; fill it or remove it")
        for path in paths:
            size = _size(path)
            if size is None:
                yield Problem(str(path), "cannot be decoded")
                continue
            yield from _found(folder, path, size, [((0, 0, *size), label)])


def read_voc(folder: Path, labels: Mapping[str, str]) -> Iterator[Found | Problem]:
    """Reads Pascal VOC: one ``.xml`` a picture, anywhere below the folder."""
    by_name = {path.name: path for path in _pictures(folder)}
    by_stem = {path.stem: path for path in by_name.values()}
    for xml in sorted(folder.rglob("*.xml")):
        try:
            # The user's own label files; Python's expat refuses entities that swell.
            root = ElementTree.parse(xml).getroot()  # noqa: S314
            name = (root.findtext("filename") or "").strip()
            rows = [_voc_row(item) for item in root.iter("object")]
        except (ElementTree.ParseError, ValueError) as error:
            yield Problem(str(xml), f"not a Pascal VOC label ({error})")
            continue
        path = by_name.get(Path(name).name) or by_stem.get(xml.stem)
        if path is None:
            yield Problem(str(xml), f"its picture {name or xml.stem!r} is not below {folder}")
            continue
        yield from _with_size(folder, path, rows, labels)


def _voc_row(item: ElementTree.Element) -> _Row:
    corners = [item.findtext(f"bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax")]
    if None in corners:
        raise ValueError("an object without bndbox")
    return [float(corner or "nan") for corner in corners], (item.findtext("name") or "").strip()


def read_yolo(folder: Path, labels: Mapping[str, str]) -> Iterator[Found | Problem]:
    """Reads YOLO: a ``.txt`` a picture, class names in ``classes.txt``, one a line.

    Raises:
        MediaError: There is no ``classes.txt``.
    """
    names_path = next(iter(sorted(folder.rglob("classes.txt"))), None)
    if names_path is None:
        raise MediaError(f"{folder}: no classes.txt; write the class names into one, one a line")
    names = names_path.read_text(encoding="utf-8").split("\n")
    texts = {path.stem: path for path in sorted(folder.rglob("*.txt")) if path != names_path}
    for path in _pictures(folder):
        text = texts.get(path.stem)
        if text is None:
            yield Problem(str(path), "has no label file")
            continue
        size = _size(path)
        if size is None:
            yield Problem(str(path), "cannot be decoded")
            continue
        rows: list[_Row] = []
        for number, line in enumerate(text.read_text(encoding="utf-8").splitlines(), 1):
            try:
                rows.append(_yolo_row(line.split(), names, size))
            except (ValueError, IndexError):
                yield Problem(f"{text} line {number}", f"not a YOLO box: {line!r}")
        yield from _found(folder, path, size, _mapped(rows, labels))


def _yolo_row(parts: Sequence[str], names: Sequence[str], size: tuple[int, int]) -> _Row:
    number = int(parts[0])
    if number < 0:
        raise ValueError
    center_x, center_y, width, height = (float(part) for part in parts[1:5])
    corners = (
        (center_x - width / 2) * size[0],
        (center_y - height / 2) * size[1],
        (center_x + width / 2) * size[0],
        (center_y + height / 2) * size[1],
    )
    return corners, names[number].strip()


def read_coco(folder: Path, labels: Mapping[str, str]) -> Iterator[Found | Problem]:
    """Reads COCO: every ``.json`` below the folder that has images, annotations and categories.

    Raises:
        MediaError: There is no such file.
    """
    by_name = {path.name: path for path in _pictures(folder)}
    is_any = False
    for path in sorted(folder.rglob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            names = {item["id"]: str(item["name"]) for item in content["categories"]}
            boxes: dict[object, list[_Row]] = defaultdict(list)
            for item in content["annotations"]:
                x, y, width, height = (float(value) for value in item["bbox"])
                name = names.get(item["category_id"], str(item["category_id"]))
                boxes[item["image_id"]].append(((x, y, x + width, y + height), name))
            images = [(item["id"], str(item["file_name"])) for item in content["images"]]
        except (ValueError, KeyError, TypeError) as error:
            yield Problem(str(path), f"not a COCO file ({error!r})")
            continue
        is_any = True
        for number, name in images:
            picture = by_name.get(Path(name).name)
            if picture is None:
                yield Problem(f"{path}: {name}", f"is not below {folder}")
            else:
                yield from _with_size(folder, picture, boxes[number], labels)
    if not is_any:
        raise MediaError(f"{folder}: no COCO file (.json with images, annotations and categories)")


READERS: Mapping[str, Reader] = {
    "folders": read_folders,
    "voc": read_voc,
    "yolo": read_yolo,
    "coco": read_coco,
}
"""Format name, as on the command line, to its reader."""


def _pictures(folder: Path, *, deep: bool = True) -> list[Path]:
    paths = folder.rglob("*") if deep else folder.iterdir()
    return sorted(path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES)


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height as OpenCV will decode it, None where it cannot."""
    picture = cv2.imread(str(path))
    return None if picture is None else (picture.shape[1], picture.shape[0])


def _with_size(
    folder: Path, path: Path, rows: Sequence[_Row], labels: Mapping[str, str]
) -> Iterator[Found | Problem]:
    size = _size(path)
    if size is None:
        yield Problem(str(path), "cannot be decoded")
        return
    yield from _found(folder, path, size, _mapped(rows, labels))


def _mapped(rows: Sequence[_Row], labels: Mapping[str, str]) -> list[_Row]:
    return [(corners, labels.get(name.lower(), name)) for corners, name in rows]


def _found(
    folder: Path, path: Path, size: tuple[int, int], rows: Sequence[_Row]
) -> Iterator[Found | Problem]:
    boxes = []
    for corners, label in rows:
        checked = checked_box(corners, label, *size)
        if isinstance(checked, str):
            yield Problem(str(path), checked)
        else:
            boxes.append(checked)
    yield Found(path, path.relative_to(folder).as_posix(), *size, tuple(boxes))
