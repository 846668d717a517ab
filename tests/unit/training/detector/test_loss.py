"""What the detector is told: which cells answer for a face, and what is left unjudged."""

import math

import pytest

torch = pytest.importorskip("torch")

from training.detector.loss import Truth, assign, cells, detection_losses, iou  # noqa: E402

SIDE = 64


def blank_maps() -> list["torch.Tensor"]:
    """Maps that find nothing: every cell says no, with a box of its own stride."""
    maps = []
    for stride in (8, 16, 32):
        grid = torch.zeros((1, 6, SIDE // stride, SIDE // stride))
        grid[:, :2] = -12.0
        grid[:, 2:4] = 0.5
        maps.append(grid)
    return maps


def truth(
    *boxes: tuple[float, ...],
    ignored: tuple[tuple[float, ...], ...] = (),
    unpunished_height_px: float = 0.0,
) -> Truth:
    return Truth(
        torch.tensor(boxes).reshape(-1, 4),
        torch.tensor(ignored).reshape(-1, 4),
        unpunished_height_px,
    )


def test_a_found_face_costs_less_than_a_missed_one() -> None:
    found, missed = blank_maps(), blank_maps()
    # The cell of stride 16 in row 1, column 2 says: 16 x 16 px around (40, 24).
    found[1][0, :2, 1, 2] = 12.0
    faces = [truth((32, 16, 48, 32))]
    hit, miss = detection_losses(found, faces), detection_losses(missed, faces)
    assert float(hit.quality) < 0.6 * float(miss.quality)
    assert float(hit.face) < float(miss.face)


def test_a_false_face_costs_unless_it_lies_in_an_ignored_region() -> None:
    maps = blank_maps()
    maps[0][0, :2, 3, 3] = 12.0
    told = float(detection_losses(maps, [truth()]).total)
    ignored = float(detection_losses(maps, [truth(ignored=((16, 16, 40, 40),))]).total)
    assert told > 5
    assert ignored < 0.05


def test_a_small_find_is_not_punished_where_small_faces_lack_labels() -> None:
    maps = blank_maps()
    maps[0][0, :2, 3, 3] = 12.0  # 8 px high
    assert float(detection_losses(maps, [truth(unpunished_height_px=9.0)]).total) < 0.05
    assert float(detection_losses(maps, [truth(unpunished_height_px=7.0)]).total) > 5


def test_pictures_without_faces_give_a_finite_loss_with_gradients() -> None:
    maps = [grid.requires_grad_() for grid in blank_maps()]
    total = detection_losses(maps, [truth()]).total
    total.backward()
    assert math.isfinite(float(total.detach()))
    assert maps[0].grad is not None


def test_two_overlapping_faces_get_cells_of_their_own() -> None:
    maps = blank_maps()
    corners, strides = cells(maps)
    half = strides / 2
    boxes = torch.cat([corners, corners + strides], 1)
    faces = torch.tensor([[8.0, 8, 24, 24], [20.0, 8, 36, 24]])
    chosen, owner = assign(boxes, torch.full((len(boxes),), 0.1), corners + half, strides, faces)
    assert set(owner.tolist()) == {0, 1}
    assert len(set(chosen.tolist())) == len(chosen)


def test_a_face_smaller_than_every_cell_still_gets_one() -> None:
    maps = blank_maps()
    corners, strides = cells(maps)
    boxes = torch.cat([corners, corners + strides], 1)
    face = torch.tensor([[17.0, 17.0, 20.0, 20.0]])
    chosen, _ = assign(boxes, torch.full((len(boxes),), 0.1), corners + strides / 2, strides, face)
    assert len(chosen) >= 1


def test_iou_of_half_overlapping_boxes() -> None:
    overlap = iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2], [5.0, 5, 6, 6]]))
    assert overlap.tolist() == [[pytest.approx(1 / 3), 0.0]]
