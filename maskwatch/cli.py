"""The command line: a table of commands, each loaded only when it is called.

Loading late keeps `maskwatch --help` under a second: no command's libraries are imported for it.
"""

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from maskwatch import __version__
from maskwatch.errors import MaskwatchError

COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "demo": ("maskwatch.commands.demo", "demo", "Run simulated cameras whose truth is known."),
    "up": ("maskwatch.commands.up", "up", "Run every process of one machine, supervised."),
    "ingest": ("maskwatch.commands.roles", "ingest", "Read the cameras."),
    "work": ("maskwatch.commands.roles", "work", "Find and classify faces."),
    "record": ("maskwatch.commands.roles", "record", "Count passages into the database."),
    "jobs": ("maskwatch.commands.roles", "jobs", "Run background jobs and their schedule."),
    "web": ("maskwatch.commands.roles", "web", "Serve the pages and the HTTP API."),
    "camera": ("maskwatch.commands.camera", "camera", "Add, list, remove and test cameras."),
    "analyze": ("maskwatch.commands.analyze", "analyze", "Analyse pictures and video files."),
    "report": ("maskwatch.commands.report", "report", "Print compliance by hour or day."),
    "bench": ("maskwatch.commands.bench", "bench", "Measure cameras per machine and models."),
    "doctor": ("maskwatch.commands.doctor", "doctor", "Check this machine and its setup."),
    "password": ("maskwatch.commands.password", "password", "Make the hash of a web password."),
    "train": ("maskwatch.commands.train", "train", "Train the networks."),
    "evaluate": ("maskwatch.commands.train", "evaluate", "Measure the networks on labelled data."),
    "data": ("maskwatch.commands.train", "data", "Import, split and check training pictures."),
}
"""Command name to module, attribute and the line that --help shows."""


class LazyGroup(click.Group):
    """A click group that imports a command's module only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands from the table, so that --help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
    except BrokenPipeError:
        # The reader of a pipe (head, less) has left: quiet, and no second error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
