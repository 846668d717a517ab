"""Trains the face detector: recipe and scenes in, a folder with weights, figures and curves out.

A run resumes after a kill at any moment: a batch depends on the seed and its step alone, and the
checkpoint holds weights, their average and the optimiser. Several processes that train together
(see :mod:`training.team`) take the steps of one, each on its share of every batch.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.face_detector import FaceDetector
from training import team
from training.detector.batches import Batch, batches
from training.detector.checkpoint import load_checkpoint, save_checkpoint
from training.detector.export import export_detector
from training.detector.fused import FusedDetector
from training.detector.loss import detection_losses
from training.detector.network import build_detector
from training.detector.recipe import DetectorRecipe
from training.detector.scenes import PictureCache, Scene
from training.detector.start import start_model
from training.detector.unlabelled import mark_unlabelled
from training.detector.validate import FusedRuntime, measurable, measure_by_source
from training.disk import make_folder, written_whole
from training.diverged import TrainingDivergedError
from training.metrics_file import METRICS_NAME, append_row, cut_back

_logger = logging.getLogger(__name__)

_TELL_EVERY = 50


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        losses: Mean of each part of the loss since the last report.
        left_s: Estimated seconds to the end.
        ap50: Of the averaged weights on the validation split, by source; else empty.
    """

    step: int
    steps: int
    losses: dict[str, float]
    left_s: float
    ap50: dict[str, float]

    @property
    def mean_ap50(self) -> float:
        """The sources' mean; 0 between measurements."""
        return sum(self.ap50.values()) / max(1, len(self.ap50))


def learning_rate(recipe: DetectorRecipe, step: int) -> float:
    """The rate of a step: a linear warm-up, then half a cosine down to a hundredth."""
    run = recipe.run
    if step < run.warm_up_steps:
        return run.learning_rate * (step + 1) / run.warm_up_steps
    done = (step - run.warm_up_steps) / max(1, run.steps - run.warm_up_steps)
    return run.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


