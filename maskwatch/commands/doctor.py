"""`maskwatch doctor`: check this machine and its setup."""

import json
import sys
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from maskwatch.commands.options import config_option
from maskwatch.config import load_settings
from maskwatch.doctor.examination import CHECKS, examine
from maskwatch.doctor.finding import Finding, Level, fail, ok
from maskwatch.errors import ConfigError

COLOURS: Final = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command()
@config_option
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(CHECKS)),
    help="Make only this check; may be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of lines.")
def doctor(config: Path | None, *, only: tuple[str, ...], as_json: bool) -> None:
    """Check this machine and its setup: one line each, with the fix; exit 1 on a failure."""
    findings = []
    for finding in _findings(config, only or CHECKS):
        findings.append(finding)
        if not as_json:
            click.echo(_line(finding))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    sys.exit(any(finding.level is Level.FAIL for finding in findings))


def _findings(config: Path | None, only: Collection[str]) -> Iterator[Finding]:
    try:
        settings = load_settings(config)
    except ConfigError as error:
        yield fail("configuration", str(error))
        return
    yield ok("configuration", "read, every key known")
    yield from examine(settings, only)


def _line(finding: Finding) -> str:
    level = click.style(f"{finding.level:<4}", fg=COLOURS[finding.level], bold=True)
    fix = f" — {finding.fix}" if finding.fix else ""
    return f"{level}  {finding.check}: {finding.message}{fix}"
