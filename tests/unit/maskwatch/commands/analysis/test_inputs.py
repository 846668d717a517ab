"""Which files are meant, and what each is."""

import os
from pathlib import Path

import pytest

from maskwatch.commands.analysis.inputs import expand, is_picture
from maskwatch.errors import MediaError


def _touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_folder_is_gone_through_in_order_and_paths_stay_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b.jpg", "a.PNG", "sub/c.mp4", "sub/deep/d.webp", "notes.txt", "labels.jsonl"):
        _touch(tmp_path / "in" / name)
    monkeypatch.chdir(tmp_path)
    found = list(expand(["./in", "in/notes.txt"]))
    assert [item.source for item in found] == [
        "./in/a.PNG",
        "./in/b.jpg",
        "./in/sub/c.mp4",
        "./in/sub/deep/d.webp",
        "in/notes.txt",
    ]
    assert [item.relative for item in found][2:4] == ["in/sub/c.mp4", "in/sub/deep/d.webp"]
    assert not any(item.error for item in found)


def test_what_is_not_there_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    missing, empty = expand([str(tmp_path / "no.jpg"), str(tmp_path / "empty")])
    assert "no such file" in missing.error
    assert "no pictures or videos" in empty.error


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (found,) = expand([str(tmp_path / "pipe.jpg")])
    assert found.error == "a pipe or a device; give a file"


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.bin", b"\xff\xd8\xff\xe0....", True),
        ("a.bin", b"\x89PNG\r\n\x1a\n", True),
        ("a.bin", b"RIFF....WEBPVP8 ", True),
        ("a.bin", b"RIFF....AVI LIST", False),
        ("a.bin", b"II*\0....", True),
        ("a.bin", b"BM......", True),
        ("a.bin", b"GIF89a....", True),
        ("a.mp4", b"\0\0\0\x18ftypmp42", False),
        ("damaged.jpg", b"not a picture", True),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(
    tmp_path: Path, name: str, head: bytes, expected: bool
) -> None:
    assert is_picture(str(_touch(tmp_path / name, head))) is expected


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="empty"):
        is_picture(str(_touch(tmp_path / "a.jpg", b"")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = _touch(tmp_path / "a.jpg")
    path.chmod(0)
    with pytest.raises(MediaError, match="cannot be read"):
        is_picture(str(path))
