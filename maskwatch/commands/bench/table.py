"""The bench's figures on the terminal."""

from typing import Any

import click
from rich.console import Console
from rich.table import Table


def show(outcome: dict[str, Any]) -> None:
    """Print the floor, and a row for each number of cameras."""
    floor, machine = outcome["floor"], outcome["machine"]
    click.echo(
        f"{machine['processor']}, {machine['cores']} cores; load before: {machine['load_before']}",
        err=True,
    )
    table = Table(title=f"720p H.264 at 25 fps, analysed at {outcome['fps']:g} fps")
    for title in ("cameras", "fps each", "least", "dropped %", "age p50 ms", "age p95 ms"):
        table.add_column(title, justify="right")
    for title in ("ingest", "work", "record", "redis", "web+jobs", "total", "cores"):
        table.add_column(title, justify="right")
    for run in outcome["runs"]:
        table.add_row(*_row(run))
    console = wide_console()
    console.print(table)
    console.print("Columns ingest to total: processor milliseconds for one analysed frame.")
    console.print(
        f"Floor: decode {floor['decode_ms_per_frame']} ms x {floor['decoded_per_analysed']:g}, "
        f"detect {floor['detect_ms_per_picture']} ms, "
        f"classify {floor['classify_ms_per_face']} ms x {floor['faces_per_picture']} faces "
        f"= {floor['cpu_s_per_analysed_frame'] * 1000:.1f} ms for one analysed frame."
    )


def wide_console() -> Console:
    """A console for tables: as wide as the terminal, and wide enough where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=130)


def _row(run: dict[str, Any]) -> list[str]:
    spent = {role: seconds * 1000 for role, seconds in run["cpu_s_per_analysed_frame"].items()}
    rest = spent.get("web", 0.0) + spent.get("jobs", 0.0)
    age = run["frame_age_ms"]
    figures = [spent.get(role, 0.0) for role in ("ingest", "work", "record", "redis")]
    return [
        str(run["cameras"]),
        str(run["fps_analysed"]),
        str(run["fps_analysed_least"]),
        str(run["dropped_percent"]),
        str(age["p50"]),
        str(age["p95"]),
        *(f"{figure:.1f}" for figure in (*figures, rest, spent["total"])),
        str(run["cores_used"]),
    ]
