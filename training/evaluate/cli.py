"""`maskwatch evaluate`: one command for each thing that is measured."""

from typing import Final

import click

from maskwatch.lazy_group import Entry, LazyGroup

MEASURES: Final = {
    "classifier": Entry(
        "training.evaluate.classifier_cli", "classifier", "Mask, no mask, incorrect: by slice."
    ),
    "detector": Entry(
        "training.evaluate.detector_cli", "detector", "Face AP and recall by face height."
    ),
    "all": Entry(
        "training.evaluate.all_cli", "evaluate_all", "Both, and the page docs/accuracy.md."
    ),
}
"""What is measured, to the command that measures it."""


@click.group(cls=LazyGroup, table=MEASURES)
def evaluate() -> None:
    """Measure the networks on labelled pictures. Needs the extra [train]."""
