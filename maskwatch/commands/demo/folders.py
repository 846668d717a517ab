"""Data folders of demo runs: a fresh one each, found by other commands while it runs."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from maskwatch.config import DEFAULT_FILE, Settings, StorageSettings
from maskwatch.errors import MaskwatchError

OPEN_PREFIX: Final = "run-"
"""Of a demo that runs until it is stopped: people may add their cameras to it."""

TIMED_PREFIX: Final = "timed-"
"""Of a demo that ends by itself."""

_LOCK: Final = "supervisor.lock"


def demo_home(settings: Settings) -> Path:
    """Folder of all demo runs and of their films."""
    return settings.data_dir / "demo"


@contextmanager
def fresh_folder(home: Path, *, is_timed: bool) -> Iterator[Path]:
    """A data folder for one run, so that every run counts from nought; removed afterwards.

    After a failure it stays until the next run, for its log.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(home)
        prefix = TIMED_PREFIX if is_timed else OPEN_PREFIX
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=home)).absolute()
    except OSError as error:
        raise MaskwatchError(
            f"demo folder {str(home)!r} cannot be used: {error.strerror}; run in a folder that is "
            "writable, or set MASKWATCH_DATA_DIR"
        ) from error
    failed = False
    try:
        yield folder
    except MaskwatchError:
        failed = True
        raise
    finally:
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)


def beside_running_demo(settings: Settings) -> Settings:
    """The settings of a demo that runs here, for somebody who has set up nothing of their own.

    A person who has only typed `make demo` adds a camera and sees it in that demo. Whoever has a
    configuration file, a database or MASKWATCH_ variables gets their own settings back.
    """
    has_own = (
        Path(DEFAULT_FILE).is_file()
        or any(name.startswith("MASKWATCH_") for name in os.environ)
        or (settings.data_dir / "maskwatch.db").exists()
    )
    if has_own:
        return settings
    for folder in sorted(demo_home(settings).glob(f"{OPEN_PREFIX}*")):
        if (folder / "maskwatch.db").exists() and _is_held(folder / _LOCK):
            return settings.with_changes(data_dir=folder.absolute(), storage=StorageSettings())
    return settings


def _remove_leftovers(home: Path) -> None:
    """Remove what killed or failed runs left behind."""
    for prefix in (OPEN_PREFIX, TIMED_PREFIX):
        for folder in home.glob(f"{prefix}*"):
            # A run that has made its folder this moment has no lock file yet: it is left alone.
            if (folder / _LOCK).is_file() and not _is_held(folder / _LOCK):
                shutil.rmtree(folder, ignore_errors=True)


def _is_held(lock: Path) -> bool:
    """Whether a supervisor or one of its processes holds the lock file."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
