"""`maskwatch up`: every process of one machine."""

from contextlib import suppress
from pathlib import Path

import click

from maskwatch.commands.options import config_option
from maskwatch.config import load_settings
from maskwatch.doctor.settings import check_settings
from maskwatch.process import stop_on_signals
from maskwatch.supervisor import Supervisor


@click.command()
@config_option
def up(config: Path | None) -> None:
    """Run every process of one machine and keep them running, until Ctrl-C or SIGTERM."""
    settings = load_settings(config)
    check_settings(settings)
    stop = stop_on_signals()
    with Supervisor(settings, echo=True) as supervisor:
        if supervisor.wait_ready(stop=stop):
            _say(f"maskwatch is ready: {supervisor.address}")
        elif not stop.is_set():
            _say(
                f"maskwatch: not ready after a minute; it keeps trying. The log above and "
                f"{settings.data_dir / 'logs' / 'maskwatch.log'} say why",
                is_error=True,
            )
        supervisor.wait(stop)
        _say("maskwatch: stopping", is_error=True)


def _say(text: str, *, is_error: bool = False) -> None:
    # A full disk or a closed pipe behind stdout is no reason to stop counting.
    with suppress(OSError):
        click.echo(text, err=is_error)
