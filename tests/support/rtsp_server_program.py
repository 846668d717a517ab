"""A small RTSP server on GStreamer; run by the system's Python, which has the `gi` bindings.

Prints `{"port": N}` when it listens, and ends when its standard input is closed.
"""

import argparse
import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

_TEST_PICTURE = (
    "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=10/1"
)
PIPELINES = {
    "h264": "multifilesrc location={file} loop=true ! h264parse ! "
    "rtph264pay name=pay0 pt=96 config-interval=-1",
    "h265": _TEST_PICTURE + " ! "
    "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! "
    "rtph265pay name=pay0 pt=96 config-interval=-1",
    "mjpeg": _TEST_PICTURE + " ! jpegenc ! rtpjpegpay name=pay0 pt=26",
    "film": "filesrc location={file} ! matroskademux ! h264parse ! "
    "rtph264pay name=pay0 pt=96 config-interval=-1",
    "audio": "audiotestsrc is-live=true ! audioconvert ! audio/x-raw,rate=8000,channels=1 ! "
    "alawenc ! rtppcmapay name=pay0 pt=8",
}


def _authentication(user: str, password: str, method: str) -> GstRtspServer.RTSPAuth:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if method == "digest":
        auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST
        auth.add_digest(user, password, token)
    else:
        auth.set_supported_methods(1)  # GST_RTSP_AUTH_BASIC
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    return auth


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=sorted(PIPELINES), default="h264")
    parser.add_argument("--file", default="")
    parser.add_argument("--port", default="0")
    parser.add_argument("--path", default="/camera")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--auth", choices=("basic", "digest"), default="basic")
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {PIPELINES[arguments.kind].format(file=arguments.file)} )")
    factory.set_shared(True)
    if arguments.user:
        server.set_auth(_authentication(arguments.user, arguments.password, arguments.auth))
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory(arguments.path, factory)
    loop = GLib.MainLoop()
    if not server.attach(None):
        sys.exit(f"port {arguments.port} cannot be listened on")
    print(json.dumps({"port": server.get_bound_port()}), flush=True)  # noqa: T201
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
