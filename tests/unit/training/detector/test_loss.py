"""What the detector is told: which cells answer for a face, and what is left unjudged."""

import math

import pytest

torch = pytest.importorskip("torch")

from training.detector.loss import assign, cells, detection_losses, iou  # noqa: E402
from training.detector.truth import Truth  # noqa: E402

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


def test_a_labelled_face_is_taught_wherever_it_lies() -> None:
    # Too low to be punished, and in an ignored region: its cells are taught all the same.
    face = truth((32, 16, 48, 32), ignored=((0, 0, 64, 64),), unpunished_height_px=40.0)
    assert float(detection_losses(blank_maps(), [face]).quality) > 5


def test_pictures_without_faces_give_a_finite_loss_with_gradients() -> None:
    maps = [grid.requires_grad_() for grid in blank_maps()]
    total = detection_losses(maps, [truth()]).total
    total.backward()
    assert math.isfinite(float(total.detach()))
    assert maps[0].grad is not None


def assigned(*pictures: list[tuple[float, ...]]) -> "torch.Tensor":
    """What `assign` says where every cell predicts itself and is as sure as all others."""
    corners, strides = cells(blank_maps())
    boxes = torch.cat([corners, corners + strides], 1).repeat(len(pictures), 1, 1)
    faces = torch.zeros(len(pictures), max(map(len, pictures)), 4)
    is_face = torch.zeros(faces.shape[:2], dtype=torch.bool)
    for row, picture in enumerate(pictures):
        faces[row, : len(picture)] = torch.tensor(picture).reshape(-1, 4)
        is_face[row, : len(picture)] = True
    scores = torch.full(boxes.shape[:2], 0.1)
    return assign(boxes, scores, corners + strides / 2, strides, faces, is_face)


def test_two_overlapping_faces_get_cells_of_their_own() -> None:
    owner = assigned([(8, 8, 24, 24), (20, 8, 36, 24)])
    assert set(owner[0].tolist()) == {-1, 0, 1}


def test_a_face_smaller_than_every_cell_still_gets_one() -> None:
    owner = assigned([(17, 17, 20, 20)])
    assert (owner[0] == 0).sum() >= 1


def test_pictures_with_fewer_faces_are_told_the_same_beside_others() -> None:
    one, two, none = [(17.0, 17, 30, 30)], [(8.0, 8, 24, 24), (20.0, 8, 36, 24)], []
    together = assigned(one, two, none)
    assert together[0].tolist() == assigned(one)[0].tolist()
    assert together[1].tolist() == assigned(two)[0].tolist()
    assert (together[2] == -1).all()


def test_a_batch_loses_what_its_crops_lose_by_themselves() -> None:
    found, missed = blank_maps(), blank_maps()
    found[1][0, :2, 1, 2] = 12.0
    crops = [
        truth((32, 16, 48, 32), (2, 2, 40, 44)),
        truth((10, 10, 16, 17), ignored=((30, 30, 64, 64),), unpunished_height_px=9.0),
    ]
    # Each part is over the number of face cells: 1 in a mean is as many in a sum.
    alone = [
        detection_losses(maps, [crop]) for maps, crop in zip((found, missed), crops, strict=True)
    ]
    cells_of = [
        int((assigned_by(maps, crop) >= 0).sum())
        for maps, crop in zip((found, missed), crops, strict=True)
    ]
    both = detection_losses([torch.cat(pair) for pair in zip(found, missed, strict=True)], crops)
    for part in ("face", "quality", "box"):
        summed = sum(float(getattr(one, part)) * n for one, n in zip(alone, cells_of, strict=True))
        assert float(getattr(both, part)) == pytest.approx(summed / sum(cells_of), rel=1e-5)


def assigned_by(maps: list["torch.Tensor"], crop: Truth) -> "torch.Tensor":
    """The cells that answer for a crop's faces, as the loss lets them."""
    flat = torch.cat([grid.flatten(2) for grid in maps], 2)
    corners, strides = cells(maps)
    centers = corners + flat[:, 2:4].transpose(1, 2) * strides
    half = flat[:, 4:6].exp().transpose(1, 2) * strides / 2
    scores = (flat[:, 0].sigmoid() * flat[:, 1].sigmoid()).sqrt()
    boxes = torch.cat([centers - half, centers + half], 2)
    is_face = torch.ones(1, len(crop.boxes), dtype=torch.bool)
    return assign(boxes, scores, corners + strides / 2, strides, crop.boxes[None], is_face)


def test_iou_of_half_overlapping_boxes() -> None:
    overlap = iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2], [5.0, 5, 6, 6]]))
    assert overlap.tolist() == [[pytest.approx(1 / 3), 0.0]]
