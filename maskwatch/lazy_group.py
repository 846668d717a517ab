"""A click group whose commands are imported only when they are called."""

import importlib
from collections.abc import Mapping
from typing import NamedTuple

import click


class Entry(NamedTuple):
    """One command: where it is, and the line that --help shows for it."""

    module: str
    attribute: str
    line: str


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to show its own help.

    Loading late keeps `maskwatch --help` under a second, and lets commands whose extra is not
    installed be listed.
    """

    def __init__(self, *args: object, table: Mapping[str, Entry], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed through to click
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or None where there is none of that name."""
        if cmd_name not in self.table:
            return None
        entry = self.table[cmd_name]
        command: click.Command = getattr(importlib.import_module(entry.module), entry.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands from the table, so that --help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in self.table.items()])
