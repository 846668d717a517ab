"""A small HTTP camera on a free port of this machine: MJPEG, a file, a log-in, and silence."""

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2

from tests.support.pictures import textured

BOUNDARY = "frame"


class _Handler(BaseHTTPRequestHandler):
    server: "HttpCamera"

    def do_GET(self) -> None:
        camera = self.server
        camera.requests += 1
        if camera.login and self.headers.get("Authorization") != camera.expected_login():
            self._refuse(401, ("WWW-Authenticate", 'Basic realm="camera"'))
        elif self.path == "/video.mjpg":
            self._stream()
        elif self.path == "/film.mp4" and camera.film is not None:
            self._film(camera.film.read_bytes())
        elif self.path == "/cut.mp4" and camera.film is not None:
            self._cut(camera.film.read_bytes())
        elif self.path == "/page.html":
            self._film(b"<html>log in here</html>" * 100)
        elif self.path == "/broken":
            self._refuse(503)
        else:
            self._refuse(404)

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""

    def _refuse(self, code: int, *headers: tuple[str, str]) -> None:
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _film(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _cut(self, content: bytes) -> None:
        """Half of it, and the connection ends; nothing says how many bytes there should be."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        number = 0
        try:
            while not self.server.ending.wait(1 / self.server.fps):
                jpeg = cv2.imencode(".jpg", textured(number))[1].tobytes()
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                self.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")
                number += 1
        except OSError:
            return


class HttpCamera(ThreadingHTTPServer):
    """The server; `url(path)` is an address on it."""

    daemon_threads = True

    def __init__(self, *, login: tuple[str, str] | None, film: Path | None, fps: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.login = login
        self.film = film
        self.fps = fps
        self.requests = 0
        self.ending = threading.Event()

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def expected_login(self) -> str:
        """Return the header that the right log-in gives."""
        text = ":".join(self.login or ())
        return "Basic " + base64.b64encode(text.encode()).decode()


@contextmanager
def http_camera(
    *, login: tuple[str, str] | None = None, film: Path | None = None, fps: float = 20.0
) -> Iterator[HttpCamera]:
    """Run an HTTP camera."""
    server = HttpCamera(login=login, film=film, fps=fps)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent_host() -> Iterator[int]:
    """Listen on a port, take connections and never answer; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def unused_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
