"""Timing networks alone: milliseconds by runtime and batch size."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from maskwatch.commands.bench.run import machine, write_json
from maskwatch.commands.bench.table import wide_console
from maskwatch.config import WorkerSettings, load_settings
from maskwatch.cores import available_cores
from maskwatch.errors import ModelError
from models.card import read_card
from models.registry import card_paths, load_classifier, load_detector
from models.runtimes import Device
from models.runtimes.onnx import OnnxRuntime

DETECTOR: Final = "face detector 640x384"
DETECTOR_BATCHES: Final[dict[Device, tuple[int, ...]]] = {"cpu": (1, 4, 8), "gpu": (1, 4, 8, 32)}
CLASSIFIER_BATCHES: Final[dict[Device, tuple[int, ...]]] = {
    "cpu": (1, 8, 32),
    "gpu": (1, 8, 32, 128),
}
PICTURE: Final = (384, 640, 3)
_YUNET_RUNTIME: Final = "opencv (cpu)"
_MEASURED_S: Final = 1.5
_LEAST_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one network for one batch size.

    Attributes:
        network: What it is.
        runtime: Engine that ran it.
        batch: Pictures or crops at once.
        batch_ms: Median of a batch.
        each_ms: The same for one picture or crop.
        each_second: How many of them in a second.
        p95_ms: 95 % of the batches took no longer.
    """

    network: str
    runtime: str
    batch: int
    batch_ms: float
    each_ms: float
    each_second: float
    p95_ms: float


def run_models(
    *,
    threads: int | None,
    device: Device | None,
    yunet: Path | None,
    others: tuple[Path, ...],
    json_path: Path | None,
    config: Path | None,
) -> None:
    """Time the configured networks and those given; print and write the figures.

    Raises:
        ModelError: A network cannot be loaded or run.
    """
    cores = threads or available_cores()
    configured = load_settings(config).workers
    changes = {"threads": cores, "device": device or configured.device}
    settings = configured.model_copy(update=changes)
    not_timed: list[str] = []
    timings = list(_configured(settings, not_timed))
    if yunet is not None:
        named = settings.model_copy(update={"detector": f"yunet:{yunet}"})
        timings += list(_detector(named, "YuNet with decoding", _YUNET_RUNTIME))
    for path in others:
        timings += list(_other(path, cores))
    timings += _on_keras(settings, not_timed)
    if not timings:
        raise ModelError("nothing could be timed: " + "; ".join(not_timed))
    _print(timings, not_timed, title=_title(settings))
    fields = Timing.__slots__
    write_json(
        {
            "machine": machine(),
            "threads": cores,
            "device": settings.device,
            "timings": [{name: getattr(one, name) for name in fields} for one in timings],
            "not_timed": not_timed,
        },
        json_path,
    )


def _title(settings: WorkerSettings) -> str:
    cores = f"{settings.threads} cores"
    return f"Networks alone on {'a GPU and ' if settings.device == 'gpu' else ''}{cores}"


def _print(timings: Sequence[Timing], not_timed: Sequence[str], *, title: str) -> None:
    table = Table(title=title)
    for head in (
        "network",
        "runtime",
        "batch",
        "ms a batch",
        "ms each",
        "a second",
        "p95 ms a batch",
    ):
        table.add_column(head, justify="left" if head in ("network", "runtime") else "right")
    for timing in timings:
        table.add_row(
            timing.network,
            timing.runtime,
            str(timing.batch),
            f"{timing.batch_ms:.2f}",
            f"{timing.each_ms:.2f}",
            f"{timing.each_second:.0f}",
            f"{timing.p95_ms:.2f}",
        )
    console = wide_console()
    console.print(table)
    for line in not_timed:
        console.print(f"Not timed: {line}", markup=False, highlight=False, soft_wrap=True)


def _configured(settings: WorkerSettings, not_timed: list[str]) -> Iterator[Timing]:
    """The configured networks; one whose engine has no such GPU is added to `not_timed`."""
    cards = card_paths(settings)
    if "detector" not in cards:
        yield from _detector(settings, DETECTOR, _YUNET_RUNTIME)
    for name, card_path in cards.items():
        engine = read_card(card_path).engine
        try:
            yield from _network(name, settings, engine)
        except ModelError as error:
            if settings.device == "cpu":
                raise
            not_timed.append(f"{engine}, {name}: {error}")


