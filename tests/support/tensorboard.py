"""A run's event files as TensorBoard's own reader, which checks each record's sum, sees them."""

from pathlib import Path


def logged(run: Path) -> dict[tuple[int, str], float]:
    """Returns the figures in the run's folder ``tensorboard`` by (step, tag)."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.tensorflow_stub import errors
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

    figures: dict[tuple[int, str], float] = {}
    for path in sorted((run / "tensorboard").iterdir()):
        reader = PyRecordReader_New(str(path))
        while True:
            try:
                reader.GetNext()
            except errors.OutOfRangeError:
                break
            event = Event.FromString(reader.record())
            values = event.summary.value
            figures |= {(event.step, value.tag): value.simple_value for value in values}
    return figures
