"""`maskwatch train`: one command for each network."""

from typing import Final

import click

from maskwatch.lazy_group import Entry, LazyGroup

NETWORKS: Final = {
    "classifier": Entry(
        "training.classifier.cli", "classifier", "The mask classifier: mask, no mask, incorrect."
    ),
    "detector": Entry("training.detector.cli", "detector", "The face detector."),
    "vgg19": Entry("training.vgg19.cli", "vgg19", "The thesis's classifier on a frozen VGG19."),
}
"""Network to the command that trains it."""


@click.group(cls=LazyGroup, table=NETWORKS)
def train() -> None:
    """Train the networks. Needs the extra [train]."""
