"""The one way into passages and minutes: the recorder's transaction."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from maskwatch.contracts import CLASSES
from maskwatch.storage.facts import Facts, Passage
from maskwatch.storage.tables import MinuteRow, PassageRow

_MINUTE_MS = 60_000


def add_passages(session: Session, passages: Iterable[Passage]) -> None:
    """Insert passages in the given order.

    Raises:
        sqlalchemy.exc.IntegrityError: One is there already; nothing may be committed.
    """
    rows = [
        {
            "camera": passage.camera,
            "epoch": passage.epoch,
            "track": passage.track,
            "started_at": passage.started_at,
            "ended_at": passage.ended_at,
            "verdict": passage.verdict.value,
            "looks": passage.looks,
            "readable_looks": passage.readable_looks,
            "face_height_px": passage.face_height_px,
            **{name: passage.probabilities.get(name, 0.0) for name in CLASSES},
        }
        for passage in passages
    ]
    if rows:
        session.execute(insert(PassageRow), rows)


def add_minutes(session: Session, camera: str, minutes: Mapping[datetime, Facts]) -> None:
    """Add facts to the minutes of a camera; `minutes` maps the start of the minute to them."""
    for minute in sorted(minutes):
        row = session.get(MinuteRow, (camera, minute))
        facts = Facts() if row is None else Facts.of_row(row)
        facts.add(minutes[minute])
        # Two lives of an ingest process may report the same second: a minute has 60 of them.
        facts.watched_ms = min(facts.watched_ms, _MINUTE_MS)
        if row is None:
            session.add(MinuteRow(camera=camera, minute=minute, **facts.columns()))
        else:
            for name, value in facts.columns().items():
                setattr(row, name, value)
    session.flush()
