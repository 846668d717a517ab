"""The roles of the system, one process each: what several machines share out among them."""

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from maskwatch.commands.options import config_option
from maskwatch.config import Settings, load_settings
from maskwatch.errors import MaskwatchError
from maskwatch.process import setup_logging, stop_on_signals

logger = logging.getLogger(__name__)

RoleFunction = Callable[[Settings, threading.Event], None]


def _run(role: str, config: Path | None, function: RoleFunction) -> NoReturn:
    """Run a role until it is told to stop; a failure is logged, and the exit code is 1."""
    settings = load_settings(config)
    setup_logging(role, settings.log_level)
    stop = stop_on_signals()
    logger.info("started")
    try:
        function(settings, stop)
    except MaskwatchError as error:
        logger.error("%s", error)
        logger.debug("failed", exc_info=True)
        _leave(1)
    except Exception:  # the border of the process: everything else is a defect, with its traceback
        logger.exception("ended by an unexpected error")
        _leave(1)
    logger.info("stopped")
    _leave(0)


def _leave(code: int) -> NoReturn:
    """End the process now.

    Taking an interpreter with FFmpeg, OpenCV and a network engine apart in order takes up to a
    second on a busy machine, and everything that the role started has ended by now.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@click.command()
@config_option
def ingest(config: Path | None) -> None:
    """Read every camera of the database, one process each, until stopped."""
    from ingest import main

    _run("ingest", config, main.run)


@click.command()
@config_option
@click.option("--processes", type=click.IntRange(1, 64), help="Default: [workers] processes.")
@click.option("--device", type=click.Choice(["cpu", "gpu"]), help="Default: [workers] device.")
def work(config: Path | None, *, processes: int | None, device: str | None) -> None:
    """Find and classify the faces of all cameras' frames, until stopped."""
    from workers import main

    def run(settings: Settings, stop: threading.Event) -> None:
        main.run(settings, stop, processes=processes, device=device)

    _run("work", config, run)


@click.command()
@config_option
def record(config: Path | None) -> None:
    """Follow faces, count passages and write them to the database, until stopped."""
    from workers import recorder_main

    _run("record", config, recorder_main.run)


@click.command()
@config_option
def jobs(config: Path | None) -> None:
    """Run background jobs and their schedule, until stopped."""
    from workers import jobs_main

    _run("jobs", config, jobs_main.run)


@click.command()
@config_option
def web(config: Path | None) -> None:
    """Serve the pages and the HTTP API, until stopped."""
    from web import server

    _run("web", config, server.run)
