"""`maskwatch up`: every process of one machine."""

from pathlib import Path

import click

from maskwatch.commands.options import config_option
from maskwatch.config import load_settings
from maskwatch.process import stop_on_signals
from maskwatch.supervisor import Supervisor


@click.command()
@config_option
def up(config: Path | None) -> None:
    """Run every process of one machine and keep them running, until Ctrl-C or SIGTERM."""
    settings = load_settings(config)
    stop = stop_on_signals()
    with Supervisor(settings, echo=True) as supervisor:
        if supervisor.wait_ready(stop=stop):
            click.echo(f"maskwatch is ready: {supervisor.address}")
        elif not stop.is_set():
            click.echo(
                f"maskwatch: not ready after a minute; it keeps trying. The log above and "
                f"{settings.data_dir / 'logs' / 'maskwatch.log'} say why",
                err=True,
            )
        stop.wait()
        click.echo("maskwatch: stopping", err=True)
