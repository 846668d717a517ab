"""Making several films at once, one process for each core."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any, Final

from maskwatch.cores import available_cores
from maskwatch.errors import MaskwatchError
from maskwatch.simulator.film import QUICK, Encoding, Film, make_film
from maskwatch.simulator.portraits import load_portraits
from maskwatch.simulator.scene import SceneSettings

_LOOK_EVERY_S: Final = 0.2

_done: "Synchronized[int] | None" = None
_stop: "Synchronized[int] | None" = None


class RenderingStoppedError(MaskwatchError):
    """The rendering was asked to end before the film was whole."""


def make_films(
    folder: Path,
    settings: Sequence[SceneSettings],
    *,
    encoding: Encoding = QUICK,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Film]:
    """Films of these settings, those of them that are missing made side by side.

    Args:
        folder: Where films are kept.
        settings: One for each film.
        encoding: How they are encoded.
        on_progress: Told the number of frames done and wanted, a few times a second.

    Raises:
        MediaError: A package that holds the portraits is missing, or the folder is not writable.
    """
    load_portraits()  # a missing package is told here, before any process is started
    context = multiprocessing.get_context("spawn")
    done, stop = context.Value("q", 0), context.Value("b", 0)
    total = sum(each.frames for each in settings)
    pool = ProcessPoolExecutor(
        max_workers=max(1, min(available_cores(), len(settings))),
        mp_context=context,
        initializer=_begin,
        initargs=(done, stop),
    )
    try:
        futures = [pool.submit(_make, folder, each, encoding) for each in settings]
        _follow(futures, lambda: on_progress(int(done.value), total))
        return [future.result() for future in futures]
    finally:
        stop.value = 1
        pool.shutdown(wait=True, cancel_futures=True)


def _follow(futures: Sequence["Future[Film]"], tell: Callable[[], None]) -> None:
    while not all(future.done() for future in futures):
        tell()
        if any(future.done() and future.exception() for future in futures):
            return
        time.sleep(_LOOK_EVERY_S)
    tell()


def _begin(done: Any, stop: Any) -> None:
    """Prepare a rendering process: Ctrl-C is its parent's to handle."""
    global _done, _stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _done, _stop = done, stop


def _make(folder: Path, settings: SceneSettings, encoding: Encoding) -> Film:
    counted = 0

    def count(frames: int) -> None:
        nonlocal counted
        if _done is None or _stop is None:
            return
        if _stop.value:
            raise RenderingStoppedError(f"film of camera {settings.camera + 1} was not finished")
        with _done.get_lock():
            _done.value += frames - counted
        counted = frames

    return make_film(folder, settings, encoding=encoding, on_frame=count)
