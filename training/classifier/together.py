"""What makes the classifier's step on shares of a batch one step on the whole batch.

Gradients and loss are the whole batch's. Batch normalisation is not: each process normalises by the
mean and variance of its own share, as is usual, so several processes do not give the very weights
of one. Its moving statistics are averaged over the processes after every step, by their rows, so
that all hold the same weights whenever these are measured or saved; the averaged variance lacks
what the shares' means differ by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from training import team

if TYPE_CHECKING:
    import keras


class Together:
    """Joins the steps of processes that train together; changes nothing for one alone."""

    def __init__(
        self, model: keras.Model, optimiser: keras.optimizers.Optimizer, *, batch: int
    ) -> None:
        """Makes the optimiser sum the processes' gradients before it takes them.

        Args:
            model: Trained with Keras on PyTorch where there are several processes.
            optimiser: The model's own.
            batch: Rows of a whole batch.
        """
        # Keras gives the mean over a share; by this it becomes a part of the mean over the batch.
        self._weight = team.rows_of(batch) / batch
        self._model = model
        if team.size() > 1:
            self._sum_first(optimiser)

    def after_step(self, loss: float) -> float:
        """Averages the moving statistics; returns the whole batch's loss for that of the share."""
        statistics = [
            variable.value
            for layer in self._model.layers
            if layer.trainable and hasattr(layer, "moving_mean")
            for variable in (layer.moving_mean, layer.moving_variance)
        ]
        team.sum_tensors(statistics, weight=self._weight)
        return team.summed([loss * self._weight])[0]

    def _sum_first(self, optimiser: keras.optimizers.Optimizer) -> None:
        apply = optimiser.apply

        def apply_sum(gradients: Sequence[Any], variables: Any = None) -> None:
            team.sum_tensors(gradients, weight=self._weight)
            apply(gradients, variables)

        optimiser.apply = apply_sum
