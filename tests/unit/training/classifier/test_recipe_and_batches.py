"""What a recipe may say, what a batch is made of, and what survives a full disk."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from maskwatch.errors import ConfigError, MediaError, StorageError
from training.classifier import checkpoint as checkpoints
from training.classifier.batches import BatchMaker
from training.classifier.checkpoint import Checkpoint, load_checkpoint
from training.classifier.crop_cache import build_cache, open_cache, scene_crops
from training.classifier.leaks import rows_like_held_out
from training.classifier.recipe import BUILTIN_RECIPE, read_recipe


def test_the_builtin_recipe_reads() -> None:
    recipe = read_recipe(BUILTIN_RECIPE)
    of_class = {name: sum(sources.values()) for name, sources in recipe.shares.items()}
    assert set(of_class) == set(CLASSES)
    # No class is so rare in a batch that it is forgotten, though few wear a mask wrongly.
    assert min(of_class.values()) / sum(of_class.values()) > 0.15
    assert recipe.shares["incorrect"]["drawn"] < recipe.shares["incorrect"]["faces"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[run]\nsteps = 0\n[shares.mask]\nfaces = 1", "run.steps"),
        ("[run]\nstep = 3\n[shares.mask]\nfaces = 1", "run.step"),
        ("[shares.hat]\nfaces = 1", "shares.hat: no such class"),
        ("[shares.mask]\nfaces = -1", "every share"),
        ("[run", "not TOML"),
        ("[run]\nseed = 1", "shares"),
    ],
)
def test_a_mistake_in_a_recipe_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(ConfigError, match=why):
        read_recipe(tmp_path / "recipe.toml")


def test_a_batch_repeats_itself_and_keeps_to_the_shares(
    scenes: Path, recipe: Path, tmp_path: Path
) -> None:
    cache = build_cache(tmp_path / "crops", [scene_crops(scenes, None)])
    maker = BatchMaker(cache, read_recipe(recipe))
    batch, again, other = maker.batch(3), maker.batch(3), maker.batch(4)
    np.testing.assert_array_equal(batch.pictures, again.pictures)
    assert not np.array_equal(batch.pictures, other.pictures)
    assert batch.pictures.shape == (16, 32, 32, 3)
    for row, label in zip(batch.rows, batch.labels, strict=True):
        assert cache.crops[row].label == CLASSES[label]
        assert cache.crops[row].split == "train"


def test_a_printed_share_takes_real_masks_and_changes_their_cloth(
    scenes: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = build_cache(tmp_path / "crops", [scene_crops(scenes, None)])
    shares = {"mask": {"printed": 0.5}, "no_mask": {"faces": 0.5}}
    printed: list[int] = []

    def noted(
        picture: NDArray[np.uint8], face_px: float, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        assert face_px == 72
        printed.append(1)
        return picture

    monkeypatch.setattr("training.classifier.batches.reprinted", noted)
    batch = BatchMaker(cache, read_recipe(recipe).model_copy(update={"shares": shares})).batch(0)
    masked = [row for row, label in zip(batch.rows, batch.labels, strict=True) if label == 0]
    assert 0 < len(masked) == len(printed)
    assert {cache.crops[row].label for row in masked} == {"mask"}


def test_rows_left_out_are_never_drawn(scenes: Path, recipe: Path, tmp_path: Path) -> None:
    cache = build_cache(tmp_path / "crops", [scene_crops(scenes, None)])
    training = [row for row, crop in enumerate(cache.crops) if crop.split == "train"]
    maker = BatchMaker(cache, read_recipe(recipe), left_out=training[:40])
    drawn = {int(row) for step in range(20) for row in maker.batch(step).rows}
    assert drawn
    assert not drawn & set(training[:40])


def test_a_copy_of_a_held_out_face_is_found_whatever_its_collection_says(
    scenes: Path, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in (scenes / "labels.jsonl").read_text().splitlines()]
    lines[0]["split"], lines[3]["split"] = "train", "test"
    lines[3]["file"] = lines[0]["file"]
    (scenes / "labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    cache = build_cache(tmp_path / "crops", [scene_crops(scenes, None)])
    assert 0 in rows_like_held_out(cache)


def test_a_bad_line_or_box_of_the_index_is_left_out_and_told(
    scenes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = json.loads((scenes / "labels.jsonl").read_text().splitlines()[0])
    bad = good | {"boxes": [[50, 50, 10, 90, "mask"], [*good["boxes"][0][:4], "hat"]]}
    gone = good | {"file": "gone.png"}
    rows = [json.dumps(good), "{broken", json.dumps(bad), json.dumps(gone)]
    (scenes / "labels.jsonl").write_text("\n".join(rows))
    cache = build_cache(tmp_path / "crops", [scene_crops(scenes, None)])
    assert len(cache.crops) == 1
    for told in ("line 2", "inverted or empty", "unknown label 'hat'", "gone.png"):
        assert told in caplog.text


def test_a_cache_cut_short_says_how_to_go_on(scenes: Path, tmp_path: Path) -> None:
    build_cache(tmp_path / "crops", [scene_crops(scenes, None)])
    pixels = tmp_path / "crops" / "pixels.npy"
    pixels.write_bytes(pixels.read_bytes()[:1000])
    with pytest.raises(MediaError, match="delete it to cut anew"):
        open_cache(tmp_path / "crops")


def test_the_old_checkpoint_survives_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.npz"
    old = Checkpoint(4, [np.ones(3)], [np.ones(3)], [np.zeros(1)])
    checkpoints.save_checkpoint(path, old)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints.np, "savez", full)
    with pytest.raises(StorageError, match="No space left on device"):
        checkpoints.save_checkpoint(path, Checkpoint(5, [], [], []))
    assert load_checkpoint(path).step == 4
    assert [item.name for item in tmp_path.iterdir()] == ["checkpoint.npz"]
