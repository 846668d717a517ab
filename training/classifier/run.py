"""One classifier's run in one folder: recipe, data hash, metrics, curves, weights and card."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from maskwatch.errors import ConfigError
from models.mask_classifier import BUILTIN_CARD
from training import team
from training.classifier.crop_cache import (
    CropCache,
    LandmarkFinder,
    build_cache,
    folder_crops,
    open_cache,
    scene_crops,
)
from training.classifier.curves import draw_curves, draw_trade
from training.classifier.few_faces import card_of
from training.classifier.finish import WEIGHTS_NAME, finish
from training.classifier.leaks import rows_like_held_out
from training.classifier.recipe import BUILTIN_RECIPE, ClassifierRecipe, read_recipe
from training.classifier.train import ClassifierTraining, Progress
from training.datasets.fingerprints import keep_fingerprints, refuse_changed
from training.datasets.folders import is_picture
from training.datasets.index import read_index
from training.disk import make_folder, write_text_whole
from training.gpus import gpus_present, launch, processes_for, tell_of_idle_gpus
from training.metrics_file import METRICS_NAME
from training.run_record import OTHER_DATA, write_run_record
from training.tensorboard_log import TensorboardLog

logger = logging.getLogger(__name__)

BUILTIN = "builtin"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a person says on the command line.

    Attributes:
        data: Folders: scenes (with ``labels.jsonl`` and boxes) or folders of classes.
        folder: Where the run is kept.
        recipe: TOML; None is the built-in one.
        backbone: ImageNet weights to start from; None is the recipe's.
        start: Weights to fine-tune; the path ``builtin`` is the product's own.
        landmarks: YuNet's file, for drawn masks; None draws none.
        steps: In place of the recipe's.
        keeps_split: Take the folders Train, Validation and Test as the split.
        gpus: GPUs to train on; None is all that are present, on PyTorch.
    """

    data: Sequence[Path]
    folder: Path
    recipe: Path | None = None
    backbone: Path | None = None
    start: Path | None = None
    landmarks: Path | None = None
    steps: int | None = None
    keeps_split: bool = False
    gpus: int | None = None


def train_in_folder(
    options: RunOptions, tell: Callable[[Progress], None], *, processes: int | None = None
) -> Path:
    """Trains, or goes on training, and returns the path of the card of the finished classifier.

    Args:
        options: What to train, and on what.
        tell: Called with how far the run is.
        processes: In place of one for each GPU; on a CPU too several share out every batch.

    Raises:
        ConfigError: Recipe, data or number of GPUs cannot be used.
        TrainingDivergedError: The loss or a weight became nan or infinite.
        StorageError: The disk refused a file; the last checkpoint is kept.
        TeamError: One of several processes was killed or failed.
    """
    recipe = _recipe(options)
    device, found = _processes(options.gpus, recipe)
    cache = _cache(options)
    left_out = () if options.keeps_split else rows_like_held_out(cache)
    _write_record(options, recipe, cache, len(left_out))
    start = _start(options.start)
    log = TensorboardLog(options.folder)

    def note(progress: Progress) -> None:
        log.add(progress.step, _figures(progress))
        if progress.scores is not None:
            draw_curves(options.folder / METRICS_NAME, options.folder / "curves.png")
        tell(progress)

    job = partial(_train, options, recipe, tuple(left_out), start)
    launch(job, note, processes=processes or found, device=device)
    return options.folder / Path(WEIGHTS_NAME).with_suffix(".json").name


def _train(
    options: RunOptions,
    recipe: ClassifierRecipe,
    left_out: tuple[int, ...],
    start: Path | None,
    tell: Callable[[Progress], None],
) -> None:
    """Trains in this process, alone or as one of several, and finishes what came of it."""
    # Opened here, for a memory map would be sent to another process as a copy.
    cache = open_cache(options.folder / "crops")
    start_card = card_of(start) if start else None
    with team.first_alone():
        training = ClassifierTraining(
            recipe, cache, options.folder, left_out=left_out, start_from=start
        )
    notes = [*_notes(options, left_out), *_missing(training.missing_classes, start)]
    training.plain.set_weights(training.run(tell))
    if not team.leads():
        return
    finished = finish(
        training.plain,
        cache,
        options.folder,
        version=cache.data_hash()[:8],
        notes=notes,
        start=start_card,
    )
    points = [asdict(point) for point in finished.curve]
    write_text_whole(options.folder / "readability.json", json.dumps(points, indent=1))
    if finished.curve:
        chosen = finished.card.readability.min_chance
        draw_trade(finished.curve, chosen, options.folder / "readability.png")


def _processes(gpus: int | None, recipe: ClassifierRecipe) -> tuple[str, int]:
    """The device, "cuda" or "cpu", and how many processes train on one each."""
    import keras

    present = gpus_present()
    if keras.backend.backend() != "torch":
        tell_of_idle_gpus(present)
        present = min(present, 1)
    device = "cuda" if present else "cpu"
    return device, processes_for(gpus, present=present, batch=recipe.run.batch)


