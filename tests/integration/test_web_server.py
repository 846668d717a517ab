"""The real web process: how it starts, streams and stops."""

import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from simple_websocket import Client

from maskwatch.bus import EmbeddedRedis, Views, connect
from maskwatch.config import Settings, WebSettings
from maskwatch.contracts import Camera
from maskwatch.storage import CameraStore, migrate, open_database
from maskwatch.supervisor.environment import child_environment
from tests.support.browser import wait_for
from tests.support.web_server import STOP_TIMEOUT_S, Feeder, StartWeb, WebProcess


def _socket(web: WebProcess, *cameras: str) -> Client:
    address = web.address.replace("http://", "ws://") + "/api/v1/live"
    return Client(address + (f"?cameras={','.join(cameras)}" if cameras else ""))


def _handshake(web: WebProcess, *headers: str, path: str = "/api/v1/live") -> socket.socket:
    """Ask for a WebSocket by hand, and read nothing."""
    host, port = web.address.removeprefix("http://").split(":")
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.settimeout(10)
    stream.connect((host, int(port)))
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return stream


def _header(message: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack(">I", message[:4])
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def _pictures(client: Client, number: int) -> list[tuple[dict[str, Any], bytes]]:
    found: list[tuple[dict[str, Any], bytes]] = []
    deadline = time.monotonic() + 20
    while len(found) < number:
        assert time.monotonic() < deadline
        message = client.receive(timeout=1)
        if isinstance(message, bytes):
            found.append(_header(message))
    return found


def _get(address: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_live_socket_brings_new_pictures_and_states(start_web: StartWeb) -> None:
    web = start_web(cameras=["door", "hall"])
    with Feeder(web.settings, ["door", "hall"]):
        client = _socket(web)
        pictures = _pictures(client, 8)
        status = wait_for(lambda: next((m for m in [client.receive(1)] if isinstance(m, str)), ""))
        client.close()
    assert {header["camera"] for header, _ in pictures} == {"door", "hall"}
    for header, jpeg in pictures:
        assert jpeg.startswith(b"\xff\xd8")
        assert 0 <= header["age_s"] < 5
    for name in ("door", "hall"):
        sequences = [header["sequence"] for header, _ in pictures if header["camera"] == name]
        assert sequences == sorted(set(sequences))
    cards = {card["name"]: card for card in json.loads(status)["cameras"]}
    assert cards["door"]["state"] == "live"
    assert cards["door"]["captured_fps"] == 25.0


def test_a_viewer_that_does_not_read_delays_nobody(start_web: StartWeb) -> None:
    web = start_web(cameras=["door"])
    client = connect(web.settings)
    views = Views(client)
    noise = np.random.default_rng(1).integers(0, 256, (400, 700, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    assert len(jpeg) > 200_000
    asleep = _handshake(web, path="/api/v1/live?cameras=door")
    awake = _socket(web, "door")
    assert wait_for(lambda: awake.receive(1))  # a status: it has joined
    wait_for(lambda: views.watched(["door"]))
    # Far more than the buffers between server and sleeper hold.
    for sequence in range(15):
        now = time.time()
        meta = {"captured_at_unix_s": now, "analysed_at_unix_s": now, "sequence": sequence}
        views.publish("door", jpeg, meta, offered_at_unix_s=now)
        [(header, _)] = _pictures(awake, 1)
        assert header["sequence"] == sequence
    awake.close()
    asleep.close()
    client.close()


def test_a_page_of_another_site_gets_no_live_pictures(start_web: StartWeb) -> None:
    web = start_web(cameras=["door"])
    for origin, expected in (("http://evil.test", b" 403 "), (web.address, b" 101 ")):
        with _handshake(web, f"Origin: {origin}") as stream:
            assert expected in stream.recv(4096).splitlines()[0]


def test_pictures_are_not_compressed_again(start_web: StartWeb) -> None:
    web = start_web()
    with _handshake(web, "Sec-WebSocket-Extensions: permessage-deflate") as stream:
        answer = stream.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101")
    assert b"deflate" not in answer


def test_the_mjpeg_stream_moves_and_says_why_when_it_cannot(start_web: StartWeb) -> None:
    web = start_web(cameras=["door"])
    with Feeder(web.settings, ["door"]) as feeder:
        address = f"{web.address}/api/v1/cameras/door/stream.mjpg"
        with urllib.request.urlopen(address) as stream:  # noqa: S310
            assert stream.headers["Content-Type"].startswith("multipart/x-mixed-replace")
            moving = [_part(stream) for _ in range(3)]
            assert {picture.shape for picture in moving} == {(180, 320, 3)}
            assert any((moving[0] != other).any() for other in moving[1:])
            feeder.offline.add("door")
            wait_for(lambda: _part(stream).shape == (360, 640, 3))
            feeder.offline.clear()
            wait_for(lambda: _part(stream).shape == (180, 320, 3))
            assert b"maskwatch_viewers 1.0" in _get(f"{web.address}/metrics")[1]
        wait_for(lambda: b"maskwatch_viewers 0.0" in _get(f"{web.address}/metrics")[1])


def test_an_mjpeg_viewer_that_does_not_read_is_let_go(start_web: StartWeb) -> None:
    web = start_web(cameras=["door"])
    host, port = web.address.removeprefix("http://").split(":")
    noise = np.random.default_rng(1).integers(0, 256, (400, 700, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    client = connect(web.settings)
    views = Views(client)
    with socket.socket() as asleep:
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asleep.connect((host, int(port)))
        path = "/api/v1/cameras/door/stream.mjpg"
        asleep.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        wait_for(lambda: b"maskwatch_viewers 1.0" in _get(f"{web.address}/metrics")[1])

        def is_let_go() -> bool:
            now = time.time()
            meta = {"captured_at_unix_s": now, "analysed_at_unix_s": now, "sequence": 0}
            views.publish("door", jpeg, meta, offered_at_unix_s=now)
            return b"maskwatch_viewers 0.0" in _get(f"{web.address}/metrics")[1]

        wait_for(is_let_go, timeout_s=60)
    client.close()


def _part(stream: Any) -> Any:
    length = 0
    while (line := stream.readline()).strip() or not length:
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return cv2.imdecode(np.frombuffer(stream.read(length), np.uint8), cv2.IMREAD_COLOR)


def test_a_snapshot_is_fresh_or_refused(start_web: StartWeb) -> None:
    web = start_web(cameras=["door"])
    path = f"{web.address}/api/v1/cameras/door/snapshot.jpg"
    with Feeder(web.settings, ["door"]) as feeder:
        status, jpeg = _get(path)
        assert (status, jpeg[:2]) == (200, b"\xff\xd8")
        feeder.offline.add("door")
        wait_for(lambda: _get(path)[0] == 503, timeout_s=30)
        detail = json.loads(_get(path)[1])["detail"]
        assert detail["state"] == "offline"
        assert "did not answer" in detail["sentence"]
    assert _get(f"{web.address}/api/v1/cameras/nobody/snapshot.jpg")[0] == 404
    assert _get(f"{web.address}/api/v1/cameras/nobody/stream.mjpg")[0] == 404


def test_a_redis_that_goes_is_told_and_pictures_return_with_it(
    own_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path).with_changes(web=WebSettings(port=0))
    engine = open_database(settings)
    migrate(engine)
    CameraStore(engine).add(Camera(name="door", url="rtsp://192.0.2.1/s"))
    engine.dispose()
    web = WebProcess(settings, tmp_path / "web.log")
    web.start()
    try:
        with Feeder(settings, ["door"]):
            client = _socket(web)
            _pictures(client, 2)
        own_redis.stop()
        problem = wait_for(lambda: _problem(client), timeout_s=30)
        assert "cannot be reached" in problem
        own_redis.start()
        with Feeder(settings, ["door"]):
            assert _pictures(client, 3)
            wait_for(lambda: _problem(client) == "")
        client.close()
    finally:
        web.stop(timeout_s=15)


def _problem(client: Client) -> str | None:
    message = client.receive(timeout=1)
    return json.loads(message)["problem"] if isinstance(message, str) else None


def test_it_stops_in_time_though_somebody_watches(start_web: StartWeb) -> None:
    web = start_web(cameras=["door"])
    with Feeder(web.settings, ["door"]):
        client = _socket(web)
        _pictures(client, 1)
        children = _children(web.pid)
        assert children
        assert web.stop(timeout_s=STOP_TIMEOUT_S) == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in children)


def _children(pid: int) -> list[str]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def test_a_taken_port_is_one_line_and_exit_1(start_web: StartWeb) -> None:
    web = start_web()
    port = int(web.address.rsplit(":", 1)[1])
    text = _failed_start(web.settings.with_changes(web=WebSettings(port=port)))
    assert f"cannot listen at 127.0.0.1:{port}" in text
    assert "Traceback" not in text


def test_all_addresses_without_a_password_are_refused(redis_settings: Settings) -> None:
    text = _failed_start(
        redis_settings.with_changes(web=WebSettings(host="0.0.0.0", port=0))  # noqa: S104
    )
    assert "maskwatch password" in text
    assert "Traceback" not in text


def _failed_start(settings: Settings) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "maskwatch", "web"],
        env=child_environment(settings, role="web"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr
