"""From minutes and passages to hours, and the deletion of what is too old."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from maskwatch.config import RetentionSettings
from maskwatch.contracts import Verdict
from maskwatch.storage.database import reading, writing
from maskwatch.storage.facts import Facts
from maskwatch.storage.quarter import Quarter, quarter_start
from maskwatch.storage.tables import HourRow, MinuteRow, PassageRow
from maskwatch.storage.utc import hour_of

RECENT: Final = timedelta(hours=3)
_HOUR: Final = timedelta(hours=1)
_HOURS_AT_ONCE: Final = 24


@dataclass(frozen=True, slots=True)
class Deleted:
    """How much was deleted for its age."""

    passages: int = 0
    minutes: int = 0


def roll_up(engine: Engine, *, now: datetime | None = None, since: datetime | None = None) -> int:
    """Write the hours from `since` on anew from their minutes and passages; gives their number.

    Doing it again changes nothing. Hours whose rows have been deleted keep what they have.

    Args:
        engine: The database.
        now: Aware; None is this moment.
        since: Aware; None is a few hours ago.
    """
    now = now or datetime.now(UTC)
    recent = hour_of(since or now - RECENT)
    keys = _hours_with_rows(engine, recent, now + _HOUR)
    for group in _grouped(keys):
        with writing(engine) as session:
            for camera, hour in group:
                _write_hour(session, camera, hour, now)
    return len(keys)


def delete_old(
    engine: Engine, settings: RetentionSettings, *, now: datetime | None = None
) -> Deleted:
    """Delete passages and minutes older than `[retention]` says; their hours keep the sums.

    Killed at any moment and run again, it loses nothing and counts nothing twice: an hour's row
    takes over in the transaction that deletes.
    """
    now = now or datetime.now(UTC)
    passages = _delete_hours(
        engine, hour_of(now - timedelta(days=settings.passages_days)), now, is_passages=True
    )
    minutes = _delete_hours(
        engine, hour_of(now - timedelta(days=settings.minutes_days)), now, is_passages=False
    )
    return Deleted(passages, minutes)


def _delete_hours(engine: Engine, before: datetime, now: datetime, *, is_passages: bool) -> int:
    number = 0
    column = PassageRow.started_at if is_passages else MinuteRow.minute
    with reading(engine) as session:
        oldest = session.scalar(select(func.min(column)))
    start = hour_of(oldest) if oldest else before
    for camera, hour in _hours_with_rows(engine, start, before):
        with writing(engine) as session:
            row = _write_hour(session, camera, hour, now)
            if is_passages:
                if row.passages_closed:
                    _add_passages(row, _count(session, camera, hour))
                row.passages_closed = True
                gone = delete(PassageRow).where(
                    PassageRow.camera == camera,
                    PassageRow.started_at >= hour,
                    PassageRow.started_at < hour + _HOUR,
                )
            else:
                if row.minutes_closed:
                    _set_facts(row, _sum(session, camera, hour), is_added=True)
                row.minutes_closed = True
                gone = delete(MinuteRow).where(
                    MinuteRow.camera == camera,
                    MinuteRow.minute >= hour,
                    MinuteRow.minute < hour + _HOUR,
                )
            table = PassageRow.camera if is_passages else MinuteRow.camera
            number += len(session.execute(gone.returning(table)).all())
    return number


def _write_hour(session: Session, camera: str, hour: datetime, now: datetime) -> HourRow:
    row = session.get(HourRow, (camera, hour))
    if row is None:
        row = HourRow(camera=camera, hour=hour, passages_closed=False, minutes_closed=False)
        session.add(row)
    if not row.passages_closed:
        for verdict, number in _count(session, camera, hour).items():
            setattr(row, verdict.value, number)
    if not row.minutes_closed:
        _set_facts(row, _sum(session, camera, hour))
    row.rolled_up_at = now
    return row


def _count(session: Session, camera: str, hour: datetime) -> dict[Verdict, int]:
    question = (
        select(PassageRow.verdict, func.count())
        .where(
            PassageRow.camera == camera,
            PassageRow.started_at >= hour,
            PassageRow.started_at < hour + _HOUR,
        )
        .group_by(PassageRow.verdict)
    )
    with session.no_autoflush:
        found = {Verdict(verdict): number for verdict, number in session.execute(question)}
    return {verdict: found.get(verdict, 0) for verdict in Verdict}


def _sum(session: Session, camera: str, hour: datetime) -> Facts:
    question = select(MinuteRow).where(
        MinuteRow.camera == camera, MinuteRow.minute >= hour, MinuteRow.minute < hour + _HOUR
    )
    total = Facts()
    with session.no_autoflush:
        for row in session.scalars(question.order_by(MinuteRow.minute)):
            total.add(Facts.of_row(row))
    return total


def _add_passages(row: HourRow, found: dict[Verdict, int]) -> None:
    for verdict, number in found.items():
        setattr(row, verdict.value, getattr(row, verdict.value) + number)


def _set_facts(row: HourRow, facts: Facts, *, is_added: bool = False) -> None:
    if is_added:
        facts.add(Facts.of_row(row))
    for name, value in facts.columns().items():
        setattr(row, name, value)


def _hours_with_rows(engine: Engine, start: datetime, end: datetime) -> list[tuple[str, datetime]]:
    """Camera and hour of everything in [start, end), in order of time."""
    found: defaultdict[datetime, set[str]] = defaultdict(set)
    with reading(engine) as session:
        for table, column in ((PassageRow, PassageRow.started_at), (MinuteRow, MinuteRow.minute)):
            quarter = Quarter(column)
            question = select(table.camera, quarter).where(column >= start, column < end)
            for camera, number in session.execute(question.distinct()):
                found[hour_of(quarter_start(number))].add(camera)
    return [(camera, hour) for hour in sorted(found) for camera in sorted(found[hour])]


def _grouped(keys: Iterable[tuple[str, datetime]]) -> Iterator[list[tuple[str, datetime]]]:
    """Short transactions: the recorder writes too."""
    group: list[tuple[str, datetime]] = []
    for key in keys:
        group.append(key)
        if len(group) == _HOURS_AT_ONCE:
            yield group
            group = []
    if group:
        yield group
