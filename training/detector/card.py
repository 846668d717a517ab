"""The detector's model card: what it takes, what it was made from, and how well it does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from models.card import Card, InputPart
from training.disk import write_text_whole

NAME = "maskwatch face detector"
YUNET = "start: YuNet-n 2023 (libfacedetection.train, Apache-2.0), trained on WIDER FACE"
SOURCES = {
    "chin": "CHINbunhyou/FaceMask-Dataset, pictures of WIDER FACE and MAFA, for research",
    "jolignier": "jolignier/face-mask-dataset-ilc-2021, web pictures, for research",
    "adityap27": "adityap27/face-mask-detector, MIT",
}
"""Collections that are known, by their names in the index."""

NOTES = (
    "Groups of people (age, skin, gender) are not labelled: the error by group is not measured.",
    "Faces below 8 px at 640 wide are neither taught nor measured; in jolignier below 24 px.",
)
BUILTIN_NOTES = (
    "No picture of the training data is in this project; the weights alone are.",
    *NOTES,
    "On the validation split 0.6 keeps 82 % of faces at 83 % precision, 0.7 keeps 79 % at 90 %; "
    "real faces that lack a label count as wrong there.",
    "Close texture without any person (gravel, fur) can score up to 0.8.",
)
"""Of weights trained on all of `SOURCES`, as those that ship are."""


def write_card(
    weights: Path,
    *,
    min_score: float,
    run: Path | None,
    evaluation: Path | None,
    version: str,
    notes: tuple[str, ...] = (),
) -> Path:
    """Writes the card beside an exported detector and returns its path.

    Args:
        weights: ONNX of :mod:`training.detector.export`.
        min_score: Faces below it are left out unless the configuration says else.
        run: Folder of the training run; its record goes into the card.
        evaluation: ``detector.json`` of ``maskwatch evaluate detector``.
        version: Grows with each training that ships.
        notes: What else to know of this training.

    Raises:
        StorageError: The disk refused.
    """
    record = _json(run / "run.json") if run else {}
    # Runs of old did not write their sources down; they were all on these.
    sources = record.get("sources", list(SOURCES))
    is_usual = set(sources) == set(SOURCES)
    metrics: dict[str, Any] = {}
    if evaluation is not None:
        figures = _json(evaluation)
        metrics = {
            f"{figures['split']}_{name}": value for name, value in figures["detectors"].items()
        }
    card = Card(
        name=NAME,
        task="face_detector",
        engine="onnx",
        file=weights.name,
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        version=version,
        input=InputPart(size_px=0, layout="nhwc", dtype="uint8", colour="bgr"),
        min_score=min_score,
        parameters=_parameters(weights),
        trained_on=(*_start(record, is_usual=is_usual), *map(_source, sources)),
        data_sha256=str(record.get("data_sha256", "")),
        metrics=metrics,
        notes=(*(BUILTIN_NOTES if is_usual else NOTES), *notes),
    )
    path = weights.with_suffix(".json")
    write_text_whole(path, card.model_dump_json(indent=1) + "\n")
    return path


def _start(record: dict[str, Any], *, is_usual: bool) -> tuple[str, ...]:
    start = record.get("start")
    if start == "builtin":
        return ("start: maskwatch's own face detector, with its card's sources",)
    if (start is None and is_usual) or (start and "yunet" in Path(start).name):
        return (YUNET,)
    return (f"start: {Path(start).name}",) if start else ()


def _source(name: str) -> str:
    return f"{name}: {SOURCES[name]}" if name in SOURCES else name


def _parameters(weights: Path) -> int:
    tensors = onnx.load(str(weights)).graph.initializer
    return sum(
        int(np.prod(tensor.dims))
        for tensor in tensors
        if tensor.name.endswith(("_kernel", "_bias"))
        and numpy_helper.to_array(tensor).dtype == np.float32
    )


def _json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value
