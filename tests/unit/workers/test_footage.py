"""The JSON lines of `maskwatch analyze`, in the words of the contract."""

from maskwatch.config import RecorderSettings
from maskwatch.contracts import Face, Verdict
from maskwatch.geometry import Box
from workers.footage import Footage, frame_line

SIZE = (640, 360)


def _face(*, x: float = 100.0, score: float = 0.97, label: Verdict = Verdict.MASK) -> Face:
    probabilities = {"mask": 0.95, "no_mask": 0.04, "incorrect": 0.01}
    if label is Verdict.NO_MASK:
        probabilities = {"mask": 0.04, "no_mask": 0.95, "incorrect": 0.01}
    return Face(
        box=Box(x, 50.0, x + 40, 100.0),
        score=score,
        label=label,
        probabilities=probabilities,
        quality=0.9,
    )


def test_a_picture_has_the_keys_of_the_contract() -> None:
    assert frame_line("dir/a.jpg", [_face()], size=SIZE) == {
        "source": "dir/a.jpg",
        "frame": 0,
        "time_s": 0.0,
        "width": 640,
        "height": 360,
        "faces": [
            {
                "box": [100.0, 50.0, 140.0, 100.0],
                "score": 0.97,
                "label": "mask",
                "probabilities": {"mask": 0.95, "no_mask": 0.04, "incorrect": 0.01},
            }
        ],
    }


def test_a_video_ends_with_its_passages_in_order_and_totals_of_every_verdict() -> None:
    footage = Footage("v.mp4", RecorderSettings(), min_score=0.5)
    for n in range(30):
        faces = [_face(x=100 + 4 * n)] if n < 12 else []
        if n >= 15:
            faces = [_face(x=500 - 4 * (n - 15), label=Verdict.NO_MASK)]
        line = footage.add(faces, size=SIZE, frame=2 * n, time_s=n / 5)
        assert (line["frame"], line["time_s"]) == (2 * n, n / 5)
    assert footage.finish() == {
        "source": "v.mp4",
        "passages": [
            {"start_s": 0.0, "end_s": 2.2, "verdict": "mask", "looks": 12},
            {"start_s": 3.0, "end_s": 5.8, "verdict": "no_mask", "looks": 15},
        ],
        "totals": {"mask": 1, "no_mask": 1, "incorrect": 0, "unreadable": 0},
    }


def test_candidates_below_the_threshold_are_listed_and_count_for_no_passage() -> None:
    footage = Footage("v.mp4", RecorderSettings(), min_score=0.5)
    for n in range(12):
        line = footage.add([_face(score=0.3)], size=SIZE, frame=n, time_s=n / 5)
        assert len(line["faces"]) == 1
    assert footage.finish()["passages"] == []


def test_a_video_without_faces_has_totals_of_zero() -> None:
    footage = Footage("v.mp4", RecorderSettings(), min_score=0.5)
    footage.add([], size=SIZE, frame=0, time_s=0.0)
    assert set(footage.finish()["totals"].values()) == {0}
