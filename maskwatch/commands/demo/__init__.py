"""`maskwatch demo`: simulated cameras through the whole system, with the truth beside the count."""

from pathlib import Path

import click

from maskwatch.commands.options import config_option


@click.command()
@click.option("--cameras", default=4, show_default=True, type=click.IntRange(1, 32))
@click.option(
    "--seconds",
    type=click.FloatRange(10, 86_400),
    metavar="S",
    help="Run so long, wait until all is counted, print truth against count, and end.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write truth and count there at the end.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Of the page; default 8080, 0 takes a free one."
)
@click.option("--browser/--no-browser", default=True, help="Open the page.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of the people.")
@click.option(
    "--fps", default=5.0, show_default=True, type=click.FloatRange(1, 15), help="Analysed rate."
)
@config_option
def demo(
    cameras: int,
    seconds: float | None,
    json_path: Path | None,
    port: int | None,
    browser: bool,
    seed: int,
    fps: float,
    config: Path | None,
) -> None:
    """Run simulated cameras whose truth is known, with the page that shows them.

    Drawn corridors, two public-domain portraits, masks drawn on: this proves the plumbing and the
    counting, not the accuracy on real people (docs/accuracy.md has that).
    """
    from maskwatch.commands.demo.run import DemoWish, run_demo

    run_demo(
        DemoWish(
            cameras=cameras,
            seconds=seconds,
            json_path=json_path,
            port=port,
            opens_browser=browser,
            seed=seed,
            fps=fps,
        ),
        config,
    )
