"""`maskwatch train classifier` and `train vgg19` as typed."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("keras", reason="needs the extra [train]")

import click

from maskwatch.errors import ConfigError, MediaError, ModelError
from training.classifier.cli import classifier, progress_line
from training.classifier.train import Progress
from training.detector.cli import detector
from training.keras_engine import choose_backend
from training.vgg19.cli import vgg19

pytestmark = pytest.mark.filterwarnings("default")  # Keras's engines warn about each other


def run(command: click.Command, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def thesis_folders(folder: Path, labels: tuple[str, ...]) -> Path:
    for place, label in enumerate(labels):
        (folder / "Train" / label).mkdir(parents=True)
        picture = np.random.default_rng(place).integers(0, 255, (40, 40, 3), np.uint8)
        assert cv2.imwrite(str(folder / "Train" / label / "1.png"), picture)
    return folder


def test_data_must_be_given() -> None:
    assert run(classifier).exit_code == 2
    assert run(vgg19).exit_code == 2


def test_folders_that_are_missing_are_said_so(tmp_path: Path) -> None:
    assert run(classifier, "--data", tmp_path / "gone").exit_code == 2
    with pytest.raises(MediaError, match="no such folder"):
        run(vgg19, "--data", tmp_path / "gone", "--out", tmp_path / "run")


def test_one_class_only_is_refused_by_both(tmp_path: Path) -> None:
    data = thesis_folders(tmp_path / "set", ("WithMask",))
    with pytest.raises(ConfigError, match="two classes or more"):
        run(classifier, "--data", data, "--out", tmp_path / "run", "--split", "original")
    with pytest.raises(MediaError, match="no picture of no_mask"):
        run(vgg19, "--data", data, "--out", tmp_path / "vgg")


def test_vgg19_without_its_weights_file_is_refused(tmp_path: Path) -> None:
    data = thesis_folders(tmp_path / "set", ("WithMask", "WithoutMask"))
    for name in ("Validation", "Test"):
        for label in ("WithMask", "WithoutMask"):
            (data / name / label).mkdir(parents=True)
            picture = np.zeros((40, 40, 3), np.uint8)
            assert cv2.imwrite(str(data / name / label / "1.png"), picture)
    with pytest.raises(ModelError, match=r"--weights gone\.h5: no such file"):
        run(vgg19, "--data", data, "--out", tmp_path / "run", "--weights", "gone.h5")


def test_weights_to_fine_tune_must_exist(tmp_path: Path) -> None:
    data = thesis_folders(tmp_path / "set", ("WithMask", "WithoutMask"))
    with pytest.raises(ConfigError, match=r"--from gone\.onnx: no such file"):
        run(classifier, "--data", data, "--out", tmp_path / "run", "--from", "gone.onnx")


def test_a_backend_that_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    choose_backend()
    assert os.environ["KERAS_BACKEND"] == "jax"


def test_the_detector_is_trained_on_pytorch_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(ConfigError, match="KERAS_BACKEND=tensorflow: the detector is trained on"):
        run(detector, "--data", tmp_path)


def test_progress_names_step_loss_and_time_left() -> None:
    assert progress_line(Progress(5, 10, 0.5, 125.0, None)) == "5/10  loss 0.500  2 min left"
