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

NAME = "maskwatch face detector"
TRAINED_ON = (
    "start: YuNet-n 2023 (libfacedetection.train, Apache-2.0), trained on WIDER FACE",
    "chin: CHINbunhyou/FaceMask-Dataset, pictures of WIDER FACE and MAFA, for research",
    "jolignier: jolignier/face-mask-dataset-ilc-2021, web pictures, for research",
    "adityap27: adityap27/face-mask-detector, MIT",
)
NOTES = (
    "No picture of the training data is in this project; the weights alone are.",
    "Groups of people (age, skin, gender) are not labelled: the error by group is not measured.",
    "Faces below 8 px at 640 wide are neither taught nor measured; in jolignier below 24 px.",
    "On the validation split 0.6 keeps 82 % of faces at 83 % precision, 0.7 keeps 79 % at 90 %; "
    "real faces that lack a label count as wrong there.",
    "Close texture without any person (gravel, fur) can score up to 0.8.",
)


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
    """
    record = _json(run / "run.json") if run else {}
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
        trained_on=TRAINED_ON,
        data_sha256=str(record.get("data_sha256", "")),
        metrics=metrics,
        notes=(*NOTES, *notes),
    )
    path = weights.with_suffix(".json")
    path.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return path


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
