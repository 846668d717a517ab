"""The process of one inference worker: `python -m workers.worker_process`, started by `main`.

What stops it from ever working (weights, device, log-in) goes to stdout as one line, with the exit
code `EXIT_USELESS`, so that the parent can say it once for all its workers.
"""

import argparse
import logging
import sys
import threading
from typing import Final

import cv2
import psutil

from maskwatch.bus import connect, wait_until_ready
from maskwatch.config import Settings, load_settings
from maskwatch.errors import MaskwatchError
from maskwatch.process import die_with_parent, setup_logging, stop_on_signals
from workers.agreement import EXIT_RECYCLE, EXIT_USELESS
from workers.analyse import load_analyser
from workers.worker import Worker

logger = logging.getLogger(__name__)

RECYCLE_GROWTH_BYTES: Final = 1 << 30
"""A worker that has grown by so much since it was warm is replaced by a fresh one."""


def main(arguments: list[str] | None = None) -> int:
    """Run one worker until SIGTERM and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parent", type=int, required=True, help="pid; the worker ends with it")
    parser.add_argument("--threads", type=int, required=True, help="cores for the networks")
    given = parser.parse_args(arguments)
    die_with_parent(given.parent)
    settings = load_settings()
    setup_logging("work", settings.log_level)
    stop = stop_on_signals()
    try:
        return work(settings, stop, threads=given.threads)
    except MaskwatchError as error:
        logger.debug("cannot work", exc_info=True)
        sys.stdout.write(f"{error}\n")
        return EXIT_USELESS
    except Exception:  # the border of the process: anything else is a defect, with its traceback
        logger.exception("ended by an unexpected error")
        return 1


def work(settings: Settings, stop: threading.Event, *, threads: int) -> int:
    """Load the networks, warm them up and answer frames.

    Returns:
        0 after `stop`, `EXIT_RECYCLE` where a fresh process should take over.

    Raises:
        ModelError: The networks cannot be loaded.
        BusError: Redis refuses the log-in.
    """
    cv2.setNumThreads(threads)
    analyser = load_analyser(settings.workers, threads=threads)
    analyser.warm_up(batch=settings.workers.batch_frames)
    client = connect(settings)
    if not wait_until_ready(settings, stop, on_wait=logger.warning, client=client):
        return 0
    worker = Worker(settings, client, analyser, threads=threads, stop=stop)
    logger.info(
        "ready as %s, %d threads on the %s", worker.status.name, threads, settings.workers.device
    )
    process = psutil.Process()
    most = process.memory_info().rss + RECYCLE_GROWTH_BYTES

    def has_grown() -> bool:
        return process.memory_info().rss > most

    worker.run(is_over=has_grown)
    client.close()
    if stop.is_set():
        return 0
    logger.warning("has grown by %d MiB: a fresh worker takes over", RECYCLE_GROWTH_BYTES >> 20)
    return EXIT_RECYCLE


if __name__ == "__main__":
    sys.exit(main())
