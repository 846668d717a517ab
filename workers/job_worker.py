"""The process that does the jobs: RQ's worker.

A `SimpleWorker`, which does not fork: what is heavy runs in a process of its own anyway (see
`workers.footage_run`), and no database connection crosses a fork. Its time limit is RQ's alarm.
"""

import os
import uuid

from rq import SimpleWorker

from maskwatch.bus import connect_jobs
from maskwatch.config import Settings
from maskwatch.job_queue import FOOTAGE_QUEUE, SCHEDULE_QUEUE
from maskwatch.process import die_with_parent, setup_logging
from maskwatch.supervisor.environment import settings_environment


def work(settings: Settings, parent_pid: int) -> None:
    """Do jobs until SIGTERM. The process's main function."""
    die_with_parent(parent_pid)
    setup_logging("jobs", settings.log_level)
    os.environ.update(settings_environment(settings))
    with connect_jobs(settings) as client:
        worker = SimpleWorker(
            # The schedule first: it is short, footage is long.
            [SCHEDULE_QUEUE, FOOTAGE_QUEUE],
            connection=client,
            name=f"jobs-{os.getpid()}-{uuid.uuid4().hex[:8]}",
            log_job_description=False,
        )
        worker.work(logging_level="WARNING")
