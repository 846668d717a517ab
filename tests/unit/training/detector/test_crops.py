"""Scenes and the crops cut from them: the boxes move with the pixels."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maskwatch.errors import ConfigError, MediaError
from training.detector.augment import AugmentSettings, make_crop
from training.detector.leaks import without_held_out
from training.detector.scenes import Scene, data_hash, decode_pictures, read_scenes

PLAIN = AugmentSettings(
    crop_px=128, background=0, colour=0, blur=0, compressed=0, grey=0, covered=0, shortest_face_px=2
)


def scene(*boxes: tuple[float, float, float, float], size: tuple[int, int] = (320, 200)) -> Scene:
    return Scene(
        "a/x.png", "a", "1", size, np.array(boxes, np.float32).reshape(-1, 4),
        ("no_mask",) * len(boxes),
    )  # fmt: skip


def painted(scene: Scene) -> NDArray[np.uint8]:
    """A dark picture whose faces are bright: the pixels carry the answer."""
    picture = np.zeros((scene.size[1], scene.size[0], 3), np.uint8)
    for x1, y1, x2, y2 in scene.boxes.astype(int):
        picture[y1:y2, x1:x2] = 255
    return picture


def test_boxes_lie_on_their_faces_after_every_crop() -> None:
    one = scene((100, 60, 140, 120))
    picture = painted(one)
    rng = np.random.default_rng(0)
    taught = 0
    for _ in range(40):
        crop = make_crop(one, picture, PLAIN, rng)
        for x1, y1, x2, y2 in crop.boxes.round().astype(int):
            taught += 1
            inside = crop.picture[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1]
            assert inside.mean() > 230
            outside = crop.picture.astype(float).copy()
            outside[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = 0
            assert outside.max() < 40
    assert taught > 20


def test_a_face_cut_by_the_edge_or_too_small_is_ignored_not_taught() -> None:
    rng = np.random.default_rng(1)
    tiny = scene((100, 60, 103, 63))
    settings = replace(PLAIN, shortest_face_px=50)
    crops = [make_crop(tiny, painted(tiny), settings, rng) for _ in range(10)]
    assert all(not len(crop.boxes) for crop in crops)
    assert any(len(crop.ignored) for crop in crops)


def test_a_close_up_never_fills_the_crop() -> None:
    close = scene((10, 10, 190, 195), size=(200, 200))
    rng = np.random.default_rng(2)
    for _ in range(20):
        crop = make_crop(close, painted(close), PLAIN, rng)
        for box in crop.boxes:
            assert (box[2:] - box[:2]).max() < 0.95 * PLAIN.crop_px


def test_faces_without_a_label_are_handed_on_as_ignored() -> None:
    hidden = replace(scene(), unlabelled=np.array([[100, 60, 140, 100]], np.float32))
    rng = np.random.default_rng(3)
    picture = painted(hidden)
    assert any(len(make_crop(hidden, picture, PLAIN, rng).ignored) for _ in range(20))


def test_small_finds_are_not_punished_where_small_faces_lack_labels() -> None:
    rng = np.random.default_rng(4)
    settings = replace(PLAIN, scales=(1.0, 1.0, 1.0, 1.0))
    plain = scene((100, 60, 140, 100))
    loose = replace(plain, source="jolignier")
    assert make_crop(plain, painted(plain), settings, rng).unpunished_height_px == 2
    assert make_crop(loose, painted(loose), settings, rng).unpunished_height_px == 24


def test_a_background_crop_looks_where_no_face_is() -> None:
    corner = scene((0, 0, 30, 30))
    settings = replace(PLAIN, background=1.0, scales=(1.0, 1.0, 1.0, 1.0))
    rng = np.random.default_rng(5)
    crops = [make_crop(corner, painted(corner), settings, rng) for _ in range(10)]
    assert all(not len(crop.boxes) and crop.picture.max() < 40 for crop in crops)


def test_the_same_seed_cuts_the_same_crop() -> None:
    one = scene((100, 60, 140, 120))
    settings = AugmentSettings(crop_px=128, covered=1)
    first, again = (
        make_crop(one, painted(one), settings, np.random.default_rng(7)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.picture, again.picture)
    np.testing.assert_array_equal(first.boxes, again.boxes)


def labels(folder: Path, rows: list[object]) -> None:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    (folder / "labels.jsonl").write_text(text, encoding="utf-8")


def row(file: str, boxes: list[list[object]], **changes: object) -> dict[str, object]:
    given = {"file": file, "source": "a", "group": 1, "width": 40, "height": 30, "boxes": boxes}
    return given | changes


def test_bad_lines_and_boxes_are_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels(
        tmp_path,
        [
            row(
                "good.png", [[1, 2, 11, 12, "mask"], [9, 9, 3, 20, "mask"], [50, 2, 60, 9, "mask"]]
            ),
            "{broken",
            row("flat.png", [], width=0),
            {"file": "short.png"},
            row("over.png", [[-5, 2, 90, 12, "no_mask"]]),
        ],
    )
    with caplog.at_level(logging.WARNING):
        scenes = read_scenes(tmp_path)
    assert [scene.file for scene in scenes] == ["good.png", "over.png"]
    assert scenes[0].boxes.tolist() == [[1, 2, 11, 12]]
    assert scenes[1].boxes.tolist() == [[0, 2, 40, 12]]
    assert "line 2" in caplog.text
    assert "line 3" in caplog.text
    assert "line 4" in caplog.text
    assert "5 skipped in all" in caplog.text


def test_an_unknown_label_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels(tmp_path, [row("a.png", [[1, 2, 11, 12, "mask"], [1, 2, 11, 12, "hat"]])])
    assert read_scenes(tmp_path)[0].labels == ("mask",)
    assert "unknown label 'hat'" in caplog.text


def test_the_split_that_the_index_names_is_kept_and_part_of_the_hash(tmp_path: Path) -> None:
    hashes = set()
    for split in ("train", "val", "test"):
        labels(tmp_path, [row("a.png", [], split=split)])
        scenes = read_scenes(tmp_path)
        assert scenes[0].split == split
        hashes.add(data_hash(scenes))
    assert len(hashes) == 3


def test_a_folder_without_labels_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"labels\.jsonl"):
        read_scenes(tmp_path)
    labels(tmp_path, ["{broken"])
    with pytest.raises(MediaError, match="no usable line"):
        read_scenes(tmp_path)


def test_pictures_are_decoded_once_and_a_broken_one_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (30, 40, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "good.png"), picture)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    labels(tmp_path, [row("good.png", []), row("broken.png", [])])
    scenes = read_scenes(tmp_path)
    with caplog.at_level(logging.WARNING):
        cache = decode_pictures(scenes, data=tmp_path, cache=tmp_path / "cache")
    assert "broken.png: cannot be decoded" in caplog.text
    assert "1 skipped in all" in caplog.text
    assert scenes[0] in cache
    assert scenes[1] not in cache
    np.testing.assert_array_equal(cache.read(scenes[0]), picture)
    (tmp_path / "good.png").unlink()
    again = decode_pictures(scenes, data=tmp_path, cache=tmp_path / "cache")
    np.testing.assert_array_equal(again.read(scenes[0]), picture)


def test_a_replaced_picture_is_not_taken_from_the_cache(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path, run = tmp_path / "one.png", tmp_path / "run"
    cv2.imwrite(str(path), rng.integers(0, 255, (30, 40, 3)).astype(np.uint8))
    labels(tmp_path, [row("one.png", [])])
    scenes = read_scenes(tmp_path)
    decode_pictures(scenes, data=tmp_path, cache=run / "cache")
    cv2.imwrite(str(path), rng.integers(0, 255, (30, 40, 3)).astype(np.uint8))
    with pytest.raises(ConfigError, match=r"run: .* other pictures: .*one\.png changed since"):
        decode_pictures(scenes, data=tmp_path, cache=run / "cache")


def test_the_hash_of_the_data_changes_with_a_label() -> None:
    assert data_hash([scene((1, 2, 3, 4))]) == data_hash([scene((1, 2, 3, 4))])
    assert data_hash([scene((1, 2, 3, 4))]) != data_hash([scene((1, 2, 3, 5))])


def test_a_training_scene_that_looks_like_a_held_out_one_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texture = cv2.resize(rng.integers(0, 255, (12, 20, 3), dtype=np.uint8), (320, 200))
    other = cv2.resize(rng.integers(0, 255, (12, 20, 3), dtype=np.uint8), (320, 200))
    scenes = {}
    for number in range(60):
        one = replace(scene(), file=f"{number}.png", source="s", group=str(number))
        scenes.setdefault(one.split, []).append(one)
    held_out, copy, stranger = scenes["test"][0], *scenes["train"][:2]
    for one, picture in ((held_out, texture), (copy, cv2.blur(texture, (3, 3))), (stranger, other)):
        cv2.imwrite(str(tmp_path / one.file), picture)
    chosen = [held_out, copy, stranger]
    cache = decode_pictures(chosen, data=tmp_path, cache=tmp_path / "cache")
    assert without_held_out(chosen, cache) == [held_out, stranger]
