"""The log-in is taken out of an address, however it was pasted."""

import pytest

from maskwatch.address import check_address, shown, split_credentials, without_secrets
from maskwatch.errors import CameraError


@pytest.mark.parametrize(
    ("given", "url", "username", "password"),
    [
        ("rtsp://cam.local/live", "rtsp://cam.local/live", "", ""),
        ("rtsp://bob:secret@cam:554/live", "rtsp://cam:554/live", "bob", "secret"),
        ("rtsp://bob@cam/live", "rtsp://cam/live", "bob", ""),
        ("rtsp://bob:p%40ss%2F1@cam/live", "rtsp://cam/live", "bob", "p@ss/1"),
        ("rtsp://bob:p@ss:w!#1@cam/live", "rtsp://cam/live", "bob", "p@ss:w!#1"),
        ("rtsp://bob:p@ss#1/2!@cam:554/a@b", "rtsp://cam:554/a@b", "bob", "p@ss#1/2!"),
        ("rtsp://cam/live@main", "rtsp://cam/live@main", "", ""),
        ("rtsp://bob:123456/7@cam/live", "rtsp://cam/live", "bob", "123456/7"),
        ("rtsp://bob:x@[fe80::1]:554/live", "rtsp://[fe80::1]:554/live", "bob", "x"),
        ("http://bob:x@cam?user=a@b", "http://cam?user=a@b", "bob", "x"),
        ("file:///videos/a@b.mp4", "file:///videos/a@b.mp4", "", ""),
        ("/videos/a@b.mp4", "/videos/a@b.mp4", "", ""),
    ],
)
def test_the_log_in_is_split_off(given: str, url: str, username: str, password: str) -> None:
    address = split_credentials(given)

    assert (address.url, address.username, address.password) == (url, username, password)
    if password:
        assert password not in repr(address)


SHOWN = [
    ("rtsp://bob:hunter2@cam/live", "rtsp://cam/live"),
    ("rtsp://cam/live@main", "rtsp://cam/live@main"),
    ("rtsp://10.0.0.5/cam?user=admin&password=hunter2", "rtsp://10.0.0.5/cam?user=***&password=***"),
    ("http://cam/v.cgi?channel=2&PWD=hunter2&x=1", "http://cam/v.cgi?channel=2&PWD=***&x=1"),
    ("http://cam/v.cgi?loginuse=bob&loginpas=hunter2", "http://cam/v.cgi?loginuse=***&loginpas=***"),
    ("rtsp://cam/username=bob&pass=hunter2&channel=1", "rtsp://cam/username=***&pass=***&channel=1"),
    ("/user=admin&password=hunter2&channel=1", "/user=***&password=***&channel=1"),
    ("rtsp://cam/user=bob_password=hunter2_channel=1_stream=0", "rtsp://cam/user=***_channel=1_stream=0"),
    # What may be part of a password does not end it.
    ("http://cam/v?token=ab_hunter2=&q=1", "http://cam/v?token=***&q=1"),
    ("http://cam/v?passwd=a&b/hunter2?c#d;e=&q=1", "http://cam/v?passwd=***&q=1"),
    ("http://cam/?to=x%26password%3Dhunter2", "http://cam/?to=x%26password%3D***"),
    ("rtsp://bob:hunter2@kamera-süd/1", "rtsp://***@kamera-süd/1"),
    ("rtsp://bob:a/hunter2@kamera-süd/1", "rtsp://***@kamera-süd/1"),
    ("http://cam/?compass=1&bypass=2", "http://cam/?compass=1&bypass=2"),
    ("file:///videos/a@b.mp4", "file:///videos/a@b.mp4"),
    ("/videos/a@b.mp4", "/videos/a@b.mp4"),
    ("webcam:0", "webcam:0"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "expected"), SHOWN)
def test_an_address_is_shown_without_a_log_in_wherever_it_stands(url: str, expected: str) -> None:
    assert shown(url) == expected
    assert shown(expected) == expected
    assert "hunter2" not in without_secrets(f"camera 'a': {url} cannot be reached: {url!r}, {url}:")


@pytest.mark.parametrize(
    "url", ["rtsp://***@cam/1", "http://cam/?user=bob&password=***", "rtsp://cam/password=***&a=1"]
)
def test_an_address_with_masked_parts_cannot_be_one(url: str) -> None:
    with pytest.raises(CameraError, match="give the whole address"):
        check_address(url)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("rtsp://bob:1234/5@cam/x", "1234"),
        ("rtsp://bob:1234?5@cam", "1234"),
        ("rtsp://bob.smith:9/hunter2@cam:554/a@b", "hunter2"),
        ("rtsp://cam:8554/live@main", "live"),
        ("http://cam:80/?user=a@b&password=hunter2", "hunter2"),
    ],
)
def test_a_password_that_looks_like_a_port_is_never_shown(url: str, secret: str) -> None:
    with pytest.raises(CameraError, match="--ask-password") as refused:
        check_address(url)

    for text in (str(refused.value), shown(url), without_secrets(f"{url} is away: {url!r}")):
        assert secret not in text


@pytest.mark.parametrize(
    "url", ["rtsp://10.0.0.5:554/live@main", "rtsp://[fe80::1]:554/live@main", "rtsp://cam/a@b"]
)
def test_an_at_sign_may_stand_in_the_path_of_what_is_surely_a_host(url: str) -> None:
    assert check_address(url) == url
    assert shown(url) == url


@pytest.mark.parametrize("url", ["rtsp://cam/1", "webcam:0", "video.mp4", "file:///a.mp4"])
def test_a_usable_address_passes(url: str) -> None:
    assert check_address(url) == url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "is empty"),
        ("ftp://bob:secret@cam/x", "unknown scheme 'ftp'"),
        ("ftp://cam/x?password=secret", "unknown scheme 'ftp'"),
        ("webcam:front", "webcam:0"),
        ("rtsp://", "no host"),
        ("rtsp://bob:secret@cam/x\ny", r"'rtsp://cam/x\\ny' holds a character that cannot be"),
        ("rtsp://cam/\0", "cannot be printed"),
        ("rtsp://cam/\ud800", "cannot be printed"),
    ],
)
def test_an_unusable_address_is_refused_in_plain_words(url: str, told: str) -> None:
    with pytest.raises(CameraError, match=told) as refused:
        check_address(url)

    assert "secret" not in str(refused.value)
