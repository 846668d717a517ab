"""Sums for reports: passages and watched time, by camera and quarter of an hour.

A quarter, because every time zone's hours and midnights begin at one. Where the rows behind an
hour have been deleted for their age, the hour's own row stands in.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Engine, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from maskwatch.contracts import Verdict
from maskwatch.storage.database import reading
from maskwatch.storage.tables import HourRow, MinuteRow, PassageRow
from maskwatch.storage.utc import hour_of

QUARTER_S: Final = 900


class _Quarter(FunctionElement[int]):
    """Number of the quarter of an hour since 1970 that a time lies in."""

    inherit_cache = True
    type = BigInteger()
    name = "quarter"


@compiles(_Quarter, "sqlite")
def _quarter_sqlite(element: _Quarter, compiler: Any, **kwargs: Any) -> str:
    column = compiler.process(element.clauses, **kwargs)
    return f"(CAST(strftime('%s', {column}) AS INTEGER) / {QUARTER_S})"


@compiles(_Quarter, "postgresql")
def _quarter_postgresql(element: _Quarter, compiler: Any, **kwargs: Any) -> str:
    column = compiler.process(element.clauses, **kwargs)
    return f"CAST(floor(extract(epoch from {column}) / {QUARTER_S}) AS BIGINT)"


@dataclass(slots=True)
class Sums:
    """What one camera saw in a quarter of an hour.

    Attributes:
        passages: By verdict.
        watched_ms: Milliseconds watched.
    """

    passages: Counter[Verdict] = field(default_factory=Counter)
    watched_ms: int = 0


def sums_by_quarter(
    engine: Engine, start_utc: datetime, end_utc: datetime, *, camera: str | None = None
) -> dict[tuple[str, datetime], Sums]:
    """Camera and start of the quarter to its sums, for what lies in [start, end).

    An hour whose rows are gone is given whole, at its start, if it lies in the stretch as a whole.
    """
    found: defaultdict[tuple[str, datetime], Sums] = defaultdict(Sums)
    with reading(engine) as session:
        hours_seen: set[tuple[str, datetime]] = set()
        for name, quarter, verdict, number in _passages(session, start_utc, end_utc, camera):
            moment = datetime.fromtimestamp(int(quarter) * QUARTER_S, UTC)
            found[name, moment].passages[Verdict(verdict)] += number
            hours_seen.add((name, hour_of(moment)))
        hours_watched: set[tuple[str, datetime]] = set()
        for name, quarter, watched_ms in _watched(session, start_utc, end_utc, camera):
            moment = datetime.fromtimestamp(int(quarter) * QUARTER_S, UTC)
            found[name, moment].watched_ms += int(watched_ms)
            hours_watched.add((name, hour_of(moment)))
        for row in _hours(session, start_utc, end_utc, camera):
            key = (row.camera, row.hour)
            if key not in hours_seen:
                found[key].passages.update({each: getattr(row, each.value) for each in Verdict})
            if key not in hours_watched:
                found[key].watched_ms += row.watched_ms
    return dict(found)


def _passages(
    session: Session, start: datetime, end: datetime, camera: str | None
) -> Iterator[Any]:
    quarter = _Quarter(PassageRow.started_at)
    question = (
        select(PassageRow.camera, quarter, PassageRow.verdict, func.count())
        .where(PassageRow.started_at >= start, PassageRow.started_at < end)
        .group_by(PassageRow.camera, quarter, PassageRow.verdict)
    )
    if camera is not None:
        question = question.where(PassageRow.camera == camera)
    yield from session.execute(question)


def _watched(session: Session, start: datetime, end: datetime, camera: str | None) -> Iterator[Any]:
    quarter = _Quarter(MinuteRow.minute)
    question = (
        select(MinuteRow.camera, quarter, func.sum(MinuteRow.watched_ms))
        .where(MinuteRow.minute >= start, MinuteRow.minute < end)
        .group_by(MinuteRow.camera, quarter)
    )
    if camera is not None:
        question = question.where(MinuteRow.camera == camera)
    yield from session.execute(question)


def _hours(
    session: Session, start: datetime, end: datetime, camera: str | None
) -> Iterator[HourRow]:
    question = select(HourRow).where(
        HourRow.hour >= start, HourRow.hour <= end - timedelta(hours=1)
    )
    if camera is not None:
        question = question.where(HourRow.camera == camera)
    yield from session.scalars(question)
