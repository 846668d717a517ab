"""From minutes and passages to hours, and the deletion of what is too old into quarters."""

from collections import Counter, defaultdict
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
from maskwatch.storage.quarter import Quarter, quarter_of, quarter_start
from maskwatch.storage.tables import HourRow, MinuteRow, PassageRow, QuarterRow
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

    Doing it again changes nothing, also when rows have been deleted for their age.

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
    """Delete passages and minutes older than `[retention]` says; their quarters keep the sums.

    Killed at any moment and run again, it loses nothing and counts nothing twice: what a deletion
    gives back is added to the quarters in its own transaction.
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
    delete_hour = _delete_passages if is_passages else _delete_minutes
    with reading(engine) as session:
        oldest = session.scalar(select(func.min(column)))
    start = hour_of(oldest) if oldest else before
    for camera, hour in _hours_with_rows(engine, start, before):
        with writing(engine) as session:
            number += delete_hour(session, camera, hour)
            _write_hour(session, camera, hour, now)
    return number


def _delete_passages(session: Session, camera: str, hour: datetime) -> int:
    gone = session.execute(
        delete(PassageRow)
        .where(
            PassageRow.camera == camera,
            PassageRow.started_at >= hour,
            PassageRow.started_at < hour + _HOUR,
        )
        .returning(PassageRow.started_at, PassageRow.verdict)
        .execution_options(synchronize_session=False)
    ).all()
    for (quarter, verdict), number in Counter(
        (quarter_of(started_at), verdict) for started_at, verdict in gone
    ).items():
        row = _quarter_row(session, camera, quarter)
        setattr(row, verdict, getattr(row, verdict) + number)
    return len(gone)


def _delete_minutes(session: Session, camera: str, hour: datetime) -> int:
    gone = session.execute(
        delete(MinuteRow)
        .where(
            MinuteRow.camera == camera, MinuteRow.minute >= hour, MinuteRow.minute < hour + _HOUR
        )
        .returning(*MinuteRow.__table__.columns)
        .execution_options(synchronize_session=False)
    ).all()
    sums: defaultdict[datetime, Facts] = defaultdict(Facts)
    for minute in gone:
        sums[quarter_of(minute.minute)].add(Facts.of_row(minute))
    for quarter, facts in sums.items():
        row = _quarter_row(session, camera, quarter)
        facts.add(Facts.of_row(row))
        _set_facts(row, facts)
    return len(gone)


def _quarter_row(session: Session, camera: str, quarter: datetime) -> QuarterRow:
    row = session.get(QuarterRow, (camera, quarter))
    if row is None:
        row = QuarterRow(
            camera=camera, quarter=quarter, **dict.fromkeys(Verdict, 0), **Facts().columns()
        )
        session.add(row)
    return row


def _write_hour(session: Session, camera: str, hour: datetime, now: datetime) -> None:
    row = session.get(HourRow, (camera, hour)) or HourRow(
        camera=camera, hour=hour, passages_closed=False, minutes_closed=False
    )
    question = select(QuarterRow).where(
        QuarterRow.camera == camera, QuarterRow.quarter >= hour, QuarterRow.quarter < hour + _HOUR
    )
    deleted = session.scalars(question.order_by(QuarterRow.quarter)).all()
    if not row.passages_closed:
        for verdict, number in _count(session, camera, hour).items():
            setattr(row, verdict, number + sum(getattr(each, verdict) for each in deleted))
    if not row.minutes_closed:
        facts = _sum(session, camera, hour)
        for each in deleted:
            facts.add(Facts.of_row(each))
        _set_facts(row, facts)
    row.rolled_up_at = now
    session.add(row)


def _count(session: Session, camera: str, hour: datetime) -> dict[str, int]:
    question = (
        select(PassageRow.verdict, func.count())
        .where(
            PassageRow.camera == camera,
            PassageRow.started_at >= hour,
            PassageRow.started_at < hour + _HOUR,
        )
        .group_by(PassageRow.verdict)
    )
    found = dict.fromkeys((verdict.value for verdict in Verdict), 0)
    for verdict, number in session.execute(question):
        found[verdict] = number
    return found


def _sum(session: Session, camera: str, hour: datetime) -> Facts:
    question = select(MinuteRow).where(
        MinuteRow.camera == camera, MinuteRow.minute >= hour, MinuteRow.minute < hour + _HOUR
    )
    total = Facts()
    for row in session.scalars(question.order_by(MinuteRow.minute)):
        total.add(Facts.of_row(row))
    return total


def _set_facts(row: HourRow | QuarterRow, facts: Facts) -> None:
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
