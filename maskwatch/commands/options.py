"""Options that several commands share."""

from pathlib import Path

import click

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Configuration file; default: $MASKWATCH_CONFIG, else ./maskwatch.toml if there is one.",
)
