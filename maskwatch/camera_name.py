"""What a camera may be called: fit for an address, a file's name and a Redis key alike."""

import re

from maskwatch.errors import CameraError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def check_camera_name(name: str) -> str:
    """Give the name back where it may name a camera.

    Raises:
        CameraError: It is empty, longer than 63 characters, or holds anything but letters,
            digits, '-', '_' and '.'; the message proposes a name that would do.
    """
    if _NAME.fullmatch(name):
        return name
    shown = name if len(name) <= 40 else f"{name[:37]}… ({len(name)} characters)"
    proposal = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-._")[:63].rstrip("-._") or "camera-1"
    raise CameraError(
        f"camera name {shown!r} cannot be used: 1 to 63 letters, digits, '-', '_' or '.', "
        f"beginning with a letter or digit; try {proposal!r}"
    )
