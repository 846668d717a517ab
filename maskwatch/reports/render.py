"""A report as a table on the terminal, CSV, JSON or one HTML page."""

import csv
import html
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from maskwatch.contracts import Verdict
from maskwatch.reports.label import labels
from maskwatch.reports.periods import By
from maskwatch.reports.row import Interval, ReportRow, row_as_json

UNIT: Final = (
    "The unit is a passage: one person crossing one camera's view. Someone who passes two cameras "
    "is two passages."
)
_TITLES: Final = ("camera", "time", *(verdict.value for verdict in Verdict))
_COLUMNS: Final = (*_TITLES, "compliance", "95 % interval", "bounds", "watched", "not watched")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a report for people says of itself."""

    by: By
    zone: ZoneInfo
    site: str

    @property
    def note(self) -> str:
        return f"{UNIT} Times are those of {self.zone.key}."


def render(
    rows: Sequence[ReportRow], form: str, *, by: By, zone: ZoneInfo, site: str = "maskwatch"
) -> str:
    """The rows in one of `FORMATS`.

    Args:
        rows: As `report_rows` gives them.
        form: "table", "csv", "json" or "html".
        by: The step that the rows were counted by.
        zone: Of the site.
        site: Its name, for the page's title.
    """
    return FORMATS[form](rows, _Asked(by, zone, site))


def _as_table(rows: Sequence[ReportRow], asked: _Asked) -> str:
    if not rows:
        return f"{asked.site}: nothing was watched in this time.\n"
    cells = [list(_COLUMNS), *_all_cells(rows, asked)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(_COLUMNS))]
    lines = []
    for line in cells:
        left = [line[index].ljust(widths[index]) for index in range(2)]
        right = [line[index].rjust(widths[index]) for index in range(2, len(_COLUMNS) - 1)]
        lines.append("  ".join([*left, *right, line[-1]]).rstrip())
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join([*lines, asked.note, ""])


def _as_csv(rows: Sequence[ReportRow], _asked: _Asked) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["camera", "start_utc", "end_utc", "start_local", *(verdict.value for verdict in Verdict),
         "compliance", "interval_95_low", "interval_95_high", "bounds_low", "bounds_high",
         "coverage", "enough_data", "not_watched"]
    )  # fmt: skip
    for row in rows:
        line = row_as_json(row)
        writer.writerow(
            [line["camera"], line["start_utc"], line["end_utc"], line["start_local"],
             *line["passages"].values(),
             line["compliance"], *(line["interval_95"] or ["", ""]), *(line["bounds"] or ["", ""]),
             line["coverage"], str(row.enough_data).lower(),
             "; ".join(f"{reason} {share}" for reason, share in line["not_watched"].items())]
        )  # fmt: skip
    return text.getvalue()


def _as_json(rows: Sequence[ReportRow], _asked: _Asked) -> str:
    return json.dumps([row_as_json(row) for row in rows], indent=2) + "\n"


def _as_html(rows: Sequence[ReportRow], asked: _Asked) -> str:
    head = "".join(f"<th>{html.escape(title)}</th>" for title in _COLUMNS)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
        for cells in _all_cells(rows, asked)
    )
    title = html.escape(f"{asked.site}: compliance")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n<p>{html.escape(asked.note)}</p>\n"
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></body></html>\n"
    )


def _all_cells(rows: Sequence[ReportRow], asked: _Asked) -> list[list[str]]:
    times = labels(rows, by=asked.by, zone=asked.zone)
    return [_cells(row, str(label)) for row, label in zip(rows, times, strict=True)]


def _cells(row: ReportRow, time: str) -> list[str]:
    compliance = "not enough data" if row.compliance is None else _percent(row.compliance)
    if row.coverage == 0:
        compliance = "not watched"
    numbers = [str(row.passages[verdict]) for verdict in Verdict]
    ends = [_range(row.interval_95), _range(row.bounds)]
    return [row.camera, time, *numbers, compliance, *ends, _percent(row.coverage), _reasons(row)]


def _reasons(row: ReportRow) -> str:
    """Why time is missing, what would read as 0.0 % left out."""
    return ", ".join(
        f"{_percent(share)} {reason.replace('_', ' ')}"
        for reason, share in row.not_watched.items()
        if share >= 0.0005
    )


def _range(ends: Interval | None) -> str:
    return "" if ends is None else f"{100 * ends[0]:.1f} to {_percent(ends[1])}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#1c2126}"
    "table{border-collapse:collapse}th,td{padding:.3rem .8rem;text-align:right;"
    "border-bottom:1px solid #d8dde2;white-space:nowrap}"
    "th:nth-child(-n+2),td:nth-child(-n+2),th:last-child,td:last-child{text-align:left}"
)

FORMATS: Final[Mapping[str, Callable[[Sequence[ReportRow], _Asked], str]]] = {
    "table": _as_table,
    "csv": _as_csv,
    "json": _as_json,
    "html": _as_html,
}
"""Name of the format to what makes it."""