def _on_keras(settings: WorkerSettings, not_timed: list[str]) -> Iterator[Timing]:
    """The configured networks on Keras; what cannot be timed is added to `not_timed`, with why."""
    from training.keras_engine import choose_backend, use_threads

    choose_backend()
    try:
        engine = use_threads(settings.threads)
        from training.keras_files import to_keras
    except ModuleNotFoundError as error:
        not_timed.append(
            f"Keras: it needs {error.name!r}, which is not installed; "
            "pip install 'maskwatch[train]' (in a checkout: pip install -e '.[train]')"
        )
        return
    with TemporaryDirectory() as folder:
        for name, card_path in card_paths(settings).items():
            if read_card(card_path).engine == "keras":
                continue  # timed already, as configured
            try:
                twin = str(to_keras(card_path, Path(folder)))
                twins = settings.model_copy(update={name: twin})
                yield from _network(name, twins, f"keras on {engine}")
            except ModelError as error:
                not_timed.append(f"Keras, {name}: {error}")


def _network(name: str, settings: WorkerSettings, engine: str) -> Iterator[Timing]:
    """The configured ``detector`` or ``classifier``."""
    runtime = f"{engine} ({settings.device})"
    if name == "detector":
        return _detector(settings, DETECTOR, runtime)
    return _classifier(settings, runtime)


def _classifier(settings: WorkerSettings, runtime: str) -> Iterator[Timing]:
    classifier = load_classifier(settings)
    side = classifier.card.input.size_px
    rng = np.random.default_rng(1)
    for batch in CLASSIFIER_BATCHES[settings.device]:
        crops = rng.integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
        yield _timing(
            f"mask classifier {side} px", runtime, batch, partial(classifier.probabilities, crops)
        )


def _detector(settings: WorkerSettings, name: str, runtime: str) -> Iterator[Timing]:
    detector = load_detector(settings)
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
    picture = np.asarray(cv2.resize(coarse, (PICTURE[1], PICTURE[0])), np.uint8)
    for batch in DETECTOR_BATCHES[settings.device]:
        pictures = [picture] * batch
        yield _timing(
            name,
            runtime,
            batch,
            partial(detector.detect, pictures, long_side=PICTURE[1]),
        )


def _other(path: Path, cores: int) -> Iterator[Timing]:
    """Any ONNX file of one input of four sides, fed with noise; free sides are a camera's."""
    runtime = OnnxRuntime(path, threads=cores)
    if len(runtime.input_shape) != 4:
        raise ModelError(f"network {path}: takes {runtime.input_shape}; four sides are needed")
    usual = (1, *PICTURE) if runtime.input_shape[3] == 3 else (1, 3, *PICTURE[:2])
    shape = tuple(
        side if isinstance(side, int) and side > 0 else free
        for side, free in zip(runtime.input_shape, usual, strict=True)
    )
    noise = np.random.default_rng(3).random(shape)
    highest = 255 if runtime.input_type is np.uint8 else 1
    batch: NDArray[Any] = (noise * highest).astype(runtime.input_type)
    yield _timing(f"{path.stem} {shape}", "onnx (cpu)", shape[0], lambda: runtime.run(batch))


def _timing(network: str, runtime: str, batch: int, run: Callable[[], object]) -> Timing:
    for _ in range(2):
        run()
    taken: list[float] = []
    begun = time.perf_counter()
    while len(taken) < _LEAST_ROUNDS or time.perf_counter() - begun < _MEASURED_S:
        before = time.perf_counter()
        run()
        taken.append((time.perf_counter() - before) * 1000)
    median, high = (float(value) for value in np.percentile(taken, (50, 95)))
    return Timing(
        network=network,
        runtime=runtime,
        batch=batch,
        batch_ms=round(median, 3),
        each_ms=round(median / batch, 3),
        each_second=round(1000 * batch / median, 1),
        p95_ms=round(high, 3),
    )
