"""The rows of a report: every camera, every period, also those in which nothing was seen."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine

from maskwatch.config import Settings
from maskwatch.contracts import Verdict
from maskwatch.errors import CameraError
from maskwatch.reports.periods import By, Period, periods
from maskwatch.reports.row import ReportRow, make_row
from maskwatch.storage.cameras import CameraLife, camera_lives
from maskwatch.storage.sums import Sums, sums_by_quarter

_NOTHING = Sums()


def report_rows(
    engine: Engine,
    settings: Settings,
    *,
    start: datetime,
    end: datetime,
    by: By,
    camera: str | None = None,
    now: datetime | None = None,
) -> list[ReportRow]:
    """Count [start, end) in the periods of the site's clock.

    Args:
        engine: The database.
        settings: Time zone and the limits of `[report]`.
        start: Aware.
        end: Aware; what lies after `now` is left out.
        by: "hour", "day" or "week".
        camera: Name; None for all.
        now: For tests; None is this moment.

    Returns:
        By period, then camera. A period in which a camera existed and was not watched has a row
        with coverage 0; a period before the camera was added has none.

    Raises:
        CameraError: There never was a camera of that name.
    """
    now = now or datetime.now(UTC)
    end = min(end, now)
    cuts = periods(start, end, by, settings.zone)
    if not cuts:
        return []
    sums = sums_by_quarter(engine, start, end, camera=camera)
    lives = {life.name: life for life in camera_lives(engine)}
    names = sorted(set(lives) | {name for name, _ in sums})
    if camera is not None:
        _check_known(camera, names)
        names = [camera]
    totals = _add_up(sums, cuts)
    return [
        make_row(
            name,
            period,
            passages={verdict: total.passages[verdict] for verdict in Verdict},
            watched_s=total.watched_ms / 1000,
            missed_s={reason: each / 1000 for reason, each in total.missed_ms.items()},
            zone=settings.zone,
            limits=settings.report,
        )
        for index, period in enumerate(cuts)
        for name in names
        if (total := totals.get((name, index), _NOTHING)) is not _NOTHING
        or _existed(lives.get(name), period)
    ]


def _add_up(
    sums: Mapping[tuple[str, datetime], Sums], cuts: Sequence[Period]
) -> dict[tuple[str, int], Sums]:
    """Camera and index of the period to its sums."""
    starts = [period.start for period in cuts]
    totals: defaultdict[tuple[str, int], Sums] = defaultdict(Sums)
    for (name, moment), each in sums.items():
        # A quarter that began before the report's start belongs to the first period.
        totals[name, max(bisect_right(starts, moment) - 1, 0)].add(each)
    return dict(totals)


def _check_known(camera: str, names: Sequence[str]) -> None:
    if camera not in names:
        known = f"there are: {', '.join(names)}" if names else "none has been added yet"
        raise CameraError(f"there is no camera {camera[:63]!r} to report on; {known}")


def _existed(life: CameraLife | None, period: Period) -> bool:
    if life is None or life.created_at >= period.end:
        return False
    return life.removed_at is None or life.removed_at > period.start
