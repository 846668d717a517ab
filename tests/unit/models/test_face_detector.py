"""The detector's seam: any size of picture in, boxes in that picture's own pixels out."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from maskwatch.errors import ModelError
from models.face_detector import MAX_BATCH, FaceDetector, decode, suppress
from models.preprocess import CANVAS_STEP_PX, letterbox

STRIDES = (8, 16, 32)


def blank(height: int, width: int) -> NDArray[np.uint8]:
    return np.zeros((height, width, 3), np.uint8)


class BrightCells:
    """Answers one stride-wide face at stride 8 for every bright cell of the canvas."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        self.shapes.append(batch.shape)
        count, height, width, _ = batch.shape
        maps = []
        for stride in STRIDES:
            cells = np.full((count, 6, height // stride, width // stride), -20.0, np.float32)
            cells[:, 2:4] = 0.5  # the middle of the cell
            cells[:, 4:6] = 0.0  # exp(0) strides wide and high
            if stride == 8:
                mean = batch.mean(3).reshape(count, height // 8, 8, width // 8, 8).mean((2, 4))
                cells[:, :2] = np.where(mean > 200, 10.0, -20.0)[:, None]
            maps.append(cells.reshape(count, 6, -1))
        return [np.concatenate(maps, 2)]


def test_a_face_is_placed_in_the_pixels_of_the_picture_given() -> None:
    picture = blank(720, 1280)
    picture[160:176, 320:336] = 255  # one cell of 8 px once 1280 is shown as 640
    (faces,) = FaceDetector(BrightCells()).detect([picture])
    assert len(faces) == 1
    assert faces[0].box.as_list() == pytest.approx([320, 160, 336, 176], abs=0.5)
    assert faces[0].score > 0.99


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (4320, 7680), (3, 900), (900, 3)])
def test_pictures_of_any_size_fit(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 255, np.uint8)
    runtime = BrightCells()
    (faces,) = FaceDetector(runtime).detect([picture])
    assert bool(faces) == (min(size) / max(size) > 0.1)  # a thin strip fills no cell
    assert all(side % CANVAS_STEP_PX == 0 for side in runtime.shapes[0][1:3])
    assert max(runtime.shapes[0][1:3]) == 640
    for face in faces:
        assert 0 <= face.box.x1 < face.box.x2 <= size[1]
        assert 0 <= face.box.y1 < face.box.y2 <= size[0]


def test_pictures_of_one_shape_share_a_batch_and_answers_keep_their_order() -> None:
    wide, tall = blank(360, 640), blank(640, 360)
    wide[80:88, 160:168] = 255
    runtime = BrightCells()
    found = FaceDetector(runtime, batch=MAX_BATCH).detect([wide, tall, blank(360, 640), wide])
    assert [len(faces) for faces in found] == [1, 0, 0, 1]
    assert sorted(shape[0] for shape in runtime.shapes) == [1, 3]


def test_a_batch_never_grows_past_its_limit() -> None:
    runtime = BrightCells()
    detector = FaceDetector(runtime, batch=MAX_BATCH)
    detector.detect([blank(64, 64)] * (MAX_BATCH + 1), long_side=64)
    assert [shape[0] for shape in runtime.shapes] == [MAX_BATCH, 1]


def test_on_a_cpu_a_picture_is_never_run_together_with_another() -> None:
    runtime = BrightCells()
    FaceDetector(runtime).detect([blank(64, 64)] * 3, long_side=64)
    assert [shape[0] for shape in runtime.shapes] == [1, 1, 1]


def test_no_pictures_give_no_answers() -> None:
    assert FaceDetector(BrightCells()).detect([]) == []


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_anything_but_a_colour_picture_is_refused(picture: NDArray[Any]) -> None:
    with pytest.raises(ModelError, match="uint8"):
        FaceDetector(BrightCells()).detect([picture])


def test_a_network_with_another_output_is_refused() -> None:
    class Other:
        def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
            return [np.zeros((len(batch), 6, 7), np.float32)]

    with pytest.raises(ModelError, match="another network"):
        FaceDetector(Other()).detect([blank(64, 64)])


def test_the_threshold_of_the_detector_is_used_unless_another_is_given() -> None:
    picture = blank(64, 64)
    picture[8:16, 8:16] = 255
    sure = FaceDetector(BrightCells(), min_score=1.1)
    assert sure.detect([picture], long_side=64) == [[]]
    assert len(sure.detect([picture], long_side=64, min_score=0.5)[0]) == 1


def test_the_score_is_the_geometric_mean_of_face_and_quality() -> None:
    logits = np.full((6, 84), -9.0, np.float32)
    logits[:, 0] = [np.log(0.81 / 0.19), np.log(0.25 / 0.75), 1, 1, np.log(2), np.log(4)]
    boxes, scores = decode(logits, height=64, width=64, min_score=0.1)
    assert scores == pytest.approx([0.45], abs=1e-6)
    assert boxes[0] == pytest.approx([0, -8, 16, 24])


def test_an_overlapping_box_gives_way_to_the_surer_one() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], np.float32)
    kept = suppress(boxes, np.array([0.6, 0.9, 0.7], np.float32))
    assert kept.tolist() == [1, 2]


def test_a_picture_keeps_its_shape_on_the_canvas() -> None:
    fitted = letterbox(np.full((100, 300, 3), 9, np.uint8), long_side=96)
    assert fitted.canvas.shape == (32, 96, 3)
    assert (fitted.scale_x, fitted.scale_y) == pytest.approx((0.32, 0.32))
    assert fitted.canvas[:32].min() == 9
