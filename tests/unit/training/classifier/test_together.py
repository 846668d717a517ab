"""Two processes that share out the classifier's batches, on a CPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

keras = pytest.importorskip("keras", reason="needs the extra [train]")
torch = pytest.importorskip("torch", reason="processes train together on PyTorch")
pytest.importorskip("onnx", reason="needs the extra [train]")

from maskwatch.errors import ConfigError  # noqa: E402  # after the check for extras
from tests.support.tensorboard import logged  # noqa: E402
from training import team  # noqa: E402
from training.classifier.cli import classifier  # noqa: E402
from training.classifier.crop_cache import open_cache  # noqa: E402
from training.classifier.recipe import read_recipe  # noqa: E402
from training.classifier.run import RunOptions, train_in_folder  # noqa: E402
from training.classifier.train import ClassifierTraining, Progress  # noqa: E402
from training.gpus import launch  # noqa: E402

pytestmark = [
    pytest.mark.skipif(
        keras.backend.backend() != "torch" or torch.cuda.is_available(),
        reason="two processes on a CPU need Keras on PyTorch and no GPU",
    ),
    pytest.mark.filterwarnings("default"),  # Keras's engines warn about each other
    pytest.mark.timeout(600),  # two processes that import Keras, where other tests run too
]

WholeRun = tuple[RunOptions, list[Progress]]


class TwoKinds:
    """Trains five steps with batch normalisation as usual, and five with it frozen.

    Frozen it knows no batch, so that two processes must give the weights of one.
    """

    def __init__(self, whole: RunOptions, folder: Path) -> None:
        self.crops = whole.folder / "crops"
        recipe = read_recipe(whole.recipe or Path())
        net = recipe.net.model_copy(update={"dropout": 0.0})
        run = recipe.run.model_copy(update={"steps": 5, "doubt_at": 0, "batch": 15})
        self.recipe = recipe.model_copy(update={"net": net, "run": run})
        self.folder = folder

    def __call__(self, tell: Callable[[str, list[float]], None]) -> None:
        for kind in ("usual", "frozen"):
            out = self.folder / kind
            losses: list[float] = []
            with team.first_alone():
                training = ClassifierTraining(self.recipe, open_cache(self.crops), out)
            for layer in training.model.layers:
                if kind == "frozen" and hasattr(layer, "moving_mean"):
                    layer.trainable = False
            training.run(lambda progress, losses=losses: losses.append(progress.loss))
            np.savez(out / f"rank-{team.rank()}.npz", *training.model.get_weights())
            tell(kind, losses)


def weights(path: Path) -> list[np.ndarray]:
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


def test_two_processes_train_one_network(whole_run: WholeRun, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    losses: dict[Path, dict[str, list[float]]] = {one: {}, two: {}}
    for folder, processes in ((one, 1), (two, 2)):
        launch(
            TwoKinds(whole_run[0], folder),
            losses[folder].__setitem__,
            processes=processes,
            device="cpu",
        )
    # The loss is the whole batch's: with seeing 8 and 7 rows it differs a little, but for frozen.
    assert losses[two]["frozen"] == pytest.approx(losses[one]["frozen"], rel=1e-4)
    assert losses[two]["usual"] == pytest.approx(losses[one]["usual"], rel=0.5)
    for ours, theirs in zip(
        weights(two / "frozen" / "rank-0.npz"), weights(one / "frozen" / "rank-0.npz"), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    for kind in ("usual", "frozen"):
        first, second = (weights(two / kind / f"rank-{rank}.npz") for rank in (0, 1))
        for ours, theirs in zip(first, second, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_run_stopped_alone_goes_on_in_two_processes_to_its_card(
    whole_run: WholeRun, tmp_path: Path
) -> None:
    class StoppedError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.step == 6:  # after the checkpoint of step 4, in the first process's turn
            raise StoppedError

    options = replace(whole_run[0], folder=tmp_path / "run")
    with pytest.raises(StoppedError):
        train_in_folder(options, stop)
    (options.folder / "doubts.json").unlink()  # as if stopped before step 5 looked for them
    told: list[Progress] = []
    card = train_in_folder(options, told.append, processes=2)
    assert card.exists()
    assert [progress.step for progress in told] == [6, 12]
    assert told[-1].scores is not None
    assert (options.folder / "doubts.json").exists()
    assert set(logged(options.folder)) == set(logged(whole_run[0].folder))
    rows = (options.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["step"] for row in rows] == [6, 12]


def test_more_gpus_than_present_are_refused(scenes: Path, recipe: Path, tmp_path: Path) -> None:
    command = ["--data", str(scenes), "--recipe", str(recipe), "--out", str(tmp_path / "run")]
    with pytest.raises(ConfigError, match="--gpus 3: this training can use 0 here"):
        CliRunner().invoke(classifier, [*command, "--gpus", "3"], catch_exceptions=False)
    assert not (tmp_path / "run").exists()
