"""A training run, small but real: it learns, resumes to the same weights, and fails safely."""

import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from maskwatch.errors import ConfigError, ModelError, StorageError  # noqa: E402  # after the check for extras
from tests.support.tensorboard import logged  # noqa: E402
from tests.unit.training.detector.made_up import made_up_data  # noqa: E402
from training.detector.batches import Batch  # noqa: E402
from training.detector.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from training.detector.network import build_detector  # noqa: E402
from training.detector.recipe import BUILTIN_RECIPE, DetectorRecipe, read_recipe  # noqa: E402
from training.detector.scenes import Scene, decode_pictures, read_scenes  # noqa: E402
from training.detector.start import start_model  # noqa: E402
from training.detector.train import DetectorTraining, Progress  # noqa: E402
from training.detector.train import learning_rate as rate_at  # noqa: E402
from training.diverged import TrainingDivergedError  # noqa: E402
from training.metrics_file import append_row, read_rows  # noqa: E402

pytestmark = [
    pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="the detector trains on Keras's PyTorch backend"
    ),
    # Keras 3.15 reads its own variables in NumPy 1's way.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

RECIPE = DetectorRecipe.model_validate(
    {
        "net": {"pyramid": 64},  # as small as YuNet
        "run": {"batch": 2, "steps": 4, "measure_every": 4, "save_every": 2, "warm_up_steps": 1},
        "augment": {"crop_px": 64},
    }
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Nets this small only lose by waiting for a second core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures of bright squares, in every split."""
    return made_up_data(tmp_path_factory.mktemp("made") / "data")


def training(data: Path, folder: Path, recipe: DetectorRecipe = RECIPE) -> DetectorTraining:
    scenes: list[Scene] = read_scenes(data)
    cache = decode_pictures(scenes, data=data, cache=data / "cache")
    return DetectorTraining(recipe, scenes, cache, folder, workers=0)


def with_steps(steps: int) -> DetectorRecipe:
    return RECIPE.model_copy(update={"run": RECIPE.run.model_copy(update={"steps": steps})})


def test_a_run_that_was_killed_goes_on_to_the_same_weights(data: Path, tmp_path: Path) -> None:
    whole = training(data, tmp_path / "whole")
    whole.run(lambda progress: None)
    killed = training(data, tmp_path / "killed")

    class KilledError(Exception):
        pass

    def kill(self: DetectorTraining, batch: Batch) -> dict[str, float]:
        if batch.step == 3:
            raise KilledError
        return DetectorTraining._train_on(self, batch)

    killed._train_on = kill.__get__(killed)  # type: ignore[method-assign]
    with pytest.raises(KilledError):
        killed.run(lambda progress: None)
    metrics = tmp_path / "killed" / "metrics.jsonl"
    append_row(metrics, {"step": 3})  # told of before the kill
    resumed = training(data, tmp_path / "killed")
    assert resumed.step == 2
    assert read_rows(metrics) == []
    resumed.run(lambda progress: None)
    assert [row["step"] for row in read_rows(metrics)] == [4]
    for ours, theirs in zip(
        resumed.average.get_weights(), whole.average.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_run_leaves_metrics_weights_and_the_exported_net(data: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    training(data, tmp_path).run(told.append)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 4
    assert set(rows[-1]["ap50"]) == {"made"}
    assert told[-1].left_s == 0
    assert (tmp_path / "best.onnx").stat().st_size > 100_000
    assert (tmp_path / "best.weights.h5").exists()


def relabelled(data: Path, folder: Path, rows: list[dict[str, Any]]) -> Path:
    """A copy of a data folder under other labels."""
    shutil.copytree(data, folder, ignore=shutil.ignore_patterns("cache"))
    (folder / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


def test_a_source_without_a_face_that_counts_is_named_and_not_measured(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [json.loads(line) for line in (data / "labels.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["split"] = "val" if number < 4 else "train"
    rows[0] |= {"source": "far", "boxes": [[5, 5, 5.2, 5.3, "mask"]]}
    folder = relabelled(data, tmp_path / "data", rows)
    run = training(folder, tmp_path / "run", with_steps(1))
    told: list[Progress] = []
    run.run(told.append)
    assert set(told[-1].ap50) == {"made"}
    assert "far: no face in its validation pictures is 8 px or higher" in caplog.text
    assert "no validation picture" not in caplog.text


def test_without_any_face_to_measure_the_last_weights_are_the_best(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [json.loads(line) for line in (data / "labels.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["split"] = "val" if number < 4 else "train"
        if number < 4:
            row["boxes"] = []
    folder = relabelled(data, tmp_path / "data", rows)
    run = training(folder, tmp_path / "run", with_steps(2))
    told: list[Progress] = []
    run.run(told.append)
    assert "no validation picture has a face to measure" in caplog.text
    assert (told[-1].step, told[-1].ap50) == (2, {})
    best = build_detector(RECIPE.net.widths())
    best.load_weights(run.best_path)
    for ours, theirs in zip(best.get_weights(), run.average.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_damaged_start_is_one_clear_line(data: Path, tmp_path: Path) -> None:
    start = tmp_path / "yunet.onnx"
    start.write_bytes(b"\xff\xffnothing")
    scenes = read_scenes(data)
    cache = decode_pictures(scenes, data=data, cache=tmp_path / "cache")
    with pytest.raises(ModelError, match=r"yunet\.onnx: damaged, or no ONNX file"):
        DetectorTraining(RECIPE, scenes, cache, tmp_path / "run", start=start, workers=0)
    with pytest.raises(ModelError, match=r"yunet\.onnx: damaged, or no ONNX file"):
        start_model(RECIPE.net.widths(), start, seed=1)


def test_a_loss_that_is_no_number_stops_and_names_the_pictures(data: Path, tmp_path: Path) -> None:
    run = training(data, tmp_path, with_steps(4))
    good = training(data, tmp_path, with_steps(2))
    good.run(lambda progress: None)
    with torch.no_grad():
        next(iter(run.model.parameters())).fill_(float("nan"))
    with pytest.raises(TrainingDivergedError, match=r"step 0 \(pictures \d+\.png"):
        run.run(lambda progress: None)
    state = load_checkpoint(run.checkpoint_path)
    assert state is not None
    assert all(torch.isfinite(weights).all() for weights in state["weights"])


@pytest.mark.parametrize("spoilt", ["model", "average"])
def test_weights_that_a_step_spoils_are_neither_saved_nor_exported(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str
) -> None:
    run = training(data, tmp_path)
    real = run._train_on

    def spoil(batch: Batch) -> dict[str, float]:
        losses = real(batch)
        if batch.step == 3:
            with torch.no_grad():
                next(iter(getattr(run, spoilt).parameters())).fill_(float("inf"))
        return losses

    monkeypatch.setattr(run, "_train_on", spoil)
    with pytest.raises(TrainingDivergedError, match=r"no numbers at step 3 \(pictures \d+\.png"):
        run.run(lambda progress: None)
    state = load_checkpoint(run.checkpoint_path)
    assert state is not None
    assert state["step"] == 2
    assert not (tmp_path / "best.onnx").exists()


def test_gradients_that_are_no_numbers_stop_before_they_reach_the_weights(
    data: Path, tmp_path: Path
) -> None:
    run = training(data, tmp_path)
    next(iter(run.model.parameters())).register_hook(lambda gradient: gradient * float("nan"))
    before = run.model.get_weights()
    with pytest.raises(TrainingDivergedError, match="norm of the gradients is nan at step 0"):
        run.run(lambda progress: None)
    for ours, theirs in zip(run.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_of_weights_that_are_no_numbers_is_refused(tmp_path: Path) -> None:
    save_checkpoint({"weights": [torch.tensor([float("nan")])]}, tmp_path / "checkpoint.pt")
    with pytest.raises(StorageError, match="no numbers; remove it to start anew"):
        load_checkpoint(tmp_path / "checkpoint.pt")


def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint({"step": 1}, path)

    def full(state: dict[str, Any], out: Any) -> None:
        out.write(b"half a file")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StorageError, match="free some space"):
        save_checkpoint({"step": 2}, path)
    assert load_checkpoint(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"cut short")
    with pytest.raises(StorageError, match="remove it"):
        load_checkpoint(tmp_path / "checkpoint.pt")


def test_frozen_layers_keep_their_weights(data: Path, tmp_path: Path) -> None:
    net = RECIPE.net.model_copy(update={"frozen": ("stem", "stage1")})
    run = training(data, tmp_path, RECIPE.model_copy(update={"net": net}))
    before = {layer.name: layer.get_weights() for layer in run.model.layers}
    run.run(lambda progress: None)
    for name, same in (
        ("stem_conv", True),
        ("stage1_b_pointwise", True),
        ("head8_pointwise", False),
    ):
        after = run.model.get_layer(name).get_weights()[0]
        assert bool((after == before[name][0]).all()) is same


def test_the_rate_warms_up_and_then_falls_to_a_hundredth() -> None:
    run = RECIPE.run.model_copy(update={"steps": 100, "warm_up_steps": 10, "learning_rate": 1.0})
    recipe = RECIPE.model_copy(update={"run": run})
    assert rate_at(recipe, 0) == pytest.approx(0.1)
    assert rate_at(recipe, 10) == pytest.approx(1.0)
    assert rate_at(recipe, 100) == pytest.approx(0.01)


def test_the_built_in_recipe_is_complete() -> None:
    recipe = read_recipe(BUILTIN_RECIPE)
    assert recipe.net.pyramid > 64
    assert recipe.shares


@pytest.mark.parametrize(
    ("text", "named"),
    [("[run]\nstep = 5", "run.step"), ("[run]\nsteps = 0", "run.steps"), ("[run", "not TOML")],
)
def test_a_wrong_recipe_names_its_key(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=named):
        read_recipe(tmp_path / "recipe.toml")


def test_the_command_trains_and_refuses_other_data_in_the_same_folder(
    data: Path, tmp_path: Path
) -> None:
    from training.detector.cli import detector

    recipe = tmp_path / "recipe.toml"
    run = "[run]\nsteps = 1\nbatch = 1\nmeasure_every = 1"
    recipe.write_text(f"[net]\npyramid = 64\n{run}\n[augment]\ncrop_px = 64\n")
    command = ["--recipe", str(recipe), "--out", str(tmp_path / "run"), "--workers", "0"]
    first = CliRunner().invoke(detector, ["--data", str(data), *command])
    assert first.exit_code == 0, first.output
    made = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"loss/box", "ap50/made"} <= {tag for _, tag in logged(tmp_path / "run")}
    assert made >= {"recipe.json", "run.json", "metrics.jsonl", "curves.png", "best.onnx"}
    out = tmp_path / "detector.onnx"
    weights = str(tmp_path / "run" / "best.weights.h5")
    exported = CliRunner().invoke(detector, ["export", "--weights", weights, "--out", str(out)])
    assert exported.exit_code == 0, exported.output
    assert out.read_bytes() == (tmp_path / "run" / "best.onnx").read_bytes()
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(run | {"data_sha256": "other"}))
    with pytest.raises(ConfigError, match="other pictures"):
        CliRunner().invoke(detector, ["--data", str(data), *command], catch_exceptions=False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused(data: Path, tmp_path: Path) -> None:
    from training.detector.run import RunOptions, train_in_folder

    options = RunOptions(data=data, folder=tmp_path / "run", device="cuda")
    with pytest.raises(ConfigError, match="--device cpu"):
        train_in_folder(options, lambda step, total, note: None)


def test_without_a_gpu_one_process_makes_crops_with_one_all_cores_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from training.detector import run

    monkeypatch.setattr(run, "available_cores", lambda: 16)
    assert run._workers(None, "cpu", 1) == 1
    assert run._workers(None, "cuda", 1) == 15
    assert run._workers(None, "cuda", 4) == 3
    assert run._workers(2, "cuda", 1) == 2


def test_losses_told_are_means_since_the_last_telling(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RECIPE.run.model_copy(update={"steps": 7, "measure_every": 5})
    made = training(data, tmp_path / "run", RECIPE.model_copy(update={"run": run}))
    monkeypatch.setattr(
        made, "_train_on", lambda batch: {"face": float(batch.step), "quality": 0.0, "box": 0.0}
    )
    monkeypatch.setattr(made, "_measured", lambda: {"mall": 0.5})
    told: list[Progress] = []
    made.run(told.append)
    assert [(one.step, one.losses["face"]) for one in told] == [(5, 2.0), (7, 5.5)]
