"""One line of a report, and the rules by which its figures are made."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from maskwatch.config import ReportSettings
from maskwatch.contracts import Verdict
from maskwatch.reports.periods import Period
from maskwatch.reports.wilson import wilson

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """What is said of one camera and one period.

    Attributes:
        camera: Name of the camera.
        start_utc: Beginning of the period.
        end_utc: Its end; the moment of the report where the period is still running.
        start_local: `start_utc` on the site's clock, with its offset.
        passages: Verdict to number; people who passed twice are two passages.
        compliance: mask ÷ (mask + no_mask + incorrect); None where there is not enough data.
        interval_95: Wilson's interval of it; None as above.
        bounds: The rate if all unreadable passages were without, or all with a mask; None as above.
        coverage: Share of the period that was watched, 0 to 1.
        enough_data: Coverage and number of readable passages reach `[report]`'s limits.
    """

    camera: str
    start_utc: datetime
    end_utc: datetime
    start_local: datetime
    passages: dict[Verdict, int]
    compliance: float | None
    interval_95: Interval | None
    bounds: Interval | None
    coverage: float
    enough_data: bool


def make_row(
    camera: str,
    period: Period,
    *,
    passages: dict[Verdict, int],
    watched_s: float,
    zone: ZoneInfo,
    limits: ReportSettings,
) -> ReportRow:
    """Work out the figures of one camera and period."""
    readable = sum(passages[verdict] for verdict in Verdict if verdict is not Verdict.UNREADABLE)
    masked, unreadable = passages[Verdict.MASK], passages[Verdict.UNREADABLE]
    coverage = min(1.0, watched_s / period.seconds)
    enough = coverage >= limits.min_coverage and readable >= limits.min_passages
    total = readable + unreadable
    return ReportRow(
        camera=camera,
        start_utc=period.start,
        end_utc=period.end,
        start_local=period.start.astimezone(zone),
        passages=passages,
        compliance=masked / readable if enough else None,
        interval_95=wilson(masked, readable) if enough else None,
        bounds=(masked / total, (masked + unreadable) / total) if enough else None,
        coverage=coverage,
        enough_data=enough,
    )


def row_as_json(row: ReportRow) -> dict[str, Any]:
    """The row as JSON has it: ISO times, shares rounded to six digits, null for None."""
    return {
        "camera": row.camera,
        "start_utc": iso_utc(row.start_utc),
        "end_utc": iso_utc(row.end_utc),
        "start_local": row.start_local.isoformat(),
        "passages": {verdict.value: row.passages[verdict] for verdict in Verdict},
        "compliance": _rounded(row.compliance),
        "interval_95": _both_rounded(row.interval_95),
        "bounds": _both_rounded(row.bounds),
        "coverage": round(row.coverage, 6),
        "enough_data": row.enough_data,
    }


def iso_utc(moment: datetime) -> str:
    """For example 2026-11-23T14:00:00Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def _both_rounded(ends: Interval | None) -> list[float] | None:
    return None if ends is None else [round(end, 6) for end in ends]
