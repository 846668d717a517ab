"""Our detector and public ones on the same labelled pictures: figures, plots and a page section."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure

from maskwatch.errors import ConfigError
from models.mask_classifier import MaskClassifier
from training.detector.scenes import Scene, data_hash, labelled_picture
from training.disk import written_whole
from training.evaluate.behind import ReadBehind, read_behind, see_found
from training.evaluate.classifier import SeenPicture
from training.evaluate.classifier_page import without_nan
from training.evaluate.detection import (
    HEIGHT_BANDS_PX,
    DetectionReport,
    FoundFaces,
    measure_detection,
)
from training.evaluate.mistakes import Mistake, finding_mistakes
from training.evaluate.rivals import Finder, ours, ours_careful, rfb, yunet, yunet_careful

_logger = logging.getLogger(__name__)

OURS = "maskwatch"
OURS_CAREFUL = "maskwatch, eight looks"
YUNET_FILE = "yunet_n_640_640.onnx"
RFB_FILE = "rfb_640_masked_face.onnx"
LOOSE_IOU = 0.4


@dataclass(frozen=True, slots=True)
class DetectorScores:
    """One detector on one set of pictures.

    Attributes:
        by_source: A report for each source.
        overall: One for all pictures together.
        mean_ap40: Mean of the sources' average precision where an overlap of `LOOSE_IOU` is a hit:
            how much is lost to boxes that are placed otherwise than the labels.
        ms_per_picture: Median time of one picture, resizing and suppression with it.
        mistakes: What it got wrong at the score where 90 % of its finds are faces.
        read: What the classifier makes of its finds, at the score where 90 % of them are faces;
            None without a classifier.
    """

    by_source: dict[str, DetectionReport]
    overall: DetectionReport
    mean_ap40: float
    ms_per_picture: float
    mistakes: dict[str, list[Mistake]]
    read: ReadBehind | None = None

    @property
    def mean_ap50(self) -> float:
        """Mean of the sources' AP50: a large source does not hide a small one."""
        return float(np.mean([report.ap50 for report in self.by_source.values()]))


def finders(weights: Path | None, baselines: Path | None) -> dict[str, Finder]:
    """Our detector and those of the public ones whose files lie in ``baselines``."""
    chosen = {OURS: ours(weights), OURS_CAREFUL: ours_careful(weights)}
    if baselines is None:
        return chosen
    if (baselines / YUNET_FILE).is_file():
        for side in (640, 960):
            chosen[f"YuNet {side}"] = yunet(baselines / YUNET_FILE, long_side=side)
        chosen["YuNet, eight looks"] = yunet_careful(baselines / YUNET_FILE)
    if (baselines / RFB_FILE).is_file():
        chosen["RFB 640"] = rfb(baselines / RFB_FILE)
    if len(chosen) == 2:
        raise ConfigError(f"{baselines}: holds neither {YUNET_FILE} nor {RFB_FILE}")
    return chosen


def score_detectors(
    scenes: list[Scene],
    data: Path,
    detectors: Mapping[str, Finder],
    *,
    classifier: MaskClassifier | None = None,
    tell: Callable[[int], None] = lambda done: None,
) -> dict[str, DetectorScores]:
    """Runs every detector on every picture; a picture that cannot be read is named and left out.

    Args:
        scenes: Labelled pictures.
        data: Where they lie.
        detectors: By name.
        classifier: Reads what each detector finds; None leaves it unread.
        tell: Called with the number of pictures done.
    """
    usable: list[Scene] = []
    found: dict[str, list[FoundFaces]] = {name: [] for name in detectors}
    seen: dict[str, list[SeenPicture]] = {name: [] for name in detectors}
    times: dict[str, list[float]] = {name: [] for name in detectors}
    for index, scene in enumerate(scenes):
        tell(index)
        decoded = cv2.imread(str(data / scene.file), cv2.IMREAD_COLOR)
        if decoded is None:
            _logger.warning("%s cannot be read: left out", data / scene.file)
            continue
        usable.append(scene)
        picture = np.asarray(decoded, np.uint8)
        for name, find in detectors.items():
            started = time.perf_counter()
            faces = find(picture)
            times[name].append((time.perf_counter() - started) * 1e3)
            found[name].append(faces)
            if classifier is not None:
                seen[name].append(see_found(picture, faces, classifier))
    scores = {
        name: _scores(usable, found[name], float(np.median(times[name]))) for name in detectors
    }
    if classifier is None:
        return scores
    pictures = [labelled_picture(scene) for scene in usable]
    return {
        name: replace(
            score, read=read_behind(pictures, seen[name], threshold=score.overall.threshold)
        )
        for name, score in scores.items()
    }


