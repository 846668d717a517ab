"""Which pictures train, which choose settings, and which are only ever measured on."""

from __future__ import annotations

import hashlib
from typing import Literal

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


def split_of(source: str, group: str | int) -> Split:
    """Returns the split of a group of near-duplicate pictures: a tenth tests, a tenth validates.

    The answer depends on the names alone, so adding pictures never moves an old one.

    Args:
        source: The collection that the group belongs to.
        group: The group's name or number within the collection.
    """
    digest = hashlib.sha1(f"{source}/{group}".encode(), usedforsecurity=False).hexdigest()
    match int(digest, 16) % 10:
        case 0:
            return "test"
        case 1:
            return "val"
        case _:
            return "train"
