"""The whole system's figures, gathered at the moment Prometheus asks.

Nothing is counted here: ingest, workers and recorder count, and their newest word is repeated. So a
restart of the web process changes no figure. A camera's totals begin anew with each life of the
process that counts them, as Prometheus counters may.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from maskwatch.bus.recorder_status import RECORDER_STALE_S, RecorderBoard, RecorderStatus
from maskwatch.contracts import STATUS_STALE_S, CameraState, CameraStatus, WorkerStatus
from maskwatch.errors import BusError, StorageError
from web.overview import Snapshot

if TYPE_CHECKING:
    from web.services import Services

_STATES: Final = (
    "live",
    "unanalysed",
    "uncounted",
    "stalled",
    "connecting",
    "offline",
    "ended",
    "disabled",
    "unwatched",
)


class SystemCollector(Collector):
    """Asks Redis and the database once for each scrape.

    Args:
        shared: The web process's connections.
    """

    def __init__(self, shared: "Services") -> None:
        self._shared = shared

    def collect(self) -> Iterator[Metric]:
        """All families; those of a part that does not answer are left out, and its `up` is 0."""
        snapshot = self._snapshot()
        yield _up("database", is_up=snapshot is not None)
        if snapshot is not None:
            yield from card_metrics(snapshot.cards)
            if snapshot.is_redis_away:
                yield _up("redis", is_up=False)
                return
        try:
            names = self._shared.board.active_cameras()
            statuses = {k: v for k, v in self._shared.board.cameras(names).items() if v is not None}
            workers = self._shared.board.workers()
            recorded = RecorderBoard(self._shared.redis).all()
            counted = [recorded[name] for name in names if name in recorded]
        except BusError:
            yield _up("redis", is_up=False)
            return
        yield _up("redis", is_up=True)
        yield from camera_metrics(statuses.values(), now_unix_s=time.time())
        yield from recorder_metrics(counted, now_unix_s=time.time())
        yield from worker_metrics(workers)
        viewers = GaugeMetricFamily("maskwatch_viewers", "Live views that are open")
        viewers.add_metric([], self._shared.hub.viewers)
        yield viewers

    def _snapshot(self) -> Snapshot | None:
        try:
            return self._shared.overview.snapshot()
        except StorageError:
            return None


def _up(part: str, *, is_up: bool) -> Metric:
    family = GaugeMetricFamily(f"maskwatch_{part}_up", f"1 where {part} answers")
    family.add_metric([], float(is_up))
    return family


def card_metrics(cards: Iterable[dict[str, Any]]) -> list[Metric]:
    """What the wall shows of each camera."""
    passages = GaugeMetricFamily(
        "maskwatch_passages_today",
        "Passages since the site's midnight",
        labels=["camera", "verdict"],
    )
    states = GaugeMetricFamily(
        "maskwatch_camera_state", "1 for the camera's present state", labels=["camera", "state"]
    )
    for card in cards:
        for verdict, number in card["counts"].items():
            passages.add_metric([card["name"], verdict], number)
        for state in _STATES:
            states.add_metric([card["name"], state], float(card["state"] == state))
    return [passages, states]


def camera_metrics(statuses: Iterable[CameraStatus], *, now_unix_s: float) -> list[Metric]:
    """What ingest says of each camera."""
    captured = _camera_counter("captured", "Pictures received from the source")
    offered = _camera_counter("offered", "Pictures put on the stream for analysis")
    dropped = _camera_counter("dropped", "Pictures pushed out unanalysed by newer ones")
    reconnects = _camera_counter("reconnects", "Times the source was lost or could not be opened")
    rejected = CounterMetricFamily(
        "maskwatch_camera_rejected", "Pictures unfit for analysis", labels=["camera", "reason"]
    )
    age = GaugeMetricFamily(
        "maskwatch_camera_frame_age_seconds", "Since the newest good picture", labels=["camera"]
    )
    up = GaugeMetricFamily(
        "maskwatch_camera_up", "1 while pictures are being received", labels=["camera"]
    )
    for status in statuses:
        labels = [status.camera]
        captured.add_metric(labels, status.captured_total)
        offered.add_metric(labels, status.offered_total)
        dropped.add_metric(labels, status.dropped_total)
        reconnects.add_metric(labels, status.reconnects)
        for reason, number in status.rejected_total.items():
            rejected.add_metric([status.camera, reason], number)
        if status.last_frame_unix_s is not None:
            age.add_metric(labels, max(0.0, now_unix_s - status.last_frame_unix_s))
        is_believed = now_unix_s - status.updated_at_unix_s <= STATUS_STALE_S
        up.add_metric(labels, float(is_believed and status.state is CameraState.LIVE))
    return [captured, offered, dropped, reconnects, rejected, age, up]


def _camera_counter(name: str, text: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"maskwatch_camera_{name}", text, labels=["camera"])


def recorder_metrics(statuses: Iterable[RecorderStatus], *, now_unix_s: float) -> list[Metric]:
    """What the recorder says of each camera that it is counting."""
    age = GaugeMetricFamily(
        "maskwatch_recorder_frame_age_seconds",
        "From taking a live picture to its analysis, over about the last minute",
        labels=["camera", "quantile"],
    )
    analysed = _camera_counter("analysed", "Pictures analysed and counted")
    lag = GaugeMetricFamily(
        "maskwatch_recorder_commit_age_seconds",
        "Since something of this camera was last counted",
        labels=["camera"],
    )
    tracks = GaugeMetricFamily(
        "maskwatch_recorder_open_tracks", "People in view, not yet counted", labels=["camera"]
    )
    for status in statuses:
        analysed.add_metric([status.camera], status.analysed_total)
        if status.is_finished:
            continue
        silent_s = max(0.0, now_unix_s - status.committed_at_unix_s)
        lag.add_metric([status.camera], silent_s)
        if silent_s > RECORDER_STALE_S:
            continue
        tracks.add_metric([status.camera], status.open_tracks)
        quantiles = (("0.5", status.frame_age_p50_ms), ("0.95", status.frame_age_p95_ms))
        for quantile, milliseconds in quantiles:
            if milliseconds is not None:
                age.add_metric([status.camera, quantile], milliseconds / 1000)
    return [analysed, age, lag, tracks]


def worker_metrics(workers: Iterable[WorkerStatus]) -> list[Metric]:
    """What each inference process says of itself."""
    families = {
        field: CounterMetricFamily(f"maskwatch_worker_{field}", text, labels=["worker"])
        for field, text in (
            ("frames", "Pictures analysed"),
            ("faces", "Faces found"),
            ("batches", "Batches run"),
            ("errors", "Pictures that could not be analysed"),
            ("reclaimed", "Pictures taken over from a worker that died"),
        )
    }
    busy = CounterMetricFamily(
        "maskwatch_worker_busy_seconds", "Time spent, by stage", labels=["worker", "stage"]
    )
    count = GaugeMetricFamily("maskwatch_workers", "Inference processes that are running")
    number = 0
    for worker in workers:
        number += 1
        for field, family in families.items():
            family.add_metric([worker.name], getattr(worker, f"{field}_total"))
        for stage, milliseconds in worker.busy_ms_total.items():
            busy.add_metric([worker.name, stage], milliseconds / 1000)
    count.add_metric([], number)
    return [*families.values(), busy, count]
