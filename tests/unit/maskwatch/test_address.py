"""The log-in is taken out of an address, however it was pasted."""

import pytest

from maskwatch.address import check_address, split_credentials
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
        ("rtsp://cam:8554/live@main", "rtsp://cam:8554/live@main", "", ""),
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


@pytest.mark.parametrize("url", ["rtsp://cam/1", "webcam:0", "video.mp4", "file:///a.mp4"])
def test_a_usable_address_passes(url: str) -> None:
    assert check_address(url) == url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "is empty"),
        ("ftp://bob:secret@cam/x", "unknown scheme 'ftp'"),
        ("webcam:front", "webcam:0"),
        ("rtsp://", "no host"),
    ],
)
def test_an_unusable_address_is_refused_in_plain_words(url: str, told: str) -> None:
    with pytest.raises(CameraError, match=told) as refused:
        check_address(url)

    assert "secret" not in str(refused.value)
