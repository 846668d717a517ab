"""What Keras computes with: PyTorch or TensorFlow, and on how many cores."""

from __future__ import annotations

import importlib.util
import os


def choose_backend() -> None:
    """Lets Keras run on PyTorch where it is installed: faster than TensorFlow on CPUs here.

    Must be called before Keras is imported; KERAS_BACKEND in the environment wins.
    """
    if importlib.util.find_spec("torch") is not None:
        os.environ.setdefault("KERAS_BACKEND", "torch")


def use_threads(count: int) -> str:
    """Gives Keras's engine so many cores and returns the engine's name.

    Must be called before the first network is built: TensorFlow takes no other number after that.
    """
    # PyTorch's threads spin while they wait, which takes the cores from all other processes.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import keras

    engine = str(keras.backend.backend())
    if engine == "torch":
        import torch

        torch.set_num_threads(count)
    elif engine == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(count)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    return engine