def _scores(scenes: list[Scene], found: list[FoundFaces], ms_per_picture: float) -> DetectorScores:
    truths = [(scene.source, scene.truth) for scene in scenes]
    by_source, loose = {}, []
    for source in sorted({name for name, _ in truths}):
        rows = [index for index, (name, _) in enumerate(truths) if name == source]
        of_source = [truths[index][1] for index in rows], [found[index] for index in rows]
        by_source[source] = measure_detection(*of_source)
        loose.append(measure_detection(*of_source, match_iou=LOOSE_IOU).ap50)
    overall = measure_detection([truth for _, truth in truths], found)
    mistakes = finding_mistakes(scenes, found, threshold=overall.threshold)
    return DetectorScores(by_source, overall, float(np.mean(loose)), ms_per_picture, mistakes)


def as_json(
    scores: Mapping[str, DetectorScores], scenes: list[Scene], split: str
) -> dict[str, Any]:
    """Everything that the tables say, for programs."""
    return {
        "split": split,
        "pictures": len(scenes),
        "data_sha256": data_hash(scenes),
        "detectors": {
            name: {
                "mean_ap50": round(score.mean_ap50, 4),
                "mean_ap40": round(score.mean_ap40, 4),
                "ms_per_picture": round(score.ms_per_picture, 2),
                "overall": _report_json(score.overall),
                "mistakes": {kind: len(rows) for kind, rows in score.mistakes.items()},
                "by_source": {key: _report_json(r) for key, r in score.by_source.items()},
                **({} if score.read is None else {"read": without_nan(asdict(score.read))}),
            }
            for name, score in scores.items()
        },
    }


def _report_json(report: DetectionReport) -> dict[str, Any]:
    return {
        "faces": report.faces,
        "ap50": round(report.ap50, 4),
        "threshold_at_p90": round(report.threshold, 4),
        "recall_at_p90": round(report.recall_at_threshold, 4),
        "recall_by_height": {k: round(v, 4) for k, v in report.recall_by_height.items()},
        "faces_by_height": report.faces_by_height,
    }


def as_markdown(scores: Mapping[str, DetectorScores]) -> str:
    """The tables as a section of docs/accuracy.md, without its heading."""
    any_score = next(iter(scores.values()))
    sources = list(any_score.by_source)
    heads = ["detector", "mean AP50", *sources, "mean AP40", "recall at P 0.9", "ms per picture"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, score in scores.items():
        cells = [name, f"**{score.mean_ap50:.3f}**"]
        cells += [f"{score.by_source[source].ap50:.3f}" for source in sources]
        cells += [f"{score.mean_ap40:.3f}", f"{score.overall.recall_at_threshold:.3f}"]
        cells.append(f"{score.ms_per_picture:.1f}")
        lines.append("| " + " | ".join(cells) + " |")
    faces = any_score.overall.faces_by_height
    bands = [f"{low}-{high}" for low, high in HEIGHT_BANDS_PX if f"{low}-{high}" in faces]
    titles = [band.replace("-9999", "+") + f" px ({faces[band]})" for band in bands]
    lines += [
        "",
        "Recall at precision 0.9 over all sources, by face height at 640 wide (faces):",
        "",
    ]
    lines += ["| detector | " + " | ".join(titles) + " |", "|" + "---|" * (len(bands) + 1)]
    for name, score in scores.items():
        cells = [f"{score.overall.recall_by_height[band]:.3f}" for band in bands]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"Errors at precision 0.9 ({any_score.overall.faces} faces): finds that touch no labelled "
        "face, finds that touch one but overlap it by less than 0.5 or for the second time, and "
        "faces that no find touches:",
        "",
        "| detector | no label there | misplaced | missed |",
        "|---|---|---|---|",
    ]
    for name, score in scores.items():
        counts = [str(len(score.mistakes[kind])) for kind in ("unlabelled", "misplaced", "missed")]
        lines.append(f"| {name} | " + " | ".join(counts) + " |")
    return "\n".join(lines) + "\n"


def draw(scores: Mapping[str, DetectorScores], out: Path) -> None:
    """Precision against recall, and recall by face height, as one PNG."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    curve, bars = figure.subplots(1, 2)
    width = 0.8 / len(scores)
    for place, (name, score) in enumerate(scores.items()):
        curve.plot(score.overall.recall, score.overall.precision, label=name)
        heights = list(score.overall.recall_by_height)
        positions = [index + place * width for index in range(len(heights))]
        bars.bar(positions, list(score.overall.recall_by_height.values()), width, label=name)
        if place == 0:
            labels = [height.replace("-9999", "+") for height in heights]
            bars.set_xticks([index + 0.4 for index in range(len(heights))], labels)
    curve.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title="all sources")
    curve.legend(loc="lower left")
    bars.set(xlabel="face height, px at 640 wide", title="recall at precision 0.9", ylim=(0, 1))
    with written_whole(out) as partial:
        figure.savefig(partial, dpi=100)
