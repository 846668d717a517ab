"""Reports: passages by verdict, the compliance with how sure it is, and how much was watched."""

from maskwatch.reports.periods import STEPS, By, Period, day_of, periods
from maskwatch.reports.render import FORMATS, render
from maskwatch.reports.row import ReportRow, row_as_json
from maskwatch.reports.rows import report_rows
from maskwatch.reports.wilson import wilson

__all__ = [
    "FORMATS",
    "STEPS",
    "By",
    "Period",
    "ReportRow",
    "day_of",
    "periods",
    "render",
    "report_rows",
    "row_as_json",
    "wilson",
]
