"""Detectors beside each other: same pictures, same rules, and the rules of the shared scorer."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

pytest.importorskip("matplotlib", reason="needs the extra [train]")

from maskwatch.contracts import Verdict  # after the check for the extra
from maskwatch.errors import ConfigError, StorageError
from maskwatch.geometry import Box
from models.mask_classifier import Reading
from tests.support.full_disk import refuse
from training.detector.scenes import labelled_picture, read_scenes
from training.evaluate import detectors
from training.evaluate.behind import MOST_READ, ReadBehind, read_behind, see_found, table
from training.evaluate.classifier_page import without_nan
from training.evaluate.detection import FoundFaces, measure_detection
from training.evaluate.detector_cli import detector
from training.evaluate.detectors import (
    as_json,
    as_markdown,
    draw,
    finders,
    score_detectors,
)

SCORER = Path(__file__).parents[5] / "shared" / "score.py"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve pictures of two sources with a bright square for each face."""
    rng = np.random.default_rng(0)
    lines = []
    for index in range(12):
        source = ("chin", "jolignier")[index % 2]
        (tmp_path / source).mkdir(exist_ok=True)
        picture = np.zeros((200, 320, 3), np.uint8)
        boxes = []
        for column in range(3):
            x, y = (int(value) for value in rng.integers(5, 40, 2))
            width, height = (int(value) for value in rng.integers(4, 40, 2))
            x += column * 100
            picture[y : y + height, x : x + width] = 255
            boxes.append([x, y, x + width, y + height, "mask"])
        file = f"{source}/{index}.png"
        cv2.imwrite(str(tmp_path / file), picture)
        scene = {"file": file, "source": source, "group": index, "width": 320, "height": 200}
        lines.append(json.dumps(scene | {"boxes": boxes}))
    (tmp_path / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def squares(picture: NDArray[np.uint8]) -> FoundFaces:
    """Finds every square, surer of the larger."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((picture[..., 0] > 128).astype(np.uint8))
    rows = stats[1:].astype(np.float64)
    boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
    return FoundFaces(boxes, rows[:, 4] / 2000)


def nothing(picture: NDArray[np.uint8]) -> FoundFaces:
    return FoundFaces(np.zeros((0, 4)), np.zeros(0))


def guesses(picture: NDArray[np.uint8]) -> FoundFaces:
    """Finds every square a little off, and as many things that are not there."""
    real = squares(picture)
    noise = np.random.default_rng(int(picture.sum()) % 1000)
    moved = real.boxes + noise.normal(0, 3, real.boxes.shape)
    wrong = real.boxes + np.array([60, 90, 60, 90])
    scores = noise.random(2 * len(moved))
    return FoundFaces(np.concatenate([moved, wrong]), scores)


def test_each_detector_is_scored_on_the_same_pictures(data: Path) -> None:
    scores = score_detectors(read_scenes(data), data, {"good": squares, "poor": guesses})
    assert scores["good"].mean_ap50 == 1.0
    assert scores["poor"].mean_ap50 < 0.9
    assert scores["poor"].mean_ap50 < scores["poor"].mean_ap40 < 1
    assert set(scores["good"].by_source) == {"chin", "jolignier"}


def test_tables_json_and_plot_say_the_same(data: Path, tmp_path: Path) -> None:
    scenes = read_scenes(data)
    scores = score_detectors(scenes, data, {"good": squares, "poor": guesses})
    page, figures = as_markdown(scores), as_json(scores, scenes, "all")
    poor = figures["detectors"]["poor"]["mean_ap50"]
    assert f"| poor | **{poor:.3f}**" in page
    assert figures["pictures"] == 12
    assert len(figures["data_sha256"]) == 64
    draw(scores, tmp_path / "plot.png")
    assert cv2.imread(str(tmp_path / "plot.png")) is not None


class SaysMask:
    """Reads every face as a mask."""

    def read(self, pictures: object, boxes: list[list[Box]]) -> list[list[Reading]]:
        chances = {"mask": 0.8, "no_mask": 0.1, "incorrect": 0.1}
        reading = Reading(label=Verdict.MASK, probabilities=chances, quality=1)
        return [[reading for _ in of_picture] for of_picture in boxes]


def test_the_same_classifier_reads_what_each_detector_finds(data: Path) -> None:
    (data / "chin" / "0.png").write_bytes(b"no picture")
    scenes = read_scenes(data)
    scores = score_detectors(
        scenes,
        data,
        {"good": squares, "poor": guesses},
        classifier=SaysMask(),  # type: ignore[arg-type]
    )
    judged = sum(int((scene.heights_at_640 >= 24).sum()) for scene in scenes[1:])
    good, poor = scores["good"].read, scores["poor"].read
    assert good == ReadBehind(faces=judged, unreadable=0.0, mask_vs_none=1.0, mean_ap50=1.0)
    assert poor is not None
    assert poor.faces < judged
    assert poor.mean_ap50 == pytest.approx(scores["poor"].overall.ap50)
    figures = as_json(scores, scenes, "all")["detectors"]
    assert f"| good | {judged} | 0.0 % | 1.000 | 1.000 |" in table(figures)
    unread = as_json(score_detectors(scenes, data, {"good": squares}), scenes, "all")
    assert table(unread["detectors"]) == ""


def test_a_detector_that_is_never_precise_has_no_figure_of_reading(data: Path) -> None:
    scenes = [labelled_picture(scene) for scene in read_scenes(data)]
    nothing = see_found(
        np.zeros((9, 9, 3), np.uint8),
        FoundFaces(np.zeros((0, 4)), np.zeros(0)),
        SaysMask(),  # type: ignore[arg-type]
    )
    read = read_behind(scenes, [nothing] * len(scenes), threshold=1.1)
    assert (read.faces, read.mean_ap50) == (0, 0.0)
    assert "| blind | 0 | - | - | 0.000 |" in table({"blind": {"read": without_nan(asdict(read))}})


def test_of_thousands_of_finds_the_surest_are_read() -> None:
    scores = np.random.default_rng(0).random(3000)
    found = FoundFaces(np.tile([0.0, 0.0, 8.0, 8.0], (3000, 1)), scores)
    seen = see_found(np.zeros((9, 9, 3), np.uint8), found, SaysMask())  # type: ignore[arg-type]
    assert len(seen.readings) == MOST_READ
    assert [face.score for face in seen.faces] == sorted(scores, reverse=True)[:MOST_READ]


def test_a_picture_that_cannot_be_read_is_named_and_left_out(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data / "chin" / "0.png").write_bytes(b"no picture")
    scores = score_detectors(read_scenes(data), data, {"good": squares})
    assert scores["good"].overall.pictures == 11
    assert "0.png" in caplog.text


def test_the_command_writes_its_files_and_a_sheet_of_each_kind_of_error(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ["--data", str(data), "--split", "all", "--out", str(out)]
    result = CliRunner().invoke(detector, command)
    assert result.exit_code == 0, result.output
    names = {path.name for path in out.iterdir()}
    assert names == {"detector.json", "detector.md", "detector.png", "detector-missed.png"}
    assert json.loads((out / "detector.json").read_text())["split"] == "all"


@pytest.mark.parametrize("name", ["detector.json", "detector.png", "detector-missed.png"])
def test_a_full_disk_is_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(detectors, "finders", lambda *_: {detectors.OURS: nothing})
    refuse(monkeypatch, name)
    command = ["--data", str(data), "--split", "all", "--out", str(tmp_path / "out")]
    with pytest.raises(StorageError, match=rf"{name}: cannot be written \(No space left"):
        CliRunner().invoke(detector, command, catch_exceptions=False)


def test_a_folder_without_baselines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds neither"):
        finders(None, tmp_path)


@pytest.mark.skipif(not SCORER.is_file(), reason="the shared scorer is not here")
def test_the_measures_agree_with_the_shared_scorer(data: Path, tmp_path: Path) -> None:
    scenes = read_scenes(data)
    found = {}
    lines = []
    for scene in scenes:
        picture = cv2.imread(str(data / scene.file))
        assert picture is not None
        found[scene.file] = faces = guesses(np.asarray(picture, np.uint8))
        rows = [
            {"box": box.tolist(), "score": float(score), "label": "mask"}
            for box, score in zip(faces.boxes, faces.scores, strict=True)
        ]
        lines.append(json.dumps({"source": scene.file, "faces": rows}))
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, str(SCORER), str(predictions), "--labels", str(data)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs = json.loads(answer.splitlines()[-1])["per_source"]
    for source, figures in theirs.items():
        of_source = [scene for scene in scenes if scene.source == source]
        ours = measure_detection(
            [scene.truth for scene in of_source], [found[scene.file] for scene in of_source]
        )
        assert ours.ap50 == pytest.approx(figures["ap50"], abs=1e-4)
        assert ours.recall_at_threshold == pytest.approx(figures["recall_at_p90"], abs=1e-4)
        assert ours.faces == figures["faces"]
