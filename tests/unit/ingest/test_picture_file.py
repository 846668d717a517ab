import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ingest.picture_file import read_picture
from maskwatch.errors import MediaError
from tests.support.pictures import textured

RED_RGB = (200, 30, 40)
RED_BGR = [40, 30, 200]


def test_bgr_is_the_order_of_the_colours(tmp_path: Path) -> None:
    Image.new("RGB", (32, 24), RED_RGB).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert (picture.shape, picture.dtype) == ((24, 32, 3), np.uint8)
    assert picture[5, 5].tolist() == RED_BGR


def test_a_transparent_picture_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (32, 24), (*RED_RGB, 255))
    image.paste((0, 0, 0, 0), (0, 0, 16, 24))
    image.save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture[5, 5].tolist() == [255, 255, 255]
    assert picture[5, 25].tolist() == RED_BGR


def test_a_grey_picture_has_three_equal_channels(tmp_path: Path) -> None:
    Image.new("L", (32, 24), 77).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png")[5, 5].tolist() == [77, 77, 77]


def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 32 * 24).astype(np.uint16).reshape(24, 32)
    Image.fromarray(deep).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.shape == (24, 32, 3)
    assert picture[0, 0, 0] == 0
    assert picture[-1, -1, 0] == 255
    assert 125 <= picture[12, 0, 0] <= 130


def test_sixteen_bits_of_colour_are_scaled(tmp_path: Path) -> None:
    deep = np.zeros((24, 32, 3), np.uint16)
    deep[..., 2] = 200 * 257
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    assert read_picture(tmp_path / "a.png")[5, 5].tolist() == [0, 0, 200]


def test_a_palette_is_resolved(tmp_path: Path) -> None:
    Image.new("RGB", (32, 24), RED_RGB).convert("P", palette=Image.Palette.ADAPTIVE).save(
        tmp_path / "a.gif"
    )
    assert np.abs(read_picture(tmp_path / "a.gif")[5, 5].astype(int) - RED_BGR).max() < 8


def test_cmyk_is_converted(tmp_path: Path) -> None:
    Image.new("RGB", (32, 24), RED_RGB).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_picture(tmp_path / "a.jpg")[5, 5].astype(int) - RED_BGR).max() < 12


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, (0, 0)), (3, (23, 31)), (6, (0, 23)), (8, (31, 0))],
)
def test_a_picture_is_turned_as_its_exif_says(
    tmp_path: Path, orientation: int, corner: tuple[int, int]
) -> None:
    image = Image.new("RGB", (32, 24), "white")
    image.paste("black", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.shape[:2] == ((32, 24) if orientation in (6, 8) else (24, 32))
    assert picture[corner].max() < 40


@pytest.mark.parametrize("size", [(7680, 4320), (16, 16), (1, 1)])
def test_very_large_and_very_small_pictures_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((size[1], size[0], 3), 90, np.uint8))
    assert read_picture(tmp_path / "a.jpg").shape == (size[1], size[0], 3)


@pytest.mark.parametrize("size", [(12_000, 10_000), (20_000, 20_000)])
def test_a_file_that_would_fill_the_memory_is_refused(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, *size, 1, 24, *[0] * 6)
    (tmp_path / "a.bmp").write_bytes(header)
    with pytest.raises(MediaError, match=r"a\.bmp.* smaller"):
        read_picture(tmp_path / "a.bmp")


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(MediaError, match=r"a\.jpg"):
        read_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_a_cut_off_picture_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), textured())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match=rf"a\{suffix}"):
        read_picture(path)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not exist"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(MediaError, match="folder"):
        read_picture(tmp_path)
