import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.sanity import SanityCheck
from ingest.source import CapturedFrame
from maskwatch.contracts import Reject
from tests.support.pictures import smooth, textured

Picture = NDArray[np.uint8]


def judge(picture: Picture, *, is_damaged: bool = False) -> Reject | None:
    frame = CapturedFrame(picture, 0.0, 0.0, 0.0, is_damaged=is_damaged)
    return SanityCheck().judge(frame, picture, time_s=0.0)


@pytest.mark.parametrize("size", [(1280, 720), (480, 848), (320, 240), (64, 48), (16, 16)])
@pytest.mark.parametrize("make", [textured, smooth])
def test_an_ordinary_picture_is_fit(make: object, size: tuple[int, int]) -> None:
    width, height = size
    assert judge(make(3, width=width, height=height)) is None  # type: ignore[operator]


def test_a_dark_picture_is_not_analysed() -> None:
    assert judge((textured() // 10).astype(np.uint8)) is Reject.DARK


def test_a_dim_picture_with_light_in_it_is_analysed() -> None:
    picture = (textured() // 10).astype(np.uint8)
    picture[:40, :40] = 200
    picture[0, 0] = 0
    assert judge(picture) is None


@pytest.mark.parametrize("colour", [(130, 130, 130), (0, 135, 0)])
def test_what_ffmpeg_puts_for_missing_data_is_grey(colour: tuple[int, int, int]) -> None:
    picture = textured()
    picture[: picture.shape[0] // 2] = colour
    assert judge(picture) is Reject.GREY


def test_a_picture_of_one_colour_is_grey() -> None:
    assert judge(np.full((240, 320, 3), 90, np.uint8)) is Reject.GREY


def test_a_grey_wall_with_a_cameras_noise_is_analysed() -> None:
    noise = np.random.default_rng(1).integers(-4, 5, (240, 320, 3))
    assert judge((130 + noise).astype(np.uint8)) is None


def test_a_row_that_is_smeared_down_is_torn() -> None:
    picture = textured()
    picture[150:] = picture[150]
    assert judge(picture) is Reject.TORN


def test_a_lower_part_that_is_filled_is_torn() -> None:
    picture = textured()
    picture[200:] = (0, 135, 0)
    assert judge(picture) is Reject.TORN


def test_a_cut_off_jpeg_is_torn() -> None:
    # As FFmpeg shows one: what is missing is left at zero in all planes.
    picture = smooth(width=1280, height=720)
    picture[600:] = (0, 135, 0)
    assert judge(picture) is Reject.TORN


def test_a_picture_that_repeats_its_upper_half_is_torn() -> None:
    picture = textured()
    picture[120:] = picture[:120]
    assert judge(picture) is Reject.TORN


def test_a_plain_floor_is_no_tear() -> None:
    picture = textured()
    picture[170:] = (90, 110, 140)
    assert judge(picture) is None


def test_what_the_decoder_calls_damaged_is_corrupt() -> None:
    assert judge(textured(), is_damaged=True) is Reject.CORRUPT


def test_a_picture_that_never_changes_is_frozen_after_ten_seconds() -> None:
    check, picture = SanityCheck(), textured()
    frame = CapturedFrame(picture, 0.0, 0.0, 0.0)
    verdicts = [check.judge(frame, picture, time_s=number / 5) for number in range(60)]
    assert verdicts[:51] == [None] * 51
    assert verdicts[51:] == [Reject.FROZEN] * 9


def test_one_new_picture_ends_the_freeze() -> None:
    check, picture = SanityCheck(), textured()
    frame = CapturedFrame(picture, 0.0, 0.0, 0.0)
    for number in range(100):
        check.judge(frame, picture, time_s=float(number))
    assert check.judge(frame, textured(1), time_s=100.0) is None


def test_an_empty_corridor_with_a_cameras_noise_is_not_frozen() -> None:
    check, scene = SanityCheck(), smooth()
    noise = np.random.default_rng(1)
    for number in range(300):
        picture = cv2.add(scene, noise.integers(0, 2, scene.shape, dtype=np.uint8))
        picture = np.asarray(picture, dtype=np.uint8)
        frame = CapturedFrame(picture, 0.0, 0.0, 0.0)
        assert check.judge(frame, picture, time_s=number / 5) is None
