"""Whether the pictures that a run's cache was made from are still the same.

Size and time of change tell it cheaply; only where these differ are the bytes read, for a copied
folder has new times and the old pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from maskwatch.errors import ConfigError
from training.disk import write_text_whole


class Fingerprint(NamedTuple):
    """Of one picture: size in bytes, time of change in ns, BLAKE2b of the bytes in hexadecimal."""

    size: int
    mtime_ns: int
    digest: str


def keep_fingerprints(record: Path, pictures: Mapping[str, Path]) -> None:
    """Writes down what the pictures are now; one that cannot be read is left out.

    Args:
        record: JSON file to write.
        pictures: Where each lies, by a name that stays the same when the folder moves.

    Raises:
        StorageError: The disk refused.
    """
    found = {name: seen for name, path in pictures.items() if (seen := fingerprint(path))}
    write_text_whole(record, json.dumps(found))


def refuse_changed(record: Path, pictures: Mapping[str, Path], *, run: Path) -> None:
    """Compares the pictures with what `keep_fingerprints` wrote, or writes it where nothing is.

    A cache of a version that kept no fingerprints is taken for one of the pictures of now. A
    picture that is gone does no harm: the cache has it.

    Args:
        record: See `keep_fingerprints`.
        pictures: See `keep_fingerprints`.
        run: Its folder, for the message.

    Raises:
        ConfigError: A picture's bytes have changed.
        StorageError: The disk refused.
    """
    if not record.exists():
        keep_fingerprints(record, pictures)
        return
    known = {
        name: Fingerprint(*kept)
        for name, kept in json.loads(record.read_text(encoding="utf-8")).items()
    }
    touched = [
        name for name in pictures if name in known and _is_touched(pictures[name], known[name])
    ]
    now = {name: seen for name in touched if (seen := fingerprint(pictures[name]))}
    changed = [name for name, found in now.items() if found.digest != known[name].digest]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ConfigError(
            f"{run}: its run was started on other pictures: {pictures[changed[0]]}{more} changed "
            "since; put the old ones back, or give another --out"
        )
    if now:
        write_text_whole(record, json.dumps(known | now))


def fingerprint(path: Path) -> Fingerprint | None:
    """Returns a picture's fingerprint, None where it cannot be read; reads it whole."""
    try:
        status = path.stat()
        digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return None
    return Fingerprint(status.st_size, status.st_mtime_ns, digest)


def _is_touched(path: Path, kept: Fingerprint) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) != (kept.size, kept.mtime_ns)
