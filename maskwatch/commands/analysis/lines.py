"""JSON Lines: one object a line, to a file or to standard output."""

import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import msgspec

from maskwatch.errors import MediaError


class JsonLines:
    """Writes objects as they come, so that a reader of the pipe gets them at once."""

    def __init__(self, target: str) -> None:
        """Open the target.

        Args:
            target: A path, or "-" for standard output.

        Raises:
            MediaError: The file cannot be opened.
        """
        self._target = target
        try:
            # Closed by __exit__; standard output is not ours to close.
            self._file = sys.stdout.buffer if target == "-" else open(target, "wb")  # noqa: SIM115
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._target != "-":
            # Every line was flushed when it was written, and a failure told then.
            with suppress(OSError):
                self._file.close()

    def write(self, line: dict[str, Any]) -> None:
        """Write one object.

        Raises:
            MediaError: The disk is full, or the file has gone.
        """
        try:
            self._file.write(msgspec.json.encode(line) + b"\n")
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> MediaError:
        return MediaError(
            f"{self._target}: cannot be written ({error.strerror}); name another file with --json"
        )
