"""What is drawn, and that words and not colours alone tell faces apart."""

import cv2
import numpy as np
import pytest

from maskwatch.contracts import Face, Verdict
from maskwatch.geometry import Box
from workers.annotate import COLOURS, VIEW_WIDTH_PX, WORDS, annotate, label_text, view_jpeg

BOX = Box(200, 150, 260, 230)
GREY = np.full((360, 640, 3), 90, np.uint8)


def _face(label: Verdict = Verdict.MASK, *, box: Box = BOX, score: float = 0.9) -> Face:
    probabilities = {"mask": 0.91, "no_mask": 0.06, "incorrect": 0.03}
    return Face(box=box, score=score, label=label, probabilities=probabilities, quality=0.8)


def test_a_face_is_boxed_in_the_colour_of_what_is_said() -> None:
    for label, colour in COLOURS.items():
        drawn = annotate(GREY, [_face(label)])
        assert tuple(drawn[190, 200].tolist()) == pytest.approx(colour, abs=40)
        assert np.array_equal(drawn[190, 230], GREY[190, 230])


def test_the_picture_given_is_not_touched() -> None:
    before = GREY.copy()
    annotate(GREY, [_face()], blur_faces=True)
    assert np.array_equal(before, GREY)


def test_every_verdict_has_a_word_and_a_colour_of_its_own() -> None:
    assert set(WORDS) == set(COLOURS) == set(Verdict)
    assert len(set(WORDS.values())) == len(set(COLOURS.values())) == len(Verdict)


def test_colours_differ_in_lightness_too() -> None:
    lightness = sorted(0.114 * b + 0.587 * g + 0.299 * r for b, g, r in COLOURS.values())
    assert min(np.diff(lightness)) > 15


def test_the_label_says_how_sure_it_is_unless_nothing_is_said() -> None:
    assert label_text(_face(Verdict.MASK)) == "mask 91%"
    assert label_text(_face(Verdict.UNREADABLE)) == "unreadable"


@pytest.mark.parametrize(
    "box",
    [Box(0, 0, 30, 30), Box(610, 330, 640, 360), Box(0, 0, 640, 360), Box(-5, -5, 700, 400)],
)
def test_a_label_at_the_edge_stays_inside(box: Box) -> None:
    drawn = annotate(GREY, [_face(box=box)])
    filled = np.all(np.abs(drawn.astype(int) - COLOURS[Verdict.MASK]) < 8, axis=2)
    rows = np.flatnonzero(filled.sum(axis=1) > 25)
    assert drawn.shape == GREY.shape
    assert rows.size


def test_labels_of_neighbours_do_not_cover_each_other() -> None:
    faces = [_face(box=Box(200 + 20 * n, 150, 260 + 20 * n, 230)) for n in range(2)]
    both = annotate(GREY, faces)
    each = [annotate(GREY, [face]) for face in faces]
    blue = [
        np.all(np.abs(p.astype(int) - COLOURS[Verdict.MASK]) < 8, axis=2) for p in (both, *each)
    ]
    assert blue[0].sum() > 1.5 * max(blue[1].sum(), blue[2].sum())


def test_blurred_faces_lose_their_detail_and_the_rest_does_not() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    blurred = annotate(noise, [_face()], blur_faces=True)
    inside, outside = np.s_[165:215, 212:248], np.s_[10:100, 300:400]
    assert np.count_nonzero(np.diff(blurred[inside].astype(int), axis=0)) < 36 * 3 * 10
    assert np.array_equal(blurred[outside], noise[outside])


def test_a_view_is_a_jpeg_narrow_enough_for_a_page() -> None:
    picture = np.full((1080, 1920, 3), 90, np.uint8)
    face = _face(box=Box(960, 540, 1060, 680))
    shown = cv2.imdecode(np.frombuffer(view_jpeg(picture, [face]), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (540, VIEW_WIDTH_PX, 3)
    assert tuple(shown[300, 480].tolist()) == pytest.approx(COLOURS[Verdict.MASK], abs=60)


def test_the_words_of_a_view_are_read_on_a_wall_that_shows_it_small() -> None:
    face = _face(box=Box(300, 200, 360, 280))
    picture = np.full((540, VIEW_WIDTH_PX, 3), 90, np.uint8)
    shown = cv2.imdecode(np.frombuffer(view_jpeg(picture, [face]), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    above = shown[150:196, 296:420]
    ink = np.flatnonzero((above.min(axis=2) > 190).sum(axis=1) >= 2)
    on_the_wall_px = (ink[-1] - ink[0] + 1) * 440 / VIEW_WIDTH_PX
    assert 6.5 <= on_the_wall_px <= 12


def test_a_narrow_picture_is_not_stretched() -> None:
    shown = cv2.imdecode(np.frombuffer(view_jpeg(GREY, []), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == GREY.shape


def test_tiny_and_huge_pictures_can_be_drawn_on() -> None:
    for shape in ((16, 16, 3), (4320, 7680, 3)):
        picture = np.zeros(shape, np.uint8)
        assert annotate(picture, [_face(box=Box(2, 2, 12, 12))]).shape == shape
