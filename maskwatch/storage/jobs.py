"""Background jobs as people see them. SQL holds the truth; RQ only carries them."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from maskwatch.errors import JobError
from maskwatch.storage.database import reading, writing
from maskwatch.storage.tables import JobRow

MAX_ATTEMPTS: Final = 3


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One background job.

    Attributes:
        id: Also the id of its RQ job.
        kind: For example "footage".
        state: See `JobState`.
        progress: 0 to 100; 100 only when done.
        arguments: What it was given.
        result: What it found; None before it is done.
        error: Why it failed, or what its last attempt failed with.
        attempts: How often it was begun.
        worker: Host and process that works on it, "host:pid:start"; "" for none.
        created_at: When it was asked for.
        started_at: When the newest attempt began.
        updated_at: Newest sign of life.
        finished_at: When it was done or had failed for good.
    """

    id: str
    kind: str
    state: JobState
    progress: int
    arguments: dict[str, Any]
    result: dict[str, Any] | None
    error: str
    attempts: int
    worker: str
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime | None
    finished_at: datetime | None


class JobStore:
    """Makes jobs and says how they go."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, kind: str, arguments: dict[str, Any]) -> Job:
        """A new job, queued."""
        now = datetime.now(UTC)
        with writing(self._engine) as session:
            row = JobRow(
                id=str(uuid.uuid4()), kind=kind, state=JobState.QUEUED, progress=0,
                arguments=arguments, result=None, error="", attempts=0, worker="",
                created_at=now, updated_at=now, started_at=None, finished_at=None,
            )  # fmt: skip
            session.add(row)
            return _to_job(row)

    def get(self, job_id: str) -> Job:
        """One job.

        Raises:
            JobError: There is none of that id.
        """
        with reading(self._engine) as session:
            return _to_job(_find(session, job_id))

    def newest(self, *, limit: int = 50) -> list[Job]:
        """Jobs, the newest first."""
        question = select(JobRow).order_by(JobRow.created_at.desc(), JobRow.id).limit(limit)
        with reading(self._engine) as session:
            return [_to_job(row) for row in session.scalars(question)]

    def open(self) -> list[Job]:
        """Jobs that are queued or running, the oldest first."""
        question = (
            select(JobRow)
            .where(JobRow.state.in_((JobState.QUEUED, JobState.RUNNING)))
            .order_by(JobRow.created_at, JobRow.id)
        )
        with reading(self._engine) as session:
            return [_to_job(row) for row in session.scalars(question)]

    def begin(self, job_id: str, *, worker: str) -> Job | None:
        """Begin an attempt; None where the job is not waiting: done, or another's already."""
        now = datetime.now(UTC)
        with writing(self._engine) as session:
            # Two workers may get the same RQ job; on PostgreSQL the second waits here.
            row = session.get(JobRow, job_id, with_for_update=True)
            if row is None or row.state != JobState.QUEUED:
                return None
            row.state, row.worker, row.progress = JobState.RUNNING, worker, 0
            row.attempts += 1
            row.started_at = row.updated_at = now
            return _to_job(row)

    def progress(self, job_id: str, percent: int) -> None:
        """Note how far it is, 0 to 99."""
        with writing(self._engine) as session:
            row = _find(session, job_id)
            row.progress = min(max(percent, 0), 99)
            row.updated_at = datetime.now(UTC)

    def finish(self, job_id: str, result: dict[str, Any]) -> None:
        """It is done."""
        with writing(self._engine) as session:
            row = _find(session, job_id)
            row.result, row.error = result, ""
            _close(row, JobState.DONE)
            row.progress = 100

    def fail(self, job_id: str, error: str, *, is_final: bool) -> None:
        """The attempt has failed; the job waits for another one unless that is pointless.

        Args:
            job_id: The job.
            error: One line for people.
            is_final: Another attempt would fail the same way.
        """
        with writing(self._engine) as session:
            row = _find(session, job_id)
            row.error = error
            if is_final or row.attempts >= MAX_ATTEMPTS:
                _close(row, JobState.FAILED)
            else:
                row.state, row.worker = JobState.QUEUED, ""
                row.updated_at = datetime.now(UTC)

    def release(self, job_id: str, *, is_counted: bool) -> None:
        """Its worker is gone: let another take it.

        Args:
            job_id: The job.
            is_counted: The attempt counts: the worker did not end in order, perhaps through it.
        """
        with writing(self._engine) as session:
            row = _find(session, job_id)
            if row.state != JobState.RUNNING:
                return
            row.attempts -= not is_counted
            if row.attempts >= MAX_ATTEMPTS:
                row.error = f"its worker ended without a word {MAX_ATTEMPTS} times"
                _close(row, JobState.FAILED)
                return
            row.state, row.worker = JobState.QUEUED, ""
            row.updated_at = datetime.now(UTC)

    def delete_finished(self, before: datetime) -> int:
        """Delete jobs that were done or had failed before then, with their results.

        Args:
            before: Aware. Jobs that still wait or run stay, however old.

        Returns:
            How many there were.
        """
        gone = delete(JobRow).where(
            JobRow.state.in_((JobState.DONE, JobState.FAILED)), JobRow.finished_at < before
        )
        with writing(self._engine) as session:
            return len(session.execute(gone.returning(JobRow.id)).all())


def _find(session: Session, job_id: str) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None:
        raise JobError(f"there is no job {job_id[:40]!r}")
    return row


def _close(row: JobRow, state: JobState) -> None:
    row.state, row.worker = state, ""
    row.finished_at = row.updated_at = datetime.now(UTC)


def _to_job(row: JobRow) -> Job:
    values = {name: getattr(row, name) for name in Job.__dataclass_fields__}
    return Job(**{**values, "state": JobState(row.state)})
