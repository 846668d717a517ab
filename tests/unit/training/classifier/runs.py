"""What several tests do with a run of the classifier's training."""

from pathlib import Path

import numpy as np
import pytest

from training.classifier.batches import Batch
from training.classifier.train import ClassifierTraining


def assert_same_weights(first: Path, second: Path) -> None:
    """Compare what two runs left in their folders."""
    with np.load(first / "weights.npz") as one, np.load(second / "weights.npz") as other:
        for name in one.files:
            np.testing.assert_allclose(one[name], other[name], atol=1e-4)


def spoil_weights_at(run: ClassifierTraining, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the weights no numbers in one step, whose own loss is still good."""
    real = run._train_on

    def spoil(batch: Batch) -> float:
        loss = real(batch)
        if run.step == step:
            run.model.set_weights([array * np.nan for array in run.model.get_weights()])
        return loss

    monkeypatch.setattr(run, "_train_on", spoil)
