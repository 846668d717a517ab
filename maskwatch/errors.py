"""Every error a user may see. The command line prints one line and exits with 1.

MaskwatchError
├── ConfigError        a key, its value and the remedy
├── CameraError        a camera's name or address is wrong, or there is no such camera
│   └── SourceError    a source cannot be read; `reason` says why (see contracts.SourceReason)
├── BusError           Redis cannot be reached or refuses
│   ├── BusGoneError   it is gone at this moment: wait and go on
│   └── BusFullError   its memory is used up: count what could not be kept, and go on
├── StorageError       the database cannot be reached, is locked, read-only or of another version,
│                      or the disk refuses a training's file
├── ModelError         weights or their card are missing, damaged or do not fit
├── MediaError         a picture or video file cannot be read
└── JobError           a background job cannot be made or has failed
"""


class MaskwatchError(Exception):
    """Base of all errors that are told to the user in one line.

    The message names the thing, the value and the way out. It never holds a secret.
    """


class ConfigError(MaskwatchError):
    """A setting is missing, misspelt or out of range."""


class CameraError(MaskwatchError):
    """A camera's name or address is unusable, or the camera does not exist."""


class SourceError(CameraError):
    """A camera, stream or file cannot be read.

    Attributes:
        reason: One of `maskwatch.contracts.SourceReason`, for programs.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        """Keep `reason` when the error crosses a process border."""
        return _source_error, (self.args[0], self.reason)


def _source_error(message: str, reason: str) -> SourceError:
    return SourceError(message, reason=reason)


class BusError(MaskwatchError):
    """Redis cannot be reached, refuses the log-in or is full."""


class BusGoneError(BusError):
    """Redis cannot be reached at this moment; it may come back."""


class BusFullError(BusError):
    """Redis has used up its memory and takes nothing more until some is freed."""


class StorageError(MaskwatchError):
    """The database or the disk refuses: not reached, locked, read-only, full or another version."""


class ModelError(MaskwatchError):
    """Weights or their card are missing, damaged or do not fit."""


class MediaError(MaskwatchError):
    """A picture or video file cannot be read."""


class JobError(MaskwatchError):
    """A background job cannot be queued or has failed."""
