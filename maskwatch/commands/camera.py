"""`maskwatch camera`: add, list, change, remove and test cameras; running processes follow."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from maskwatch.address import check_address, is_path, shown, split_credentials
from maskwatch.commands.demo.folders import beside_running_demo
from maskwatch.commands.options import config_option
from maskwatch.config import Settings, load_settings
from maskwatch.contracts import Camera
from maskwatch.errors import CameraError
from maskwatch.storage import CameraStore, migrate, open_database


@click.group()
def camera() -> None:
    """Add, list, change, remove and test cameras.

    A running system takes up each change within seconds.
    """


def _login_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--username", help="For the camera's log-in."),
        click.option("--password-stdin", is_flag=True, help="Read the password from stdin."),
        click.option("--ask-password", is_flag=True, help="Ask for the password, hidden."),
    ):
        command = option(command)
    return command


@camera.command()
@click.argument("name")
@click.argument("url")
@click.option("--fps", type=float, help="Analysed pictures a second; default: [ingest] fps.")
@_login_options
@click.option("--replay", is_flag=True, help="A file, read as fast as possible, nothing dropped.")
@click.option("--loop", is_flag=True, help="A file, played again and again at its own pace.")
@click.option("--transport", type=click.Choice(["tcp", "udp"]), default="tcp", show_default=True)
@config_option
def add(
    name: str,
    url: str,
    *,
    fps: float | None,
    username: str | None,
    password_stdin: bool,
    ask_password: bool,
    replay: bool,
    loop: bool,
    transport: str,
    config: Path | None,
) -> None:
    """Add the camera NAME with the address URL.

    URL is rtsp://…, rtsps://…, http://…, https://…, the path of a video file, or webcam:0. A
    user:password@ in it is taken out and kept apart, and never shown; one in its path or query
    stays there, and is shown as ***.
    """
    settings = _settings(config)
    password = _password(password_stdin, ask_password)
    with _store(settings) as store:
        added = store.add(
            Camera(
                name=name,
                url=_absolute(url),
                username=username or "",
                password=password or "",
                fps=settings.ingest.fps if fps is None else fps,
                is_replay=replay,
                loops=loop,
                transport=transport,
            )
        )
    click.echo(f"added camera {added.name}: {shown(added.url)}, {added.fps:g} pictures a second")


@camera.command("set")
@click.argument("name")
@click.option("--url", help="New address.")
@click.option("--fps", type=float, help="Analysed pictures a second.")
@_login_options
@click.option("--transport", type=click.Choice(["tcp", "udp"]))
@click.option("--enable/--disable", "enabled", default=None, help="Read it, or leave it alone.")
@config_option
def change(
    name: str,
    *,
    url: str | None,
    fps: float | None,
    username: str | None,
    password_stdin: bool,
    ask_password: bool,
    transport: str | None,
    enabled: bool | None,
    config: Path | None,
) -> None:
    """Change the camera NAME; what is not named stays."""
    changes: dict[str, Any] = {
        "url": None if url is None else _absolute(url),
        "fps": fps,
        "username": username,
        "password": _password(password_stdin, ask_password),
        "transport": transport,
        "enabled": enabled,
    }
    changes = {field: value for field, value in changes.items() if value is not None}
    if not changes:
        raise click.UsageError("nothing to change: name at least one option")
    with _store(_settings(config)) as store:
        store.update(name, **changes)
    click.echo(f"changed camera {name}")


@camera.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@config_option
def list_cameras(*, as_json: bool, config: Path | None) -> None:
    """List the cameras, without their log-ins."""
    with _store(_settings(config)) as store:
        cameras = store.list()
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in cameras], indent=2))
        return
    if not cameras:
        click.echo("no cameras yet; add one: maskwatch camera add entrance rtsp://…")
        return
    width = max(len(each.name) for each in cameras)
    for each in cameras:
        click.echo(f"{each.name:<{width}}  {each.fps:g} fps  {shown(each.url)}{_remarks(each)}")


@camera.command()
@click.argument("name")
@config_option
def remove(name: str, *, config: Path | None) -> None:
    """Stop watching with the camera NAME; what it has counted stays in the reports."""
    with _store(_settings(config)) as store:
        store.remove(name)
    click.echo(f"removed camera {name}; what it has counted stays in the reports")


@camera.command()
@click.argument("url")
@_login_options
@click.option("--transport", type=click.Choice(["tcp", "udp"]), default="tcp", show_default=True)
@config_option
def test(
    url: str,
    *,
    username: str | None,
    password_stdin: bool,
    ask_password: bool,
    transport: str,
    config: Path | None,
) -> None:
    """Open URL, or the camera of that name, and say what it delivers."""
    settings = _settings(config)
    password = _password(password_stdin, ask_password)
    wanted = _stored(settings, url)
    if wanted is None:
        check_address(url)
        address = split_credentials(url)
        wanted = Camera(
            name="test",
            url=address.url,
            username=username or address.username,
            password=password or address.password,
            transport=transport,
        )
    click.echo(_try_out(replace(wanted, is_replay=False, loops=False), settings))


def _try_out(wanted: Camera, settings: Settings) -> str:
    # Here, so that the other commands do not wait for the video libraries.
    from ingest.probe import probe

    found = probe(wanted, settings)
    rate = f", {found.measured_fps:g} pictures a second" if found.measured_fps else ""
    length = f", {found.duration_s:.0f} s long" if found.duration_s else ""
    warning = f"; but {found.warning}" if found.warning else ""
    return (
        f"ok: {found.codec} {found.width}x{found.height}{rate}{length}; "
        f"first picture after {found.first_picture_s:.1f} s{warning}"
    )


def _settings(config: Path | None) -> Settings:
    """The configuration; that of a running demo for somebody who has set up nothing yet."""
    settings = load_settings(config)
    if config is not None:
        return settings
    found = beside_running_demo(settings)
    if found is not settings:
        click.echo("maskwatch: this is about the running demo, and ends with it", err=True)
    return found


@contextmanager
def _store(settings: Settings) -> Iterator[CameraStore]:
    engine = open_database(settings)
    try:
        migrate(engine)
        yield CameraStore(engine)
    finally:
        engine.dispose()


def _stored(settings: Settings, name: str) -> Camera | None:
    if "/" in name or ":" in name:
        return None
    with _store(settings) as store:
        return next((each for each in store.list() if each.name == name), None)


def _absolute(url: str) -> str:
    """A file's path from the root: ingest may run in another folder."""
    if not is_path(url) or not url.strip():
        return url
    path = Path(url).expanduser().absolute()
    if not path.exists():
        raise CameraError(
            f"file {shown(str(path))!r} does not exist; give the path of a video file, or an "
            "address that begins with rtsp://, http:// or webcam:"
        )
    return str(path)


def _password(from_stdin: bool, ask: bool) -> str | None:
    if from_stdin and ask:
        raise click.UsageError("--password-stdin and --ask-password exclude each other")
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("password", hide_input=True)) if ask else None


def _remarks(each: Camera) -> str:
    remarks = {
        "disabled": not each.enabled,
        "replay": each.is_replay,
        "loop": each.loops,
        "udp": each.transport == "udp",
        "with log-in": bool(each.username or each.password),
    }
    told = ", ".join(remark for remark, holds in remarks.items() if holds)
    return f"  ({told})" if told else ""


def _as_json(each: Camera) -> dict[str, Any]:
    return {
        "name": each.name,
        "url": shown(each.url),
        "has_login": bool(each.username or each.password),
        "fps": each.fps,
        "enabled": each.enabled,
        "replay": each.is_replay,
        "loop": each.loops,
        "transport": each.transport,
    }
