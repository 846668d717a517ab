"""Running the demo: films, the whole system on them, the outcome."""

import json
import os
import threading
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy import Engine

from maskwatch.bus import connect
from maskwatch.commands.demo.folders import demo_home, fresh_folder
from maskwatch.commands.demo.mall import MallCamera, make_mall
from maskwatch.commands.demo.tally import CameraTally, TruthClock, as_json, take_tally
from maskwatch.config import RedisSettings, Settings, StorageSettings, load_settings
from maskwatch.contracts import CLASSES
from maskwatch.errors import MaskwatchError
from maskwatch.process import stop_on_signals
from maskwatch.storage import CameraStore, last_position, open_database
from maskwatch.supervisor import Supervisor
from maskwatch.supervisor.readiness import check_port_is_free

COUNTED_WITHIN_S: Final = 30.0
"""After the films' end, so long for what is still on its way to be counted."""

_COLUMNS: Final = (*CLASSES, "unreadable")
_TITLES: Final = {"mask": "mask", "no_mask": "no mask", "incorrect": "badly worn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoWish:
    """What the command line asked for."""

    cameras: int
    seconds: float | None
    json_path: Path | None
    port: int | None
    opens_browser: bool
    seed: int
    fps: float


def run_demo(wish: DemoWish, config: Path | None) -> None:
    """Make the films, run the system on them, and say what came of it.

    Raises:
        MaskwatchError: Something of it did not come about; the message says what.
    """
    base = load_settings(config)
    home = demo_home(base)
    _say("Simulated cameras: drawn corridors, two public-domain portraits, masks drawn on.")
    _say("They prove the plumbing and the counting, not the accuracy on real people.")
    planned = _settings(base, wish)
    if planned.web.port:
        check_port_is_free(planned)  # said now, not after the filming
    mall = _films(wish, home / "films")
    stop = stop_on_signals()
    with fresh_folder(home, is_timed=wish.seconds is not None) as data_dir:
        settings = planned.with_changes(data_dir=data_dir)
        _say("Starting Redis, the recorder, the workers and the page …")
        with Supervisor(settings) as supervisor:
            if not supervisor.wait_ready(90, stop=stop):
                if stop.is_set():
                    return
                raise MaskwatchError(
                    "the system did not become ready within 90 s; the reason is in "
                    f"{str(data_dir / 'logs' / 'maskwatch.log')!r}"
                )
            _welcome(supervisor.address, wish)
            engine = open_database(supervisor.settings)
            try:
                tallies = _watch(supervisor.settings, engine, mall, wish, stop)
            finally:
                engine.dispose()
    _tell(tallies, wish)


def _settings(base: Settings, wish: DemoWish) -> Settings:
    port = base.web.port if wish.port is None else wish.port
    return base.with_changes(
        storage=StorageSettings(),
        redis=RedisSettings(maxmemory_mb=base.redis.maxmemory_mb),
        web=base.web.model_copy(update={"port": port, "host": "127.0.0.1"}),
        site=base.site.model_copy(update={"name": "Simulated mall"}),
        cameras=(),
    )


def _films(wish: DemoWish, folder: Path) -> list[MallCamera]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(f"Filming {wish.cameras} cameras (kept for next time)", total=None)
        return make_mall(
            folder,
            cameras=wish.cameras,
            seed=wish.seed,
            seconds=wish.seconds,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )


def _welcome(address: str, wish: DemoWish) -> None:
    _say(f"The page: {address}")
    if wish.seconds is None:
        _say("Your own camera beside the simulated ones, from another terminal in this folder:")
        _say("  maskwatch camera add NAME rtsp://…    (in a checkout: .venv/bin/maskwatch …)")
        _say("Ctrl-C stops everything.")
    else:
        _say(f"Running for {wish.seconds:g} s …")
    if wish.opens_browser and _has_display():
        webbrowser.open(address)


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) or (
        os.name == "nt" or os.uname().sysname == "Darwin"
    )


def _watch(
    settings: Settings,
    engine: Engine,
    mall: Sequence[MallCamera],
    wish: DemoWish,
    stop: threading.Event,
) -> list[CameraTally]:
    """Add the cameras, follow them to their end (or until stopped), and take the tally."""
    since = datetime.now(UTC)
    store = CameraStore(engine)
    for camera in mall:
        store.add(camera.as_camera(fps=wish.fps))
    client = connect(settings)
    clock = TruthClock(client, mall, zone=settings.zone)
    deadline_s = None if wish.seconds is None else wish.seconds + COUNTED_WITHIN_S
    truth = clock.update()
    waited_s = 0.0
    try:
        while not stop.is_set() and not (wish.seconds and _all_counted(engine, mall)):
            if deadline_s is not None and waited_s > deadline_s:
                raise MaskwatchError(
                    f"{_uncounted(engine, mall)}: not counted to the end {COUNTED_WITHIN_S:g} s "
                    "after the film's; the reason is in "
                    f"{str(settings.data_dir / 'logs' / 'maskwatch.log')!r}"
                )
            stop.wait(1.0)
            waited_s += 1.0
            truth = clock.update()
    finally:
        client.close()
    if wish.seconds and not stop.is_set():
        truth = {camera.name: camera.totals() for camera in mall}
    return take_tally(engine, truth, since=since)


def _all_counted(engine: Engine, mall: Sequence[MallCamera]) -> bool:
    return not _uncounted(engine, mall)


def _uncounted(engine: Engine, mall: Sequence[MallCamera]) -> str:
    """Names of the cameras whose film is not counted to its end."""
    positions = {camera.name: last_position(engine, camera.name) for camera in mall}
    return ", ".join(name for name, at in positions.items() if at is None or not at.is_finished)


def _tell(tallies: Sequence[CameraTally], wish: DemoWish) -> None:
    outcome = as_json(tallies)
    if wish.json_path is not None:
        try:
            wish.json_path.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise MaskwatchError(
                f"--json {str(wish.json_path)!r} cannot be written: {error.strerror}"
            ) from error
    table = Table(title="Passages: truth / counted")
    table.add_column("camera")
    for name in _COLUMNS:
        table.add_column(_TITLES.get(name, name), justify="right")
    table.add_column("fps", justify="right")
    table.add_column("dropped", justify="right")
    for camera in outcome["cameras"]:
        table.add_row(camera["name"], *_cells(camera))
    table.add_row("all", *_cells(outcome), style="bold")
    console = Console()
    (console if console.is_terminal else Console(width=110)).print(table)
    age = outcome["frame_age_ms"]
    if age["p50"] is not None:
        _say(f"Frame age: half within {age['p50']:g} ms, 95 % within {age['p95']:g} ms.")


def _cells(values: dict[str, object]) -> list[str]:
    truth, counted = values["truth"], values["counted"]
    assert isinstance(truth, dict) and isinstance(counted, dict)  # noqa: S101, PT018  # ours
    return [
        *(f"{truth[name]} / {counted[name]}" for name in CLASSES),
        str(counted["unreadable"]),
        str(values["fps_analysed"]),
        str(values["dropped"]),
    ]


def _say(text: str) -> None:
    click.echo(text, err=True)
