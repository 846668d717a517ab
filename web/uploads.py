"""Taking in files: straight into the folder where they stay, so that `/tmp` need not hold them."""

import errno
import io
import os
import tempfile
import weakref
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Final, cast

from flask import Request
from werkzeug.datastructures import FileStorage

from maskwatch.errors import MediaError
from web.services import services

FOLDER: Final = "footage"
"""Below `data_dir`; retention deletes files there, what a killed process left among them."""

_MODE: Final = 0o640
_DISK_IS_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class NotKeptError(MediaError):
    """A file that was handed in is not kept.

    Attributes:
        status: The HTTP status that says so.
    """

    def __init__(self, message: str, *, status: HTTPStatus) -> None:
        super().__init__(message)
        self.status = status


class Upload:
    """A file on its way in: gone with the request unless it is kept.

    A failure to write is held back until somebody wants to keep the file. The rest of the request
    is read and forgotten meanwhile: a browser that is still sending would not see an answer.

    Args:
        folder: Where it will stay; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._file: io.FileIO | io.BytesIO = io.BytesIO()  # stays empty where there is no file
        self._error: OSError | None = None
        self._end: weakref.finalize[Any, Upload] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=".upload-")
        except OSError as error:
            self._error = error
            return
        self._path = Path(name)
        # Unbuffered: what is buffered would fail once more when the file is closed.
        self._file = io.FileIO(descriptor, "w+")
        self._end = weakref.finalize(self, _delete, self._file, self._path)

    def write(self, data: bytes) -> int:
        """Append, unless it has failed before."""
        left = memoryview(data)
        try:
            while self._error is None and left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._error = error
            self._file.truncate(0)  # the database needs the room
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file; the parser of forms goes back to the start."""
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """As of any file."""
        return self._file.read(size)

    def close(self) -> None:
        """Delete what was not kept."""
        self._file.close()
        if self._end is not None:
            self._end()

    def keep_as(self, path: Path) -> None:
        """Give the file its name, in the same folder.

        Raises:
            OSError: It was not written, or cannot have that name.
        """
        if self._error is not None:
            raise self._error
        self._path.chmod(_MODE)
        self._path.replace(path)  # no second copy of gigabytes
        if self._end is not None:
            self._end.detach()


def _delete(file: io.FileIO, path: Path) -> None:
    file.close()
    path.unlink(missing_ok=True)


class UploadRequest(Request):
    """A request whose files lie in our folder from the first byte on."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return cast(IO[bytes], Upload(services().settings.data_dir / FOLDER))


def keep_as(given: FileStorage, path: Path) -> None:
    """Keep a file that was handed in.

    Raises:
        NotKeptError: It cannot be written.
    """
    try:
        cast(Upload, given.stream).keep_as(path)
    except OSError as error:
        is_full = error.errno in _DISK_IS_FULL
        raise NotKeptError(
            f"The file cannot be kept: {error.strerror}.",
            status=HTTPStatus.INSUFFICIENT_STORAGE if is_full else HTTPStatus.INTERNAL_SERVER_ERROR,
        ) from error
