"""From pictures to faces: detect on each, then classify the faces of all in one batch.

Worker processes and `maskwatch analyze` use this alike, so they say the same of the same picture.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from maskwatch.config import WorkerSettings
from maskwatch.contracts import Face
from maskwatch.cores import available_cores
from maskwatch.geometry import Box
from models.mask_classifier import Reading

if TYPE_CHECKING:
    from models.registry import Detector

Picture = NDArray[np.uint8]


class Classifier(Protocol):
    """Reads faces. `models.mask_classifier.MaskClassifier` is one."""

    def read(
        self, pictures: Sequence[Picture], boxes: Sequence[Sequence[Box]]
    ) -> Sequence[Sequence[Reading]]:
        """Return one reading for each box of each picture."""
        ...


@dataclass(frozen=True, slots=True)
class Analysed:
    """What was found in a batch of pictures.

    Attributes:
        faces: One tuple for each picture, surest face first.
        timings_ms: Milliseconds of the whole batch by stage: detect, classify.
    """

    faces: list[tuple[Face, ...]]
    timings_ms: dict[str, float]


class Analyser:
    """A detector and a classifier, joined."""

    def __init__(
        self,
        detector: "Detector",
        classifier: Classifier,
        *,
        min_score: float | None = None,
        long_side: int = 640,
    ) -> None:
        """Join two loaded networks.

        Args:
            detector: Finds faces.
            classifier: Reads them.
            min_score: Faces below it are left out; None is the detector's own threshold.
            long_side: Longer side of a picture as the detector sees it, pixels.
        """
        self._detector = detector
        self._classifier = classifier
        self._min_score = min_score
        self._long_side = long_side

    def with_min_score(self, min_score: float) -> "Analyser":
        """The same networks with another threshold."""
        return Analyser(
            self._detector, self._classifier, min_score=min_score, long_side=self._long_side
        )

    def carefully(self) -> "Analyser":
        """The same networks, with several looks at each picture: for still ones."""
        # Late, as in load_analyser.
        from models.careful import CarefulDetector
        from models.mask_classifier import MaskClassifier

        classifier = self._classifier
        if isinstance(classifier, MaskClassifier):
            classifier = classifier.mirroring()
        return Analyser(
            CarefulDetector(self._detector),
            classifier,
            min_score=self._min_score,
            long_side=self._long_side,
        )

    @property
    def min_score(self) -> float:
        """Faces below it are left out."""
        return self._detector.min_score if self._min_score is None else self._min_score

    def analyse(self, pictures: Sequence[Picture]) -> Analysed:
        """Find and read the faces of pictures.

        Args:
            pictures: uint8 (H, W, 3), BGR, each of any size.

        Raises:
            ModelError: A network cannot take the pictures.
        """
        if not pictures:
            return Analysed([], {"detect": 0.0, "classify": 0.0})
        started = time.perf_counter()
        detected = self._detector.detect(
            pictures, min_score=self._min_score, long_side=self._long_side
        )
        between = time.perf_counter()
        readings = self._classifier.read(
            pictures, [[detection.box for detection in found] for found in detected]
        )
        ended = time.perf_counter()
        faces = [
            tuple(
                Face(
                    box=detection.box,
                    score=detection.score,
                    label=reading.label,
                    probabilities=reading.probabilities,
                    quality=reading.quality,
                )
                for detection, reading in zip(found, read, strict=True)
            )
            for found, read in zip(detected, readings, strict=True)
        ]
        return Analysed(
            faces,
            {"detect": (between - started) * 1e3, "classify": (ended - between) * 1e3},
        )

    def warm_up(self, *, batch: int = 1) -> None:
        """Run blank pictures and faces through both networks, so that the first real ones are fast.

        Args:
            batch: Frames of one batch in service.
        """
        blank = np.zeros((self._long_side * 9 // 16, self._long_side, 3), np.uint8)
        face = Box(0.0, 0.0, 64.0, 64.0)
        for size in sorted({1, batch}):
            self._detector.detect(
                [blank] * size, min_score=self._min_score, long_side=self._long_side
            )
            self._classifier.read([blank] * size, [[face]] * size)


def load_analyser(settings: WorkerSettings, *, threads: int | None = None) -> Analyser:
    """Load the configured networks.

    Args:
        settings: Names the networks and the device.
        threads: Cores for them; None is the configured number.

    Raises:
        ModelError: Weights or cards are missing, damaged or do not fit, or there is no such device.
    """
    # Late, because the registry may bring an engine that this process does not need.
    from models.registry import load_classifier, load_detector

    cores = threads or settings.threads or available_cores()
    with_threads = settings.model_copy(update={"threads": cores})
    return Analyser(
        load_detector(with_threads),
        load_classifier(with_threads),
        min_score=settings.min_score,
        long_side=settings.detect_long_side,
    )
