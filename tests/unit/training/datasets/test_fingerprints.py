"""A picture that was replaced is noticed; one that was only copied is not."""

import json
import os
from pathlib import Path

import pytest

from maskwatch.errors import ConfigError
from training.datasets.fingerprints import fingerprint, keep_fingerprints, refuse_changed


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    found = {f"0/{name}": tmp_path / name for name in ("a.png", "b.png", "gone.png")}
    for name, path in found.items():
        path.write_bytes(name.encode())
    found["0/gone.png"].unlink()
    return found


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def test_pictures_that_stayed_pass_and_a_record_is_made_where_none_is(
    pictures: dict[str, Path], tmp_path: Path
) -> None:
    record = tmp_path / "pictures.json"
    refuse_changed(record, pictures, run=tmp_path)
    assert record.exists()
    refuse_changed(record, pictures, run=tmp_path)


def test_a_replaced_picture_is_named(pictures: dict[str, Path], tmp_path: Path) -> None:
    record = tmp_path / "pictures.json"
    keep_fingerprints(record, pictures)
    pictures["0/b.png"].write_bytes(b"0/c.png")  # as long as before
    touch(pictures["0/b.png"])
    with pytest.raises(ConfigError, match=r"started on other pictures: .*b\.png changed since"):
        refuse_changed(record, pictures, run=tmp_path)


def test_a_copy_with_another_time_passes_and_is_read_once_only(
    pictures: dict[str, Path], tmp_path: Path
) -> None:
    record = tmp_path / "pictures.json"
    keep_fingerprints(record, pictures)
    touch(pictures["0/a.png"])
    refuse_changed(record, pictures, run=tmp_path)
    seen = fingerprint(pictures["0/a.png"])
    assert seen is not None
    assert list(seen) in _kept(record)


def test_a_picture_that_is_gone_does_no_harm(pictures: dict[str, Path], tmp_path: Path) -> None:
    record = tmp_path / "pictures.json"
    keep_fingerprints(record, pictures)
    pictures["0/a.png"].unlink()
    refuse_changed(record, pictures, run=tmp_path)


def _kept(record: Path) -> list[list[object]]:
    return list(json.loads(record.read_text()).values())
