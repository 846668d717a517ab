"""One refiner's run in one folder: recipe, data hash, candidates, metrics, weights and card."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from maskwatch.errors import ConfigError
from models.face_detector import FaceDetector
from models.mask_classifier import BUILTIN_CARD
from training.detector.leaks import without_held_out
from training.detector.scenes import Scene, data_hash, decode_pictures, read_scenes
from training.refiner.batches import CutMaker
from training.refiner.candidates import look_at_scenes, sort_candidates
from training.refiner.curves import draw_curve
from training.refiner.finish import WEIGHTS_NAME, finish
from training.refiner.recipe import BUILTIN_RECIPE, RefinerRecipe, read_recipe
from training.refiner.train import Progress, RefinerTraining
from training.tensorboard_log import TensorboardLog

BUILTIN = "builtin"

Tell = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a person says on the command line.

    Attributes:
        data: Folder with ``labels.jsonl`` and its pictures.
        folder: Where the run is kept.
        recipe: TOML; None is the built-in one.
        start: An exported mask classifier; the path ``builtin`` is the product's own.
        detector: An exported detector; None is the product's own.
        steps: In place of the recipe's.
    """

    data: Path
    folder: Path
    recipe: Path | None = None
    start: Path | None = None
    detector: Path | None = None
    steps: int | None = None


def train_in_folder(options: RunOptions, tell: Tell) -> Path:
    """Trains, or goes on training, and returns the path of the finished refiner's card.

    Raises:
        ConfigError: Recipe or data cannot be used.
        TrainingDivergedError: The loss became nan or infinite.
        CheckpointError: The disk refused a checkpoint.
    """
    recipe = read_recipe(options.recipe or BUILTIN_RECIPE)
    if options.steps is not None:
        run = recipe.run.model_copy(update={"steps": options.steps})
        recipe = recipe.model_copy(update={"run": run})
    start = _start(options.start)
    scenes = read_scenes(options.data)
    options.folder.mkdir(parents=True, exist_ok=True)
    cache = decode_pictures(scenes, data=options.data, cache=options.folder / "cache")
    usable = [scene for scene in scenes if scene in cache]
    training = _split(without_held_out(usable, cache), "train")
    if not training:
        raise ConfigError(f"{options.data}: no scene falls into the training split; add pictures")
    left_out = len(_split(usable, "train")) - len(training)
    sha256 = data_hash(scenes)
    _write_record(options, recipe, sha256, left_out=left_out)
    detector = FaceDetector.load(options.detector)
    found = look_at_scenes(
        training, cache, detector, options.folder / "candidates.npz",
        tell=lambda done: tell(done, len(training), f"looking at scene {done}"),
    )  # fmt: skip
    cuts = CutMaker(training, cache, sort_candidates(training, found, recipe.shares), recipe)
    runner = RefinerTraining(recipe, cuts, options.folder, start=start)
    log = TensorboardLog(options.folder)

    def note(progress: Progress) -> None:
        log.add(progress.step, {"loss": progress.loss})
        tell(progress.step, progress.steps, _line(progress))

    runner.run(note)
    draw_curve(options.folder / "metrics.jsonl", options.folder / "curves.png")
    validation = _split(usable, "val")
    finish(
        runner.plain(), validation, cache, options.folder,
        span=recipe.net.span, data_sha256=sha256, detector=detector,
        notes=[f"{left_out} training scenes left out as near-duplicates of held-out ones"],
        tell=lambda done: tell(done, len(validation), f"validation scene {done}"),
    )  # fmt: skip
    return options.folder / Path(WEIGHTS_NAME).with_suffix(".json").name


def _split(scenes: list[Scene], split: str) -> list[Scene]:
    return [scene for scene in scenes if scene.split == split]


def _line(progress: Progress) -> str:
    left = f"{progress.left_s / 60:.0f} min left"
    return f"{progress.step}/{progress.steps}  loss {progress.loss:.3f}  {left}"


def _start(start: Path | None) -> Path | None:
    if start is None:
        return None
    path = BUILTIN_CARD.with_suffix(".onnx") if str(start) == BUILTIN else start
    if not path.is_file():
        raise ConfigError(f"--start {start}: no such file; give a mask classifier, or 'builtin'")
    return path


def _write_record(
    options: RunOptions, recipe: RefinerRecipe, sha256: str, *, left_out: int
) -> None:
    path = options.folder / "run.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["data_sha256"] != sha256:
            raise ConfigError(
                f"{options.folder}: its run was started on other pictures or labels; "
                "give the same --data, or another --out"
            )
    (options.folder / "recipe.json").write_text(recipe.model_dump_json(indent=1), encoding="utf-8")
    record = {
        "data_sha256": sha256,
        "left_out": left_out,
        "start": str(options.start) if options.start else None,
        "detector": str(options.detector) if options.detector else BUILTIN,
        "python": platform.python_version(),
        "keras": version("keras"),
    }
    path.write_text(json.dumps(record, indent=1), encoding="utf-8")
