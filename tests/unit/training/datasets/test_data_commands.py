"""`maskwatch data`: every format in, a split that does not leak out, bad input named."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from maskwatch.errors import MediaError, StorageError
from tests.support.full_disk import refuse
from training.datasets.cli import data
from training.datasets.index import LabelledPicture, read_index


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(data, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def paint(path: Path, seed: int, size: tuple[int, int] = (120, 80)) -> None:
    """A picture that no other seed resembles; `size` is width and height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))


def imported(out: Path) -> list[LabelledPicture]:
    return read_index(out)[0]


def test_the_thesis_folders_become_whole_picture_faces(tmp_path: Path) -> None:
    paint(tmp_path / "set/Train/WithMask/a.png", 1)
    paint(tmp_path / "set/Train/WithoutMask/b.webp", 2)
    result = run("import", "folders", tmp_path / "set", "--out", tmp_path / "out", "--name", "12k")
    assert result.exit_code == 0
    assert "2 pictures with 2 faces" in result.output
    pictures = imported(tmp_path / "out")
    assert [picture.boxes[0].label for picture in pictures] == ["mask", "no_mask"]
    assert pictures[0].boxes[0].box.as_list() == [0, 0, 120, 80]
    assert (tmp_path / "out" / pictures[0].file).is_file()


def test_pascal_voc_boxes_are_read(tmp_path: Path) -> None:
    paint(tmp_path / "voc/images/a.png", 1)
    (tmp_path / "voc/a.xml").write_text(
        "<annotation><filename>a.png</filename><object><name>mask_weared_incorrect</name><bndbox>"
        "<xmin>10</xmin><ymin>20</ymin><xmax>40</xmax><ymax>60</ymax></bndbox></object></annotation>"
    )
    run("import", "voc", tmp_path / "voc", "--out", tmp_path / "out")
    face = imported(tmp_path / "out")[0].boxes[0]
    assert (face.label, face.box.as_list()) == ("incorrect", [10, 20, 40, 60])


def test_yolo_boxes_are_read(tmp_path: Path) -> None:
    paint(tmp_path / "yolo/images/a.png", 1)
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/a.txt").write_text("1 0.5 0.5 0.5 0.25\n")
    (tmp_path / "yolo/classes.txt").write_text("with_mask\nwithout_mask\n")
    run("import", "yolo", tmp_path / "yolo", "--out", tmp_path / "out")
    face = imported(tmp_path / "out")[0].boxes[0]
    assert (face.label, face.box.as_list()) == ("no_mask", [30, 30, 90, 50])


