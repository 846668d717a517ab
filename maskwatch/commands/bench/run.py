"""Running the bench: films, then the real system with more and more cameras on them."""

import json
import platform
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from maskwatch.bus import StatusBoard, connect
from maskwatch.commands.bench.floor import measure_floor
from maskwatch.commands.bench.processor_time import ProcessorTime
from maskwatch.commands.bench.table import show
from maskwatch.commands.bench.window import measure
from maskwatch.config import RedisSettings, Settings, StorageSettings, load_settings
from maskwatch.contracts import Camera, CameraState
from maskwatch.cores import available_cores
from maskwatch.errors import MaskwatchError
from maskwatch.process import stop_on_signals
from maskwatch.simulator.film import LIKE_A_CAMERA, Film
from maskwatch.simulator.rendering import make_films
from maskwatch.simulator.scene import SceneSettings
from maskwatch.storage import CameraStore, open_database
from maskwatch.supervisor import Supervisor

FILM: Final = SceneSettings(seed=7, fps=25.0, duration_s=20.0)
FILMS: Final = 4
"""So many different films; more cameras play them too, each from its beginning."""

LIVE_WITHIN_S: Final = 60.0
SETTLE_S: Final = 4.0
"""From the last camera's first picture to the measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchWish:
    """What the command line asked for."""

    cameras: tuple[int, ...]
    fps: float
    seconds: float
    json_path: Path | None


def run_bench(wish: BenchWish, config: Path | None) -> None:
    """Measure each number of cameras and the floor; print and write the figures.

    Raises:
        MaskwatchError: The system did not come up, or a film could not be made.
    """
    base = load_settings(config)
    films = _films(base.data_dir / "demo" / "films", min(FILMS, max(wish.cameras)))
    stop = stop_on_signals()
    outcome: dict[str, Any] = {"machine": machine(), "fps": wish.fps, "runs": []}
    click.echo("Measuring the floor: decoding and the bare networks", err=True)
    cores = base.workers.threads or available_cores()
    alone = base.workers.model_copy(update={"threads": cores})
    outcome["floor"] = measure_floor(films[0].path, alone, fps=wish.fps)
    for cameras in wish.cameras:
        if stop.is_set():
            break
        click.echo(f"Measuring {cameras} camera(s) for {wish.seconds:g} s", err=True)
        run = _measure(base, films, cameras, wish, stop)
        if not stop.is_set():
            outcome["runs"].append(run)
    write_json(outcome, wish.json_path)
    show(outcome)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": available_cores(),
        "processor": _processor_name(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "load_before": round(psutil.getloadavg()[0], 2),
    }


def write_json(outcome: dict[str, Any], path: Path | None) -> None:
    """Write figures where they were asked for.

    Raises:
        MaskwatchError: The file cannot be written.
    """
    if path is None:
        return
    try:
        path.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise MaskwatchError(f"--json {str(path)!r} cannot be written: {error.strerror}") from error


def _processor_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _films(folder: Path, number: int) -> list[Film]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("Filming the load (kept for next time)", total=None)
        return make_films(
            folder,
            [replace(FILM, camera=camera) for camera in range(number)],
            encoding=LIKE_A_CAMERA,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )


def _measure(
    base: Settings, films: Sequence[Film], cameras: int, wish: BenchWish, stop: threading.Event
) -> dict[str, Any]:
    """The real system on so many cameras, in a folder of its own."""
    names = [f"bench-{number + 1}" for number in range(cameras)]
    with tempfile.TemporaryDirectory(prefix="maskwatch-bench-") as folder:
        settings = base.with_changes(
            data_dir=Path(folder),
            storage=StorageSettings(),
            redis=RedisSettings(maxmemory_mb=base.redis.maxmemory_mb),
            web=base.web.model_copy(update={"port": 0, "host": "127.0.0.1"}),
            cameras=(),
        )
        with Supervisor(settings) as supervisor:
            if not supervisor.wait_ready(90, stop=stop):
                return _not_ready(supervisor.settings, stop, "the system did not become ready")
            _add_cameras(supervisor.settings, names, films, fps=wish.fps)
            client = connect(supervisor.settings)
            try:
                if not _all_live(StatusBoard(client), names, stop):
                    return _not_ready(supervisor.settings, stop, "the cameras did not come up")
                stop.wait(SETTLE_S)
                spent = ProcessorTime(supervisor.pids())
                window = measure(client, names, seconds=wish.seconds, stop=stop)
                seconds = spent.since_start()
            finally:
                client.close()
    figures = window.as_json(names)
    frames = max(1, figures["analysed"])
    by_role = {role: round(used / frames, 4) for role, used in sorted(seconds.items())}
    return {
        "cameras": cameras,
        **figures,
        "cpu_s_per_analysed_frame": {**by_role, "total": round(sum(by_role.values()), 4)},
        "cores_used": round(sum(seconds.values()) / max(1e-9, window.seconds), 2),
    }


def _not_ready(settings: Settings, stop: threading.Event, what: str) -> dict[str, Any]:
    if stop.is_set():
        return {}
    log = settings.data_dir / "logs" / "maskwatch.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    last = next((line for line in reversed(lines) if " ERROR " in line), "nothing in its log")
    raise MaskwatchError(f"{what}: {last}")


def _add_cameras(
    settings: Settings, names: Sequence[str], films: Sequence[Film], *, fps: float
) -> None:
    engine = open_database(settings)
    try:
        store = CameraStore(engine)
        for number, name in enumerate(names):
            film = films[number % len(films)].path.absolute()
            store.add(Camera(name=name, url=str(film), fps=fps, loops=True))
    finally:
        engine.dispose()


def _all_live(board: StatusBoard, names: Sequence[str], stop: threading.Event) -> bool:
    for _ in range(int(LIVE_WITHIN_S / 0.2)):
        statuses = board.cameras(names).values()
        if all(status is not None and status.state is CameraState.LIVE for status in statuses):
            return True
        if stop.wait(0.2):
            return False
    return False
