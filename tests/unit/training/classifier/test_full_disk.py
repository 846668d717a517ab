"""A run on a disk that refuses one file after another: one clear error each, and it still ends."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from maskwatch.errors import StorageError
from tests.support.full_disk import refuse
from tests.unit.training.classifier.runs import assert_same_weights
from training.classifier.run import RunOptions, train_in_folder
from training.classifier.train import Progress

pytestmark = pytest.mark.filterwarnings("default")  # Keras's engines warn about each other


def test_each_file_that_the_disk_refuses_is_named_and_the_run_ends_once_there_is_room(
    whole_run: tuple[RunOptions, list[Progress]], tmp_path: Path
) -> None:
    whole = whole_run[0]
    options = replace(whole, folder=tmp_path / "run")
    shutil.copytree(whole.folder / "crops", options.folder / "crops")
    names = ("run.json", "checkpoint.npz", "metrics.jsonl", "curves.png", "weights.npz",
             "mask_classifier.onnx", "mask_classifier.json", "readability.json")  # fmt: skip
    for name in names:
        with pytest.MonkeyPatch.context() as patch:
            refuse(patch, name)
            with pytest.raises(StorageError, match=f"{name}: cannot be written .*free some space"):
                train_in_folder(options, lambda _: None)
        assert not list(options.folder.rglob("partial-*"))
    train_in_folder(options, lambda _: None)
    assert_same_weights(whole.folder, options.folder)


def test_a_full_disk_while_faces_are_cut_leaves_nothing_half(
    scenes: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, array: np.ndarray) -> None:
        Path(file).write_bytes(b"half")
        raise OSError(f"{array.size} requested and 4 written")

    options = RunOptions(data=[scenes], folder=tmp_path / "run", recipe=recipe)
    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StorageError, match=r"pixels\.npy"):
        train_in_folder(options, lambda _: None)
    assert {path.name for path in (tmp_path / "run" / "crops").iterdir()} == {
        "crops.jsonl",
        "data.sha256",
        "pictures.json",
    }