def test_coco_boxes_are_read(tmp_path: Path) -> None:
    paint(tmp_path / "coco/images/a.png", 1)
    (tmp_path / "coco/labels.json").write_text(
        json.dumps(
            {
                "images": [{"id": 7, "file_name": "a.png"}],
                "categories": [{"id": 3, "name": "Mask"}],
                "annotations": [{"image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40]}],
            }
        )
    )
    run("import", "coco", tmp_path / "coco", "--out", tmp_path / "out")
    face = imported(tmp_path / "out")[0].boxes[0]
    assert (face.label, face.box.as_list()) == ("mask", [10, 20, 40, 60])


def test_a_broken_picture_is_named_skipped_and_counted(tmp_path: Path) -> None:
    paint(tmp_path / "set/mask/a.png", 1)
    (tmp_path / "set/mask/broken.png").write_bytes(b"\x89PNG no more")
    result = run("import", "folders", tmp_path / "set", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "broken.png: cannot be decoded" in result.output
    assert "1 skipped in all" in result.output
    assert len(imported(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("0 0.5 0.5 -0.2 0.2", "inverted or empty"),
        ("0 3.5 3.5 0.2 0.2", "lies outside the picture of 120x80"),
        ("1 0.5 0.5 0.2 0.2", "unknown label 'cat'"),
        ("0 0.5 nan 0.2 0.2", "is not of numbers"),
        ("9 0.5 0.5 0.2 0.2", "not a YOLO box"),
        ("rubbish", "not a YOLO box"),
    ],
)
def test_a_bad_box_is_named_skipped_and_counted(tmp_path: Path, line: str, why: str) -> None:
    paint(tmp_path / "yolo/a.png", 1)
    (tmp_path / "yolo/a.txt").write_text(f"0 0.5 0.5 0.5 0.5\n{line}\n")
    (tmp_path / "yolo/classes.txt").write_text("mask\ncat\n")
    result = run("import", "yolo", tmp_path / "yolo", "--out", tmp_path / "out")
    assert why in result.output
    assert "1 skipped in all" in result.output
    assert len(imported(tmp_path / "out")[0].boxes) == 1


def test_a_box_over_the_edge_is_cut_to_the_picture(tmp_path: Path) -> None:
    paint(tmp_path / "yolo/a.png", 1)
    (tmp_path / "yolo/a.txt").write_text("0 0 0 0.5 0.5\n")
    (tmp_path / "yolo/classes.txt").write_text("mask\n")
    run("import", "yolo", tmp_path / "yolo", "--out", tmp_path / "out")
    assert imported(tmp_path / "out")[0].boxes[0].box.as_list() == [0, 0, 30, 20]


def test_an_unknown_class_folder_is_named_and_can_be_mapped(tmp_path: Path) -> None:
    paint(tmp_path / "set/mask/a.png", 1)
    paint(tmp_path / "set/Bare/b.png", 2)
    result = run("import", "folders", tmp_path / "set", "--out", tmp_path / "first")
    assert "unknown label 'Bare'; map it with --label" in result.output
    arguments = ("--out", tmp_path / "second", "--label", "bare=no_mask")
    run("import", "folders", tmp_path / "set", *arguments)
    assert len(imported(tmp_path / "second")) == 2


def test_an_empty_class_folder_is_refused(tmp_path: Path) -> None:
    paint(tmp_path / "set/mask/a.png", 1)
    (tmp_path / "set/no_mask").mkdir()
    with pytest.raises(MediaError, match=r"no_mask: no picture of class no_mask"):
        run("import", "folders", tmp_path / "set", "--out", tmp_path / "out")


@pytest.mark.parametrize("form", ["folders", "voc", "yolo", "coco"])
def test_a_folder_without_pictures_is_refused(tmp_path: Path, form: str) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(MediaError):
        run("import", form, tmp_path / "set", "--out", tmp_path / "out")


def test_a_collection_is_imported_once(tmp_path: Path) -> None:
    paint(tmp_path / "set/mask/a.png", 1)
    run("import", "folders", tmp_path / "set", "--out", tmp_path / "out")
    with pytest.raises(MediaError, match="has a collection 'set' already"):
        run("import", "folders", tmp_path / "set", "--out", tmp_path / "out")


def test_a_leaking_split_is_refused_then_told_and_mended_by_splitting(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in range(12):
        paint(tmp_path / f"one/mask/{number}.png", number)
    paint(tmp_path / "two/mask/copy.png", 3, size=(240, 160))
    run("import", "folders", tmp_path / "one", "--out", out)
    run("import", "folders", tmp_path / "two", "--out", out)
    rows = [json.loads(line) for line in (out / "labels.jsonl").read_text().splitlines()]
    for row in rows:
        row["split"] = "test" if row["source"] == "two" else "train"
    (out / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    with pytest.raises(MediaError, match="1 pairs of look-alikes"):
        run("check", out)
    allowed = run("check", out, "--allow-leaks")
    assert allowed.exit_code == 0
    assert "leak: one/mask/3.png (train) = two/mask/copy.png (test)" in allowed.output
    assert "too good to be true" in allowed.output
    run("split", out)
    assert "no leak between the splits" in run("check", out).output


def test_check_counts_faces_by_class_and_height(tmp_path: Path) -> None:
    paint(tmp_path / "set/mask/a.png", 1, size=(640, 480))
    paint(tmp_path / "set/mask/b.png", 2, size=(640, 480))
    run("import", "folders", tmp_path / "set", "--out", tmp_path / "out")
    lines = run("check", tmp_path / "out").output.splitlines()
    assert any("64+" in line and "2" in line for line in lines)


def test_sheets_show_every_class_of_every_split(tmp_path: Path) -> None:
    paint(tmp_path / "set/mask/a.png", 1)
    paint(tmp_path / "set/no_mask/b.png", 2)
    run("import", "folders", tmp_path / "set", "--out", tmp_path / "out")
    written = run("sheet", tmp_path / "out", "--out", tmp_path / "sheets").output.split()
    assert len(written) == 2
    sheet = cv2.imread(written[0])
    assert sheet is not None
    assert sheet[:80, :80].std() > 5


def test_a_full_disk_is_one_line_and_keeps_the_old_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "set/mask/a.png", 1)
    paint(tmp_path / "set/no_mask/b.png", 2)
    run("import", "folders", tmp_path / "set", "--out", tmp_path / "out", "--name", "one")
    before = (tmp_path / "out" / "labels.jsonl").read_text()
    refuse(monkeypatch, "labels.jsonl")
    with pytest.raises(StorageError, match="No space left"):
        run("import", "folders", tmp_path / "set", "--out", tmp_path / "out", "--name", "two")
    monkeypatch.undo()
    assert (tmp_path / "out" / "labels.jsonl").read_text() == before
    refuse(monkeypatch, f"{imported(tmp_path / 'out')[0].split}-mask.png")
    with pytest.raises(StorageError, match=r"mask\.png: cannot be written"):
        run("sheet", tmp_path / "out", "--out", tmp_path / "sheets")


def test_a_bad_line_of_an_index_is_named_and_skipped(tmp_path: Path) -> None:
    paint(tmp_path / "set/mask/a.png", 1)
    run("import", "folders", tmp_path / "set", "--out", tmp_path / "out")
    with (tmp_path / "out/labels.jsonl").open("a") as file:
        file.write("{broken\n")
    assert "line 2: not a labelled picture" in run("check", tmp_path / "out").output
