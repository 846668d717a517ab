"""The rows of a report for the pages: as JSON has them, with what each is called."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from maskwatch.reports import By, ReportRow, labels, row_as_json


def labelled(rows: Sequence[ReportRow], *, by: By, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The rows as JSON has them, each with `label`, `offset` and `part` of its `Label`."""
    return [
        row_as_json(row)
        | {
            "label": label.name(between=" \N{EN DASH} "),
            "offset": label.offset,
            "part": label.part,
        }
        for row, label in zip(rows, labels(rows, by=by, zone=zone), strict=True)
    ]
