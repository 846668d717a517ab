"""Sums for reports: passages and watched time, by camera and quarter of an hour.

A quarter, because every time zone's hours and midnights begin at one. Where rows of an
hour have been deleted for their age, the hour's own row adds what they said.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from maskwatch.contracts import Verdict
from maskwatch.storage.database import reading
from maskwatch.storage.quarter import Quarter, quarter_start
from maskwatch.storage.tables import HourRow, MinuteRow, PassageRow


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
        for name, quarter, verdict, number in _passages(session, start_utc, end_utc, camera):
            found[name, quarter_start(quarter)].passages[Verdict(verdict)] += number
        for name, quarter, watched_ms in _watched(session, start_utc, end_utc, camera):
            found[name, quarter_start(quarter)].watched_ms += int(watched_ms)
        for row in _closed_hours(session, start_utc, end_utc, camera):
            sums = found[row.camera, row.hour]
            if row.passages_closed:
                sums.passages.update({each: getattr(row, each.value) for each in Verdict})
            if row.minutes_closed:
                sums.watched_ms += row.watched_ms
    return dict(found)


def _passages(
    session: Session, start: datetime, end: datetime, camera: str | None
) -> Iterator[Any]:
    quarter = Quarter(PassageRow.started_at)
    question = (
        select(PassageRow.camera, quarter, PassageRow.verdict, func.count())
        .where(PassageRow.started_at >= start, PassageRow.started_at < end)
        .group_by(PassageRow.camera, quarter, PassageRow.verdict)
    )
    if camera is not None:
        question = question.where(PassageRow.camera == camera)
    yield from session.execute(question)


def _watched(session: Session, start: datetime, end: datetime, camera: str | None) -> Iterator[Any]:
    quarter = Quarter(MinuteRow.minute)
    question = (
        select(MinuteRow.camera, quarter, func.sum(MinuteRow.watched_ms))
        .where(MinuteRow.minute >= start, MinuteRow.minute < end)
        .group_by(MinuteRow.camera, quarter)
    )
    if camera is not None:
        question = question.where(MinuteRow.camera == camera)
    yield from session.execute(question)


def _closed_hours(
    session: Session, start: datetime, end: datetime, camera: str | None
) -> Iterator[HourRow]:
    question = select(HourRow).where(
        HourRow.hour >= start,
        HourRow.hour <= end - timedelta(hours=1),
        HourRow.passages_closed | HourRow.minutes_closed,
    )
    if camera is not None:
        question = question.where(HourRow.camera == camera)
    yield from session.scalars(question)
