"""A camera on this machine's USB, read by OpenCV: PyAV's FFmpeg has no reader for it."""

import time
from pathlib import Path
from typing import Any

import cv2

from ingest.failures import failure
from ingest.source import CapturedFrame, SourceInfo
from maskwatch.contracts import Camera, SourceReason


def open_webcam(camera: Camera) -> "WebcamSource":
    """Open `webcam:N`.

    Raises:
        SourceError: There is no such device, or it is in use.
    """
    index = int(camera.url.removeprefix("webcam:"))
    # OpenCV would write warnings of its own for a device that is not there.
    is_there = Path(f"/dev/video{index}").exists()
    device = cv2.VideoCapture(index, cv2.CAP_V4L2) if is_there else None
    if device is None or not device.isOpened():
        words = (
            f"cannot be opened: check that /dev/video{index} exists, that this user may read it "
            "and that no other program uses it"
        )
        raise failure(camera, SourceReason.NOT_FOUND, words)
    # The driver's own queue would hand out pictures of seconds ago.
    device.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return WebcamSource(camera, device)


class WebcamSource:
    """An open device. Its pictures come as BGR."""

    def __init__(self, camera: Camera, device: Any) -> None:
        self._camera = camera
        self._device = device
        self._started_at_s: float | None = None
        self._info = SourceInfo(
            width=int(device.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(device.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            codec="webcam",
            fps=max(0.0, float(device.get(cv2.CAP_PROP_FPS))),
        )

    @property
    def info(self) -> SourceInfo:
        """What the driver says of the device."""
        return self._info

    def read(self) -> CapturedFrame:
        """Wait for the next picture; see `Source.read`."""
        is_read, picture = self._device.read()
        arrived_at_s, arrived_at_unix_s = time.monotonic(), time.time()
        if not is_read:
            words = "gives no more pictures: check its cable"
            raise failure(self._camera, SourceReason.LOST, words)
        if self._started_at_s is None:
            self._started_at_s = arrived_at_s
        return CapturedFrame(
            picture=picture,
            media_time_s=arrived_at_s - self._started_at_s,
            arrived_at_s=arrived_at_s,
            arrived_at_unix_s=arrived_at_unix_s,
        )

    def close(self) -> None:
        """Let go of the device."""
        self._device.release()
