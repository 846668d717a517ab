"""One training run in one folder: recipe, data hash, metrics, curves and weights side by side."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from maskwatch.cores import available_cores
from maskwatch.errors import ConfigError
from models.face_detector import BUILTIN_WEIGHTS
from training import team
from training.detector.curves import draw_curves
from training.detector.leaks import without_held_out
from training.detector.recipe import BUILTIN_RECIPE, DetectorRecipe, read_recipe
from training.detector.scenes import Scene, data_hash, decode_pictures, read_scenes
from training.detector.train import DetectorTraining, Progress
from training.disk import make_folder
from training.gpus import gpus_present, launch, processes_for
from training.metrics_file import METRICS_NAME
from training.run_record import write_run_record
from training.tensorboard_log import TensorboardLog

_logger = logging.getLogger(__name__)

Tell = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a person says on the command line.

    Attributes:
        data: Folder with ``labels.jsonl`` and its pictures.
        folder: Where the run is kept.
        recipe: TOML; None is the built-in one.
        start: Weights to start from; the path ``builtin`` is the product's own.
        steps: In place of the recipe's.
        device: "auto", "cpu" or "cuda".
        threads: Cores for the network; None is all.
        workers: Processes that make crops, for each GPU; None is one, with GPUs one for each core
            that they share.
        gpus: GPUs to train on; None is all that are present.
    """

    data: Path
    folder: Path
    recipe: Path | None = None
    start: Path | None = None
    steps: int | None = None
    device: str = "auto"
    threads: int | None = None
    workers: int | None = None
    gpus: int | None = None


def train_in_folder(options: RunOptions, tell: Tell, *, processes: int | None = None) -> Path:
    """Trains, or goes on training, and returns the path of the best weights as ONNX.

    Args:
        options: What to train, and on what.
        tell: Called with the steps done, those in all and a line of figures.
        processes: In place of one for each GPU; on a CPU too several share out every batch.

    Raises:
        ConfigError: Recipe, data or device cannot be used.
        TrainingDivergedError: The loss, a gradient or a weight became nan or infinite.
        StorageError: The disk refused a file; the last checkpoint is kept.
        TeamError: One of several processes was killed or failed.
    """
    recipe = read_recipe(options.recipe or BUILTIN_RECIPE)
    if options.steps is not None:
        run = recipe.run.model_copy(update={"steps": options.steps})
        recipe = recipe.model_copy(update={"run": run})
    device = _device(options.device)
    if processes is None:
        present = gpus_present() if device == "cuda" else 0
        processes = processes_for(options.gpus, present=present, batch=recipe.run.batch)
    scenes = read_scenes(options.data)
    if not any(scene.split == "train" for scene in scenes):
        raise ConfigError(f"{options.data}: no scene falls into the training split; add pictures")
    make_folder(options.folder)
    cache = decode_pictures(scenes, data=options.data, cache=options.folder / "cache")
    used = without_held_out([scene for scene in scenes if scene in cache], cache)
    _write_record(options, recipe, scenes, device, left_out=len(scenes) - len(used))
    make = partial(
        DetectorTraining,
        recipe,
        used,
        cache,
        options.folder,
        start=_start(options.start, recipe),
        device=device,
        workers=_workers(options.workers, device, processes),
    )
    log = TensorboardLog(options.folder)

    def note(progress: Progress) -> None:
        log.add(progress.step, _figures(progress))
        if progress.ap50 or progress.step == progress.steps:
            draw_curves(options.folder / METRICS_NAME, options.folder / "curves.png")
        tell(progress.step, progress.steps, _line(progress))

    launch(partial(_train, make, options.threads), note, processes=processes, device=device)
    return options.folder / "best.onnx"


def _train(
    make: Callable[[], DetectorTraining], threads: int | None, tell: Callable[[Progress], None]
) -> None:
    """Trains in this process, alone or as one of several."""
    if threads is not None:
        torch.set_num_threads(threads)
    with team.first_alone():
        training = make()
    training.run(tell)


def _line(progress: Progress) -> str:
    losses = " ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
    measured = f"  AP50 {progress.mean_ap50:.4f}" if progress.ap50 else ""
    return (
        f"{progress.step}/{progress.steps}  {losses}{measured}  {progress.left_s / 60:.0f} min left"
    )


def _device(name: str) -> str:
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise ConfigError(
            "--device cuda: PyTorch sees no NVIDIA GPU; install its CUDA build, or use --device cpu"
        )
    return "cuda" if has_gpu and name != "cpu" else "cpu"


def _workers(asked: int | None, device: str, processes: int) -> int:
    """Crops cost 5 ms of a core each: one core cannot feed a GPU, which takes 1 ms for one."""
    if asked is not None:
        return asked
    return max(1, available_cores() // processes - 1) if device == "cuda" else 1


def _start(start: Path | None, recipe: DetectorRecipe) -> Path | None:
    if start is None:
        _logger.warning("no --start: training from random weights takes many times longer")
        return None
    if start == Path("builtin"):
        start = BUILTIN_WEIGHTS
    if not start.is_file():
        raise ConfigError(f"--start {start}: no such file; give YuNet's .onnx, or 'builtin'")
    return start


def _write_record(
    options: RunOptions, recipe: DetectorRecipe, scenes: list[Scene], device: str, *, left_out: int
) -> None:
    record = {
        "data_sha256": data_hash(scenes),
        "sources": sorted({scene.source for scene in scenes if scene.split == "train"}),
        "left_out": left_out,
        "start": str(options.start) if options.start else None,
        "device": device,
        "torch": version("torch"),
    }
    write_run_record(options.folder, recipe, record)


def _figures(progress: Progress) -> dict[str, float]:
    return {f"loss/{name}": value for name, value in progress.losses.items()} | {
        f"ap50/{source}": value for source, value in progress.ap50.items()
    }
