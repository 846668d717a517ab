"""One line of a report, and the rules by which its figures are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from maskwatch.config import ReportSettings
from maskwatch.contracts import Verdict
from maskwatch.reports.periods import Period
from maskwatch.reports.wilson import wilson

Interval = tuple[float, float]

UNREPORTED: Final = "unreported"
"""Reason of time of which nothing was told: nothing ran, or the camera was switched off."""


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
        not_watched: Reason to share of the period that it took, the largest first; with `coverage`
            they make 1. `UNREPORTED` is what no process gave a reason for.
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
    not_watched: dict[str, float]
    enough_data: bool


def make_row(
    camera: str,
    period: Period,
    *,
    passages: dict[Verdict, int],
    watched_s: float,
    missed_s: Mapping[str, float],
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
        not_watched=_not_watched(
            1 - coverage, {reason: each / period.seconds for reason, each in missed_s.items()}
        ),
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
        "not_watched": {
            reason: rounded
            for reason, share in row.not_watched.items()
            if (rounded := round(share, 6))
        },
        "enough_data": row.enough_data,
    }


def iso_utc(moment: datetime) -> str:
    """For example 2026-11-23T14:00:00Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _not_watched(missing: float, said: Mapping[str, float]) -> dict[str, float]:
    total = sum(said.values())
    # Two lives of an ingest process may report the same second.
    scale = min(1.0, missing / total) if total else 0.0
    shares = {reason: share * scale for reason, share in said.items()}
    shares[UNREPORTED] = shares.get(UNREPORTED, 0.0) + missing - total * scale
    largest_first = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return {reason: share for reason, share in largest_first if share > 1e-9}


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def _both_rounded(ends: Interval | None) -> list[float] | None:
    return None if ends is None else [round(end, 6) for end in ends]
