"""The command line: a table of commands, each loaded only when it is called."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from maskwatch import __version__
from maskwatch.errors import MaskwatchError
from maskwatch.lazy_group import Entry, LazyGroup

COMMANDS: Final = {
    "demo": Entry("maskwatch.commands.demo", "demo", "Run simulated cameras whose truth is known."),
    "up": Entry("maskwatch.commands.up", "up", "Run every process of one machine, supervised."),
    "ingest": Entry("maskwatch.commands.roles", "ingest", "Read the cameras."),
    "work": Entry("maskwatch.commands.roles", "work", "Find and classify faces."),
    "record": Entry("maskwatch.commands.roles", "record", "Count passages into the database."),
    "jobs": Entry("maskwatch.commands.roles", "jobs", "Run background jobs and their schedule."),
    "web": Entry("maskwatch.commands.roles", "web", "Serve the pages and the HTTP API."),
    "camera": Entry("maskwatch.commands.camera", "camera", "Add, list, remove and test cameras."),
    "analyze": Entry("maskwatch.commands.analyze", "analyze", "Analyse pictures and video files."),
    "report": Entry("maskwatch.commands.report", "report", "Print compliance by hour or day."),
    "bench": Entry("maskwatch.commands.bench", "bench", "Measure cameras per machine and models."),
    "doctor": Entry("maskwatch.commands.doctor", "doctor", "Check this machine and its setup."),
    "password": Entry("maskwatch.commands.password", "password", "Hash a web password."),
    "train": Entry("maskwatch.commands.train", "train", "Train the networks."),
    "evaluate": Entry(
        "training.evaluate.cli", "evaluate", "Measure the networks on labelled data."
    ),
    "data": Entry("training.datasets.cli", "data", "Import, split and check training pictures."),
}
"""Command name to module, attribute and the line that --help shows."""

EXTRAS: Final = {
    "keras": "train",
    "matplotlib": "train",
    "onnx": "train",
    "psycopg": "postgres",
    "skimage": "demo",
    "tensorboard": "train",
    "tensorflow": "train",
    "torch": "train,torch",
}
"""Library that a light install lacks, to the extras that bring it and what it is used with."""

CPU_TORCH: Final = "; without a GPU install PyTorch's CPU build first, see docs/operations.md"
"""Else pip chooses the build with gigabytes of CUDA."""


@click.group(
    cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="maskwatch")
def cli() -> None:
    """Count people with, without and with a badly worn mask, camera by camera."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 success, 1 a failure in one line, 2 wrong usage."""
    try:
        code = cli.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="maskwatch",
            standalone_mode=False,
        )
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except MaskwatchError as error:
        logging.getLogger(__name__).debug("failed", exc_info=True)
        click.echo(f"maskwatch: {error}", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        _explain_missing(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe (head, less) has left: quiet, and no second error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _explain_missing(error: ModuleNotFoundError) -> None:
    """Say which extra brings the missing library; anything else is a defect and goes on up."""
    library = (error.name or "").partition(".")[0]
    if library not in EXTRAS:
        raise error
    extra = EXTRAS[library]
    where = f" {CPU_TORCH}" if library == "torch" else ""
    click.echo(
        f"maskwatch: this command needs {library!r}, which is not installed; install the extra: "
        f"pip install 'maskwatch[{extra}]' (in a checkout: pip install -e '.[{extra}]'){where}",
        err=True,
    )
