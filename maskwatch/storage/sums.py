"""Sums for reports: passages and watched time, by camera and quarter of an hour.

A quarter, because every time zone's hours and midnights begin at one. Where rows have been deleted
for their age, the quarter's own row adds what they said.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sqlalchemy import BigInteger, ColumnElement, Engine, cast, func, select, true
from sqlalchemy.orm import Session

from maskwatch.contracts import Verdict
from maskwatch.storage.database import reading
from maskwatch.storage.quarter import Quarter, quarter_start
from maskwatch.storage.tables import HourRow, MinuteRow, PassageRow, QuarterRow


@dataclass(slots=True)
class Sums:
    """What one camera saw in a quarter of an hour.

    Attributes:
        passages: By verdict.
        watched_ms: Milliseconds watched.
        missed_ms: Reason to milliseconds not watched, as far as anybody said why.
    """

    passages: Counter[Verdict] = field(default_factory=Counter)
    watched_ms: int = 0
    missed_ms: Counter[str] = field(default_factory=Counter)

    def add(self, other: Self) -> None:
        """Add another stretch, or what was deleted of this one."""
        self.passages.update(other.passages)
        self.watched_ms += other.watched_ms
        self.missed_ms.update(other.missed_ms)


def sums_by_quarter(
    engine: Engine, start_utc: datetime, end_utc: datetime, *, camera: str | None = None
) -> dict[tuple[str, datetime], Sums]:
    """Camera and start of the quarter to its sums, for what lies in [start, end).

    Quarters whose rows are gone are given whole, by their start; so are whole hours that an earlier
    version closed.
    """
    found: defaultdict[tuple[str, datetime], Sums] = defaultdict(Sums)
    with reading(engine) as session:
        for name, quarter, verdict, number in _passages(session, start_utc, end_utc, camera):
            found[name, quarter_start(quarter)].passages[Verdict(verdict)] += number
        for name, quarter, watched_ms in _watched(session, start_utc, end_utc, camera):
            found[name, quarter_start(quarter)].watched_ms += int(watched_ms)
        for name, quarter, reason, missed_ms in _missed(session, start_utc, end_utc, camera):
            found[name, quarter_start(quarter)].missed_ms[reason] += int(missed_ms)
        for row in _deleted(session, start_utc, end_utc, camera):
            found[row.camera, row.quarter].add(_sums_of(row))
        for hour in _closed_hours(session, start_utc, end_utc, camera):
            found[hour.camera, hour.hour].add(
                _sums_of(hour, has_passages=hour.passages_closed, has_minutes=hour.minutes_closed)
            )
    return dict(found)


def _sums_of(
    row: QuarterRow | HourRow, *, has_passages: bool = True, has_minutes: bool = True
) -> Sums:
    sums = Sums()
    if has_passages:
        sums.passages.update({each: getattr(row, each.value) for each in Verdict})
    if has_minutes:
        sums.watched_ms = row.watched_ms
        sums.missed_ms.update(row.offline_ms)
    return sums


def _is_of(column: Any, camera: str | None) -> ColumnElement[bool]:
    """Rows of one camera; of all of them where none is named."""
    return true() if camera is None else column == camera


def _passages(
    session: Session, start: datetime, end: datetime, camera: str | None
) -> Iterator[Any]:
    quarter = Quarter(PassageRow.started_at)
    question = (
        select(PassageRow.camera, quarter, PassageRow.verdict, func.count())
        .where(
            PassageRow.started_at >= start,
            PassageRow.started_at < end,
            _is_of(PassageRow.camera, camera),
        )
        .group_by(PassageRow.camera, quarter, PassageRow.verdict)
    )
    yield from session.execute(question)


def _watched(session: Session, start: datetime, end: datetime, camera: str | None) -> Iterator[Any]:
    quarter = Quarter(MinuteRow.minute)
    question = (
        select(MinuteRow.camera, quarter, func.sum(MinuteRow.watched_ms))
        .where(MinuteRow.minute >= start, MinuteRow.minute < end, _is_of(MinuteRow.camera, camera))
        .group_by(MinuteRow.camera, quarter)
    )
    yield from session.execute(question)


def _missed(session: Session, start: datetime, end: datetime, camera: str | None) -> Iterator[Any]:
    """The reasons in each minute's JSON, added up by the database."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    each_of = func.json_each if is_sqlite else func.json_each_text
    reasons = each_of(MinuteRow.offline_ms).table_valued("key", "value")
    quarter = Quarter(MinuteRow.minute)
    question = (
        select(
            MinuteRow.camera, quarter, reasons.c.key, func.sum(cast(reasons.c.value, BigInteger))
        )
        .select_from(MinuteRow)
        .join(reasons, true())
        .where(MinuteRow.minute >= start, MinuteRow.minute < end, _is_of(MinuteRow.camera, camera))
        .group_by(MinuteRow.camera, quarter, reasons.c.key)
    )
    yield from session.execute(question)


def _deleted(
    session: Session, start: datetime, end: datetime, camera: str | None
) -> Iterator[QuarterRow]:
    question = select(QuarterRow).where(
        QuarterRow.quarter >= start, QuarterRow.quarter < end, _is_of(QuarterRow.camera, camera)
    )
    yield from session.scalars(question)


def _closed_hours(
    session: Session, start: datetime, end: datetime, camera: str | None
) -> Iterator[HourRow]:
    question = select(HourRow).where(
        HourRow.hour >= start,
        HourRow.hour < end,
        HourRow.passages_closed | HourRow.minutes_closed,
        _is_of(HourRow.camera, camera),
    )
    yield from session.scalars(question)