class DetectorTraining:
    """One run in one folder."""

    def __init__(
        self,
        recipe: DetectorRecipe,
        scenes: list[Scene],
        cache: PictureCache,
        folder: Path,
        *,
        start: Path | None = None,
        device: str = "cpu",
        workers: int = 1,
    ) -> None:
        """Makes the network and takes up the folder's checkpoint where there is one.

        Args:
            recipe: Everything that decides the result, apart from pictures and start.
            scenes: Of all splits; ``train`` trains, ``val`` is measured, ``test`` is not touched.
            cache: Their pictures.
            folder: Where the run is kept; made if absent.
            start: See :func:`training.detector.start.start_model`.
            device: "cpu", or "cuda" where PyTorch finds a GPU.
            workers: Processes that make crops; 0 makes them in this one.
        """
        self.recipe, self.folder = recipe, folder
        self._cache, self._workers = cache, workers
        make_folder(folder)
        self._train = mark_unlabelled(
            [s for s in scenes if s.split == "train" and s in cache],
            cache,
            start,
            folder / "unlabelled.json",
        )
        self._val = measurable([s for s in scenes if s.split == "val" and s in cache])
        self._device = torch.device(device)
        self.model = start_model(recipe.net.widths(), start, seed=recipe.run.seed).to(self._device)
        self.average = build_detector(recipe.net.widths()).to(self._device)
        self.average.set_weights(self.model.get_weights())
        self._network = FusedDetector(self.model, uses_bfloat16=recipe.run.bfloat16)
        self._optimiser = torch.optim.AdamW(
            self._parameter_groups(), lr=recipe.run.learning_rate, fused=True
        )
        self.step = 0
        self.best = 0.0
        self._take_up()
        cut_back(folder / METRICS_NAME, step=self.step)

    @property
    def checkpoint_path(self) -> Path:
        """What a killed run goes on from."""
        return self.folder / "checkpoint.pt"

    def run(self, tell: Callable[[Progress], None]) -> Path:
        """Trains to the last step and returns the path of the best averaged weights.

        Raises:
            TrainingDivergedError: The loss, a gradient or a weight became nan or infinite.
            StorageError: The disk refused a file; the last checkpoint is kept.
        """
        run = self.recipe.run
        started, first = time.monotonic(), self.step
        sums: dict[str, float] = {}
        told = self.step
        for batch in self._batches():
            for name, value in self._train_on(batch).items():
                sums[name] = sums.get(name, 0.0) + value
            self.step += 1
            is_last = self.step == run.steps
            saves = self.step % run.save_every == 0 or is_last
            measures = self.step % run.measure_every == 0 or is_last
            if saves or measures:
                self._require_finite(batch)
            ap50 = self._measured() if measures and team.leads() else {}
            if measures or self.step % _TELL_EVERY == 0:
                count, told = self.step - told, self.step
                pace_s = (time.monotonic() - started) / (self.step - first)
                progress = Progress(
                    self.step,
                    run.steps,
                    {name: value / count for name, value in sums.items()},
                    pace_s * (run.steps - self.step),
                    ap50,
                )
                sums.clear()
                if team.leads():
                    self._note(progress)
                    tell(progress)
            if saves and team.leads():
                self._save()
        return self.best_path

    @property
    def best_path(self) -> Path:
        """Averaged weights with the highest validation AP so far, as Keras keeps them."""
        return self.folder / "best.weights.h5"

    def _batches(self) -> Iterator[Batch]:
        steps = range(self.step, self.recipe.run.steps)
        made = batches(
            self._train,
            self._cache,
            self.recipe.augment.settings(),
            shares=self.recipe.shares,
            seed=self.recipe.run.seed,
            size=self.recipe.run.batch,
            steps=team.own_steps(steps),
            workers=self._workers,
        )
        turns = team.Turns(lambda _: next(made))
        return (turns.share(step) for step in steps)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        for layer in self.model.layers:
            if layer.name.startswith(self.recipe.net.frozen):
                for parameter in layer.parameters():
                    parameter.requires_grad_(False)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        kernels = [p for p in trained if p.ndim > 1]
        biases = [p for p in trained if p.ndim <= 1]
        decay = self.recipe.run.weight_decay
        return [{"params": kernels, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]

    def _train_on(self, batch: Batch) -> dict[str, float]:
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.recipe, self.step)
        maps = self._network(batch.pictures.to(self._device))
        losses = detection_losses(maps, batch.truths)
        total = losses.total
        if not math.isfinite(float(total.detach())):
            raise self._diverged(f"the loss is {float(total.detach())}", batch)
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]  # so in torch's own stubs
        team.sum_tensors([p.grad for p in self.model.parameters() if p.grad is not None])
        norm = torch.nn.utils.clip_grad_norm_(
            self.model.parameters(), self.recipe.run.gradient_norm
        )
        if not math.isfinite(float(norm)):
            raise self._diverged(f"the norm of the gradients is {float(norm)}", batch)
        self._optimiser.step()
        self._average()
        parts = (losses.face, losses.quality, losses.box)
        whole = team.summed([float(part.detach()) for part in parts])
        return dict(zip(("face", "quality", "box"), whole, strict=True))

    def _require_finite(self, batch: Batch) -> None:
        """Refuses to go on with weights that are no numbers, which the next loss would show."""
        tensors = [*self.model.parameters(), *self.average.parameters()]
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
            raise self._diverged("weights are no numbers", batch)

    def _diverged(self, what: str, batch: Batch) -> TrainingDivergedError:
        return TrainingDivergedError(
            f"{what} at step {batch.step} (pictures {', '.join(batch.files)}): "
            f"{self.checkpoint_path} holds the last good state; lower run.learning_rate in the "
            "recipe or look at these pictures"
        )

    @torch.no_grad()
    def _average(self) -> None:
        # Early on the average follows closely, so that it forgets the start.
        keep = min(self.recipe.run.average, (self.step + 1) / (self.step + 50))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.model.parameters()), 1 - keep
        )

    def _measured(self) -> dict[str, float]:
        """Validation AP of the averaged weights; the best so far are exported.

        Without a face to measure nothing is better than anything, and the last are the best.
        """
        network = FusedDetector(self.average, uses_bfloat16=False)
        detector = FaceDetector(FusedRuntime(network, self._device))
        reports = measure_by_source(detector, self._val, self._cache)
        ap50 = {source: report.ap50 for source, report in reports.items()}
        mean = sum(ap50.values()) / max(1, len(ap50))
        if mean >= self.best:
            self.best = mean
            # The ONNX first: on a full disk HDF5 also complains from its destructors.
            export_detector(self.average, self.folder / "best.onnx")
            with written_whole(self.best_path, also=(RuntimeError,)) as partial:
                self.average.save_weights(partial)
        return ap50

    def _note(self, progress: Progress) -> None:
        row = {
            "step": progress.step,
            "learning_rate": learning_rate(self.recipe, progress.step - 1),
            "losses": progress.losses,
            "left_s": round(progress.left_s),
        }
        if progress.ap50:
            row["ap50"] = progress.ap50
        append_row(self.folder / METRICS_NAME, row)

    def _save(self) -> None:
        state = {
            "step": self.step,
            "best": self.best,
            "weights": [p.detach() for p in self.model.parameters()],
            "average": [p.detach() for p in self.average.parameters()],
            "optimiser": self._optimiser.state_dict(),
        }
        save_checkpoint(state, self.checkpoint_path)

    @torch.no_grad()
    def _take_up(self) -> None:
        state = load_checkpoint(self.checkpoint_path)
        if state is None:
            return
        for model, name in ((self.model, "weights"), (self.average, "average")):
            for parameter, value in zip(model.parameters(), state[name], strict=True):
                parameter.copy_(value)
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self.best = int(state["step"]), float(state["best"])
        _logger.info("%s: going on from step %d", self.folder, self.step)
