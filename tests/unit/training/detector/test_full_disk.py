"""A detector's run on a disk that refuses one file after the other."""

from pathlib import Path

import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("torch")
pytest.importorskip("onnx")

from maskwatch.errors import StorageError  # noqa: E402  # after the check for extras
from tests.support.full_disk import refuse  # noqa: E402
from tests.unit.training.detector.made_up import made_up_data  # noqa: E402
from training.detector.run import RunOptions, train_in_folder  # noqa: E402

pytestmark = [
    pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="the detector trains on Keras's PyTorch backend"
    ),
    # Keras 3.15 reads its own variables in NumPy 1's way.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_each_file_that_the_disk_refuses_is_named_and_the_run_ends_once_there_is_room(
    tmp_path: Path,
) -> None:
    recipe = tmp_path / "recipe.toml"
    run = "[run]\nsteps = 2\nbatch = 1\nmeasure_every = 1\nsave_every = 1"
    recipe.write_text(f"[net]\npyramid = 64\n{run}\n[augment]\ncrop_px = 64\n")
    options = RunOptions(
        data=made_up_data(tmp_path / "data"),
        folder=tmp_path / "run",
        recipe=recipe,
        threads=1,
        workers=0,
    )
    names = ("recipe.json", "unlabelled.json", "best.onnx", "best.weights.h5", "metrics.jsonl",
             "curves.png", "checkpoint.pt")  # fmt: skip
    for name in names:
        with pytest.MonkeyPatch.context() as patch:
            refuse(patch, name)
            with pytest.raises(StorageError, match=f"{name}: cannot be written .*free some space"):
                train_in_folder(options, lambda step, total, note: None)
        assert not list(options.folder.rglob("partial-*"))
    train_in_folder(options, lambda step, total, note: None)
    assert (options.folder / "best.onnx").exists()
