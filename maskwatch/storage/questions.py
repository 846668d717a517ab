"""The questions that pages and reports ask of passages and minutes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, func, select

from maskwatch.contracts import CLASSES, Verdict
from maskwatch.storage.database import reading
from maskwatch.storage.facts import Facts, Passage
from maskwatch.storage.tables import MinuteRow, PassageRow


def counts(
    engine: Engine, camera: str | None, start_utc: datetime, end_utc: datetime
) -> dict[Verdict, int]:
    """Passages by verdict whose first look lies in [start, end).

    Args:
        engine: The database.
        camera: Name of the camera; None for all.
        start_utc: Aware start.
        end_utc: Aware end, exclusive.

    Returns:
        A number for every verdict, 0 where there was none.
    """
    found = dict.fromkeys(Verdict, 0)
    question = (
        select(PassageRow.verdict, func.count())
        .where(*_stretch(camera, start_utc, end_utc))
        .group_by(PassageRow.verdict)
    )
    with reading(engine) as session:
        for verdict, number in session.execute(question):
            found[Verdict(verdict)] = number
    return found


def counts_by_camera(
    engine: Engine, start_utc: datetime, end_utc: datetime
) -> dict[str, dict[Verdict, int]]:
    """As `counts`, for every camera that has a passage in [start, end), in one question."""
    found: dict[str, dict[Verdict, int]] = {}
    question = (
        select(PassageRow.camera, PassageRow.verdict, func.count())
        .where(*_stretch(None, start_utc, end_utc))
        .group_by(PassageRow.camera, PassageRow.verdict)
    )
    with reading(engine) as session:
        for camera, verdict, number in session.execute(question):
            found.setdefault(camera, dict.fromkeys(Verdict, 0))[Verdict(verdict)] = number
    return found


def passages(
    engine: Engine,
    camera: str | None,
    start_utc: datetime,
    end_utc: datetime,
    *,
    verdict: Verdict | None = None,
    limit: int | None = None,
    newest_first: bool = False,
) -> list[Passage]:
    """Passages whose first look lies in [start, end), in order of it; None: of any verdict."""
    order = PassageRow.started_at.desc() if newest_first else PassageRow.started_at
    question = (
        select(PassageRow)
        .where(*_stretch(camera, start_utc, end_utc))
        .order_by(order, PassageRow.camera, PassageRow.track)
        .limit(limit)
    )
    if verdict is not None:
        question = question.where(PassageRow.verdict == verdict.value)
    with reading(engine) as session:
        return [_to_passage(row) for row in session.scalars(question)]


def minute_facts(
    engine: Engine, camera: str, start_utc: datetime, end_utc: datetime
) -> list[tuple[datetime, Facts]]:
    """Start of the minute and its facts, for the minutes that begin in [start, end).

    A minute that is missing was not watched.
    """
    question = (
        select(MinuteRow)
        .where(
            MinuteRow.camera == camera, MinuteRow.minute >= start_utc, MinuteRow.minute < end_utc
        )
        .order_by(MinuteRow.minute)
    )
    with reading(engine) as session:
        return [(row.minute, Facts.of_row(row)) for row in session.scalars(question)]


def total_facts(engine: Engine, camera: str, start_utc: datetime, end_utc: datetime) -> Facts:
    """The sum of `minute_facts`."""
    total = Facts()
    for _, facts in minute_facts(engine, camera, start_utc, end_utc):
        total.add(facts)
    return total


def _stretch(
    camera: str | None, start_utc: datetime, end_utc: datetime
) -> Sequence[ColumnElement[bool]]:
    stretch = [PassageRow.started_at >= start_utc, PassageRow.started_at < end_utc]
    return stretch if camera is None else [PassageRow.camera == camera, *stretch]


def _to_passage(row: PassageRow) -> Passage:
    return Passage(
        camera=row.camera,
        epoch=row.epoch,
        track=row.track,
        started_at=row.started_at,
        ended_at=row.ended_at,
        verdict=Verdict(row.verdict),
        looks=row.looks,
        readable_looks=row.readable_looks,
        probabilities={name: getattr(row, name) for name in CLASSES},
        face_height_px=row.face_height_px,
    )
