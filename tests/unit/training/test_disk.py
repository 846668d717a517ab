"""What a training writes is whole or not there, and a full disk is told in one line."""

from pathlib import Path

import pytest

from maskwatch.errors import StorageError
from training.disk import disk_errors, make_folder, write_text_whole, written_whole


def write_half(path: Path, error: BaseException) -> None:
    with written_whole(path) as partial:
        partial.write_text("half")
        raise error


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_text_whole(path, "old")
    with written_whole(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert partial.suffix == ".json"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        # What NumPy says of a full disk has no number.
        (OSError("100000 requested and 359 written"), "100000 requested and 359 written"),
    ],
)
def test_a_full_disk_names_file_reason_and_way_out_and_keeps_the_old_file(
    tmp_path: Path, error: OSError, reason: str
) -> None:
    path = tmp_path / "run.json"
    write_text_whole(path, "old")
    with pytest.raises(StorageError, match="free some space") as caught:
        write_half(path, error)
    assert f"{path}: cannot be written ({reason})" in str(caught.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_library_raises_for_a_full_disk_is_told_alike(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="unexpected pos"):  # noqa: SIM117  # one raises, one tells
        with disk_errors(tmp_path / "checkpoint.pt", also=(RuntimeError,)):
            raise RuntimeError("unexpected pos 704 vs 598")


def test_a_kill_leaves_no_half_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_half(tmp_path / "run.json", KeyboardInterrupt())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="runs: cannot be written"):
        make_folder(tmp_path / "file" / "runs")
