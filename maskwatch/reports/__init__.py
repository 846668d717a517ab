"""Reports: passages by verdict, the compliance with how sure it is, and how much was watched."""

from maskwatch.reports.label import Label, labels
from maskwatch.reports.periods import STEPS, By, Period, day_of, periods
from maskwatch.reports.render import FORMATS, render
from maskwatch.reports.row import ReportRow, row_as_json
from maskwatch.reports.rows import report_rows
from maskwatch.reports.stretch import (
    LONGEST_ON_FILE_DAYS,
    check_length,
    first_day,
    parse_day,
    parse_edge,
)
from maskwatch.reports.wilson import wilson

__all__ = [
    "FORMATS",
    "LONGEST_ON_FILE_DAYS",
    "STEPS",
    "By",
    "Label",
    "Period",
    "ReportRow",
    "check_length",
    "day_of",
    "first_day",
    "labels",
    "parse_day",
    "parse_edge",
    "periods",
    "render",
    "report_rows",
    "row_as_json",
    "wilson",
]
