"""Hours that a camera watched, written into the database, and the report of them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, update

from maskwatch.config import Settings
from maskwatch.contracts import Camera, Verdict
from maskwatch.reports import ReportRow, report_rows
from maskwatch.storage import CameraStore, writing
from maskwatch.storage.counting import add_minutes, add_passages
from maskwatch.storage.facts import Facts, Passage
from maskwatch.storage.tables import CameraRow

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(days=400)
HOUR = timedelta(hours=1)


def watch(
    engine: Engine,
    start: datetime,
    *,
    minutes: int = 60,
    seen: Mapping[Verdict, int] | None = None,
    camera: str = "a",
    epoch: str = "e",
) -> None:
    """Watch so many whole minutes; passages are spread over them."""
    verdicts = [verdict for verdict, number in (seen or {}).items() for _ in range(number)]
    step = timedelta(minutes=minutes) / max(len(verdicts), 1)
    with writing(engine) as session:
        add_minutes(
            session,
            camera,
            {
                start + timedelta(minutes=index): Facts(watched_ms=60_000, analysed=300)
                for index in range(minutes)
            },
        )
        add_passages(
            session,
            [
                Passage(
                    camera=camera, epoch=f"{epoch} {start}", track=index,
                    started_at=start + step * index, ended_at=start + step * index,
                    verdict=verdict, looks=9, readable_looks=8,
                    probabilities={"mask": 1.0, "no_mask": 0.0, "incorrect": 0.0},
                    face_height_px=60.0,
                )
                for index, verdict in enumerate(verdicts)
            ],
        )  # fmt: skip


def add_camera(engine: Engine, name: str = "a", *, created_at: datetime = NOON - HOUR) -> None:
    CameraStore(engine).add(Camera(name=name, url="rtsp://cam/1"))
    with writing(engine) as session:
        session.execute(
            update(CameraRow).where(CameraRow.name == name).values(created_at=created_at)
        )


def report(
    engine: Engine, settings: Settings, start: datetime, hours: int, **options: object
) -> list[ReportRow]:
    arguments: dict[str, object] = {"by": "hour", "now": LATER, **options}
    return report_rows(
        engine,
        settings,
        start=start,
        end=start + hours * HOUR,
        **arguments,  # type: ignore[arg-type]
    )
