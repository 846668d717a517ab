"""`maskwatch bench`: how many cameras this machine carries, and where its time goes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskwatch.commands.options import config_option

if TYPE_CHECKING:
    from models.runtimes import Device


class CameraNumbers(click.ParamType[tuple[int, ...]]):
    """Comma-separated numbers of cameras."""

    name = "list"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers of a text such as "1,2,4"."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of numbers such as 1,2,4", param, ctx)
        if not all(1 <= number <= 64 for number in numbers):
            self.fail(f"{value!r}: 1 to 64 cameras", param, ctx)
        return numbers


json_option = click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the figures there.",
)


@click.group(invoke_without_command=True)
@click.option(
    "--cameras",
    type=CameraNumbers(),
    default="1,2,4,8",
    show_default=True,
    help="Numbers of cameras to measure, one after the other.",
)
@click.option(
    "--fps", default=5.0, show_default=True, type=click.FloatRange(0.5, 25), help="Analysed rate."
)
@click.option(
    "--seconds",
    default=30.0,
    show_default=True,
    type=click.FloatRange(2, 3600),
    help="Measured for each number of cameras.",
)
@json_option
@config_option
@click.pass_context
def bench(
    context: click.Context,
    cameras: tuple[int, ...],
    fps: float,
    seconds: float,
    json_path: Path | None,
    config: Path | None,
) -> None:
    """Measure the whole system on simulated 720p cameras at 25 pictures a second.

    Beside it, in the same run, the floor: decoding and the bare networks alone on the same cores.
    """
    if context.invoked_subcommand is not None:
        return
    from maskwatch.commands.bench.run import BenchWish, run_bench

    run_bench(BenchWish(cameras=cameras, fps=fps, seconds=seconds, json_path=json_path), config)


@bench.command()
@click.option("--threads", type=click.IntRange(1), help="Cores for one batch; default: all.")
@click.option(
    "--device", type=click.Choice(["cpu", "gpu"]), help="Default: as configured for the workers."
)
@click.option(
    "--yunet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="OpenCV's YuNet, measured beside ours.",
)
@click.option(
    "--onnx",
    "others",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Another network with one fixed input, measured beside ours; may be repeated.",
)
@json_option
@config_option
def models(
    threads: int | None,
    device: "Device | None",
    yunet: Path | None,
    others: tuple[Path, ...],
    json_path: Path | None,
    config: Path | None,
) -> None:
    """Time the networks alone, by runtime and batch size."""
    from maskwatch.commands.bench.networks import run_models

    run_models(
        threads=threads,
        device=device,
        yunet=yunet,
        others=others,
        json_path=json_path,
        config=config,
    )
