"""Batch normalisation in one PyTorch operation.

Keras on PyTorch builds its batch normalisation from ten elementary operations, each a pass over
memory; on a CPU that is half the time of a training step (measured: 64 against 140 crops a second).
"""

from __future__ import annotations

from typing import Any


def fused_batch_normalisation() -> type[Any]:
    """Returns a `keras.layers.BatchNormalization` that calls PyTorch's own while training.

    Made in a function because the base class exists only once Keras is imported.
    """
    import keras
    import torch

    class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
        """Same weights, same result; expects channels last."""

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            channels_first = inputs.permute(0, 3, 1, 2)
            normalised = torch.nn.functional.batch_norm(
                channels_first,
                self.moving_mean.value,
                self.moving_variance.value,
                self.gamma.value,
                self.beta.value,
                training=bool(training) and self.trainable,
                momentum=1.0 - self.momentum,
                eps=self.epsilon,
            )
            return normalised.permute(0, 2, 3, 1)

    return FusedBatchNormalization
