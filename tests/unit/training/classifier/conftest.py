"""Made-up faces that carry their own answer: a skin-coloured oval, with or without a blue half."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from training.classifier.run import RunOptions, train_in_folder
from training.classifier.train import Progress

FACE = (30, 20, 70, 75)


def made_up_face(label: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A 100x100 BGR picture with one face at `FACE`."""
    picture = np.full((100, 100, 3), rng.integers(60, 200, 3), np.uint8)
    cv2.ellipse(picture, (50, 47), (20, 28), 0, 0, 360, (140, 170, 220), -1)
    cv2.circle(picture, (43, 40), 2, (20, 20, 20), -1)
    cv2.circle(picture, (57, 40), 2, (20, 20, 20), -1)
    top = {"mask": 46, "incorrect": 62, "no_mask": 100}[label]
    if label != "no_mask":
        cv2.rectangle(picture, (32, top), (68, 72), (220, 160, 60), -1)
    noise = rng.integers(-12, 12, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """A folder with labels.jsonl: 90 pictures of one face, thirty a class."""
    return made_up_scenes(tmp_path / "scenes")


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunOptions, list[Progress]]:
    """A run from start to end, for tests that only look at what it left and told."""
    folder = tmp_path_factory.mktemp("whole")
    told: list[Progress] = []
    options = RunOptions(
        data=[made_up_scenes(folder / "scenes")],
        folder=folder / "run",
        recipe=small_recipe(folder / "small.toml"),
    )
    train_in_folder(options, told.append)
    return options, told


def made_up_scenes(folder: Path) -> Path:
    """Writes the pictures of the fixture `scenes`."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for number in range(90):
        label = ("mask", "no_mask", "incorrect")[number % 3]
        name = f"{number}.png"
        cv2.imwrite(str(folder / name), made_up_face(label, rng))
        lines.append(
            json.dumps(
                {
                    "file": name,
                    "source": "made-up",
                    "group": number,
                    "width": 100,
                    "height": 100,
                    "boxes": [[*FACE, label]],
                }
            )
        )
    (folder / "labels.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """The smallest net and the shortest run that still learn something."""
    return small_recipe(tmp_path / "small.toml")


def small_recipe(path: Path) -> Path:
    """Writes the recipe of the fixture `recipe`."""
    path.write_text(
        """
[net]
input_px = 32
blocks = 2
[run]
batch = 16
steps = 12
warm_up_steps = 2
learning_rate = 5e-3
average = 0.5
average_every = 1
measure_every = 6
save_every = 4
doubt_at = 5
[shares.mask]
faces = 1
crops = 1
[shares.no_mask]
faces = 1
crops = 1
[shares.incorrect]
faces = 1
"""
    )
    return path
