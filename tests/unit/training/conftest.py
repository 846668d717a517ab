"""One backend for all training tests of a process: Keras cannot change it once it is imported."""

import importlib.util
import os

if importlib.util.find_spec("torch") is not None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
