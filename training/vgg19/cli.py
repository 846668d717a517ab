"""`maskwatch train vgg19`: the thesis's pipeline as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, Progress, TextColumn

from training.keras_engine import choose_backend

if TYPE_CHECKING:
    from training.vgg19.train import Epoch


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Holds Train, Validation and Test, each with WithMask and WithoutMask.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/vgg19"),
    show_default=True,
    help="Folder of the run; a run that is there already goes on.",
)
@click.option("--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--weights",
    default="imagenet",
    show_default=True,
    help="'imagenet' (downloaded by Keras) or a local file of VGG19 without its top.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="In place of the recipe's 20.")
@click.option(
    "--split",
    type=click.Choice(["original", "group"]),
    default="original",
    show_default=True,
    help="original leaks on the 12K set; group splits by base face.",
)
def vgg19(
    data: Path, out: Path, recipe: Path | None, weights: str, epochs: int | None, split: str
) -> None:  # fmt: skip
    """Train the thesis's classifier: 128 px, frozen VGG19, Flatten, Dense(2), 20 epochs.

    The folder then holds vgg19.keras with its card, history.json, history.png and test.json. Name
    the model in the configuration (workers.classifier) and the workers use it: two classes only.
    """
    choose_backend()
    from training.vgg19.recipe import BUILTIN_RECIPE, read_recipe
    from training.vgg19.train import MODEL_NAME, Vgg19Options, train_vgg19

    chosen = read_recipe(recipe or BUILTIN_RECIPE)
    if epochs is not None:
        chosen = chosen.model_copy(update={"epochs": epochs})
    options = Vgg19Options(
        data=data, folder=out, recipe=chosen, weights=weights, keeps_split=split == "original"
    )
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}")
    with Progress(*columns) as bar:
        task = bar.add_task("train vgg19", total=None, note="reading pictures")

        def tell(epoch: Epoch) -> None:
            note = (
                f"epoch {epoch.epoch}/{epoch.epochs}  loss {epoch.loss:.4f}  "
                f"validation accuracy {epoch.val_accuracy:.4f}  {epoch.left_s / 60:.0f} min left"
            )
            bar.update(task, note=note)

        def tell_batch(done: int, count: int) -> None:
            bar.update(task, completed=done, total=count)

        figures = train_vgg19(options, tell, tell_batch)
    click.echo(f"test accuracy {figures['test_accuracy']:.4f}; model: {out / MODEL_NAME}")