def _recipe(options: RunOptions) -> ClassifierRecipe:
    recipe = read_recipe(options.recipe or BUILTIN_RECIPE)
    if options.steps is not None:
        run = recipe.run.model_copy(update={"steps": options.steps})
        recipe = recipe.model_copy(update={"run": run})
    if options.backbone is not None:
        net = recipe.net.model_copy(update={"backbone": str(options.backbone)})
        recipe = recipe.model_copy(update={"net": net})
    return recipe


def _cache(options: RunOptions) -> CropCache:
    """The crops of all data folders, cut on the first start of a run.

    Raises:
        ConfigError: They were cut from other pictures or labels.
    """
    where = options.folder / "crops"
    pictures = where / "pictures.json"
    given, record = _given(options), where / "data.sha256"
    if (where / "pixels.npy").exists():
        if record.exists() and record.read_text(encoding="utf-8") != given:
            raise ConfigError(OTHER_DATA.format(options.folder))
        refuse_changed(pictures, _pictures(options), run=options.folder)
        return open_cache(where)
    finder = None
    if options.landmarks is not None:
        if not options.landmarks.is_file():
            raise ConfigError(f"--landmarks {options.landmarks}: no such file; give YuNet's .onnx")
        finder = LandmarkFinder(options.landmarks)
    sources = [
        scene_crops(folder, finder)
        if (folder / "labels.jsonl").is_file() and _has_boxes(folder)
        else folder_crops(folder, finder, keeps_split=options.keeps_split)
        for folder in options.data
    ]
    make_folder(where)
    write_text_whole(record, given)
    keep_fingerprints(pictures, _pictures(options))
    return build_cache(where, sources)


def _given(options: RunOptions) -> str:
    """A hash of what the crops are cut from, to notice that a resumed run is given other data."""
    digest = hashlib.sha256(f"{options.keeps_split} {options.landmarks is not None}".encode())
    for folder in options.data:
        digest.update(folder.name.encode())
        if (folder / "labels.jsonl").is_file():
            digest.update((folder / "labels.jsonl").read_bytes())
            continue
        for path in sorted(folder.rglob("*")):
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def _pictures(options: RunOptions) -> dict[str, Path]:
    """Every picture that crops are cut from, by the place of its folder and its name there."""
    found: dict[str, Path] = {}
    for number, folder in enumerate(options.data):
        if (folder / "labels.jsonl").is_file() and _has_boxes(folder):
            names = [picture.file for picture in read_index(folder)[0]]
        else:
            paths = [path for path in sorted(folder.rglob("*")) if is_picture(path)]
            names = [path.relative_to(folder).as_posix() for path in paths]
        found |= {f"{number}/{name}": folder / name for name in names}
    return found


def _has_boxes(folder: Path) -> bool:
    """Whether the folder's index is one of scenes; ready-made crops come with one without boxes."""
    with (folder / "labels.jsonl").open(encoding="utf-8", errors="replace") as lines:
        return any('"boxes"' in line for line in lines)


def _start(start: Path | None) -> Path | None:
    if start is None:
        return None
    path = BUILTIN_CARD.with_suffix(".onnx") if str(start) == BUILTIN else start
    if not path.is_file():
        raise ConfigError(f"--from {start}: no such file; give weights, or 'builtin'")
    return path


def _start_name(start: Path) -> str:
    if str(start) == BUILTIN:
        return "maskwatch's own mask classifier, with its card's sources"
    return start.name


def _notes(options: RunOptions, left_out: Sequence[int]) -> list[str]:
    if options.keeps_split:
        return ["split as the folders came: near-duplicates may lie on both sides"]
    return [
        f"{len(left_out)} training crops left out as near-duplicates of held-out ones",
        "Masks drawn on unmasked faces are part of the training, never of a measurement.",
        *([f"start: {options.backbone.name}, ImageNet"] if options.backbone else []),
        *([f"start: {_start_name(options.start)}"] if options.start else []),
    ]


def _missing(classes: Sequence[str], start: Path | None) -> list[str]:
    """A note on classes without a picture to train on, also logged; none where all have some."""
    if not classes:
        return []
    names = " and ".join(classes)
    outcome = "fine-tuning forgets what the start knew of it" if start else "it is never learned"
    note = (
        f"no training picture of {names}: {outcome}; "
        "add pictures of it, or train on them together with other data"
    )
    logger.warning("%s", note)
    return [note]


def _write_record(
    options: RunOptions, recipe: ClassifierRecipe, cache: CropCache, left_out: int
) -> None:
    record = {
        "data": [str(folder) for folder in options.data],
        "data_sha256": cache.data_hash(),
        "left_out": left_out,
        "start": str(options.start) if options.start else None,
    }
    write_run_record(options.folder, recipe, record)


def _figures(progress: Progress) -> dict[str, float]:
    scores = progress.scores
    if scores is None:
        return {"loss": progress.loss}
    return {
        "loss": progress.loss,
        "mask_vs_none": scores.mask_vs_none,
        "macro_f1": scores.macro_f1,
    }
