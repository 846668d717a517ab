"""Two processes that share out the detector's batches train as one does."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch", reason="the detector trains on PyTorch")
pytest.importorskip("onnx")

from maskwatch.errors import ConfigError, StorageError  # noqa: E402  # after the check for extras
from tests.support.tensorboard import logged  # noqa: E402
from tests.unit.training.detector import test_train  # noqa: E402
from training import team  # noqa: E402
from training.detector.batches import Batch  # noqa: E402
from training.detector.checkpoint import load_checkpoint  # noqa: E402
from training.detector.run import RunOptions, train_in_folder  # noqa: E402
from training.detector.train import DetectorTraining, Progress  # noqa: E402
from training.gpus import launch  # noqa: E402

pytestmark = [
    *test_train.pytestmark,
    pytest.mark.timeout(600),  # two processes that import PyTorch, where other tests run too
]

RECIPE = """
[net]
pyramid = 64
[run]
batch = 3
steps = 4
measure_every = 4
save_every = 2
warm_up_steps = 1
[augment]
crop_px = 64
"""

data = test_train.data
one_thread = test_train.one_thread


def options(data: Path, folder: Path) -> RunOptions:
    recipe = data / "small.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    return RunOptions(data=data, folder=folder, recipe=recipe, device="cpu", workers=0, threads=1)


def losses(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["losses"] for line in lines]


def assert_same_weights(first: Path, second: Path) -> None:
    ours, theirs = (load_checkpoint(folder / "checkpoint.pt") for folder in (first, second))
    assert ours is not None
    assert theirs is not None
    assert ours["step"] == theirs["step"] == 4
    for name in ("weights", "average"):
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-5)


def fails_at_step_3(make: Callable[[], DetectorTraining], tell: Callable[[Progress], None]) -> None:
    with team.first_alone():
        run = make()

    def fail(batch: Batch) -> dict[str, float]:
        if batch.step == 3 and team.rank() == 1:
            raise StorageError("the disk is gone")
        return DetectorTraining._train_on(run, batch)

    run._train_on = fail  # type: ignore[method-assign]
    run.run(tell)


def test_two_processes_give_the_weights_of_one(data: Path, tmp_path: Path) -> None:
    told: list[int] = []
    train_in_folder(options(data, tmp_path / "one"), lambda *_: None)
    train_in_folder(
        options(data, tmp_path / "two"), lambda step, *_: told.append(step), processes=2
    )
    assert_same_weights(tmp_path / "one", tmp_path / "two")
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert [list(row) for row in one] == [list(row) for row in two]
    assert two[-1] == pytest.approx(one[-1], rel=1e-4)
    assert told == [4]
    assert sorted(logged(tmp_path / "one")) == sorted(logged(tmp_path / "two"))


def test_a_run_that_failed_in_two_processes_goes_on_alone(data: Path, tmp_path: Path) -> None:
    whole = partial(test_train.training, data)
    whole(tmp_path / "whole").run(lambda _: None)
    job = partial(fails_at_step_3, partial(whole, tmp_path / "failed"))
    with pytest.raises(StorageError, match=r"^the disk is gone$"):
        launch(job, lambda *_: None, processes=2, device="cpu")
    assert multiprocessing.active_children() == []
    resumed = whole(tmp_path / "failed")
    assert resumed.step == 2
    resumed.run(lambda _: None)
    assert_same_weights(tmp_path / "whole", tmp_path / "failed")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_more_gpus_than_present_are_refused(data: Path, tmp_path: Path) -> None:
    from training.detector.cli import detector

    command = ["--data", str(data), "--out", str(tmp_path / "run"), "--gpus", "3"]
    with pytest.raises(ConfigError, match="--gpus 3: this training can use 0 here"):
        CliRunner().invoke(detector, command, catch_exceptions=False)
    assert not (tmp_path / "run").exists()
