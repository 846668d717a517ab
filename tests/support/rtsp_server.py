"""A real RTSP server (Debian's GStreamer RTSP server) in a process of its own."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
PROGRAM = Path(__file__).with_name("rtsp_server_program.py")
_CHECK = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
missing = [n for n in ("multifilesrc", "h264parse", "rtph264pay") if not Gst.ElementFactory.find(n)]
raise SystemExit(f"GStreamer lacks {missing}" if missing else 0)
"""


class RtspServer:
    """One camera; `stop` is its plug pulled, `start` plugs it in again on the same port.

    Args:
        video: An H.264 byte stream, sent in a loop; see `pictures.to_annex_b`. Of a "film", MKV.
        kind: "h264", or "h265", "mjpeg", "audio" from test signals; "film" is sent once, and the
            server states its length, as a recorder does.
        user: Log-in; "" for none.
        password: Of the log-in.
        auth: "basic" or "digest".
    """

    def __init__(
        self,
        *,
        video: Path | None = None,
        kind: str = "h264",
        user: str = "",
        password: str = "",
        auth: str = "basic",
    ) -> None:
        self._arguments = ["--kind", kind, "--file", str(video or "")]
        if user:
            self._arguments += ["--user", user, "--password", password, "--auth", auth]
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Address of the stream, without a log-in."""
        return f"rtsp://127.0.0.1:{self.port}/camera"

    def start(self) -> None:
        """Listen; the first time on a free port, then on the same."""
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(PROGRAM), *self._arguments, "--port", str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the RTSP server did not start"
        self.port = json.loads(line)["port"]

    def stop(self) -> None:
        """End at once, as a camera without power does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@lru_cache
def why_no_rtsp() -> str:
    """Return why there is no RTSP server on this machine; "" where there is one."""
    if not Path(SYSTEM_PYTHON).exists():
        return f"no {SYSTEM_PYTHON}"
    check = subprocess.run([SYSTEM_PYTHON, "-c", _CHECK], capture_output=True, text=True)
    return check.stderr.strip().splitlines()[-1] if check.returncode else ""


def need_rtsp() -> None:
    """Skip the test, with the reason, where GStreamer's RTSP server is not installed."""
    if reason := why_no_rtsp():
        pytest.skip(f"GStreamer's RTSP server is not here (gir1.2-gst-rtsp-server-1.0): {reason}")


@contextmanager
def rtsp_server(**arguments: object) -> Iterator[RtspServer]:
    """Run a server for a while; skips the test where it is not installed."""
    need_rtsp()
    server = RtspServer(**arguments)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.stop()
