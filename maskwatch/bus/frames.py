"""The frames between ingest and the workers: one short stream for each camera.

A frame is *waiting* until a worker takes it, then *pending* until its result is published and it
is acknowledged, which deletes it. The bound is on waiting frames: a live frame pushes the oldest
waiting one out and says which, a replay's frame is refused until there is room.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import redis
from redis.exceptions import OutOfMemoryError, ResponseError

from maskwatch.bus.connection import bus_errors, explain
from maskwatch.bus.frame_scripts import ACKNOWLEDGE, FORGET, OFFER, RECLAIM, TAKE
from maskwatch.contracts import WORKER_GROUP, FrameHeader, frames_key

logger = logging.getLogger(__name__)

MAX_DELIVERIES: Final = 3
"""A frame that was taken so often without an answer has most likely ended its workers."""

MAX_PENDING: Final = 256
"""Hard bound on pending frames of one camera, should every worker die over and over."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What became of a frame that was offered.

    Attributes:
        accepted: It is on the stream. False: a replay's frame found no room (offer it again), or
            a live one could not be kept because Redis is out of memory.
        dropped_sequences: Frames of the same epoch that no worker will see: those pushed out,
            and a live frame itself that could not be kept.
        is_out_of_memory: Redis refused for lack of memory.
    """

    accepted: bool
    dropped_sequences: tuple[int, ...] = ()
    is_out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class TakenFrame:
    """One frame that this consumer has to answer for.

    Attributes:
        header: What is known of the picture.
        jpeg: The picture.
        stream_id: Its place on the stream.
        deliveries: How often it has been taken, this time included.
    """

    header: FrameHeader
    jpeg: bytes = field(repr=False)
    stream_id: str
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class Consumer:
    """What a worker owes.

    Attributes:
        pending: Frames it has taken and not answered.
        idle_ms: Since it last asked for frames.
    """

    pending: int
    idle_ms: int


class FrameQueue:
    """Offers and takes frames. Raises `BusError` where Redis fails."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._encoder = msgspec.json.Encoder()
        self._headers = msgspec.json.Decoder(FrameHeader)
        self._offer = client.register_script(OFFER)
        self._take = client.register_script(TAKE)
        self._reclaim = client.register_script(RECLAIM)
        self._acknowledge = client.register_script(ACKNOWLEDGE)
        self._forget = client.register_script(FORGET)
        self._first = 0
        self._is_full = False

    def offer(self, header: FrameHeader, jpeg: bytes, *, limit: int) -> Offer:
        """Put a frame on its camera's stream, in one atomic step.

        A Redis that is out of memory is logged once, until it takes a frame again.

        Args:
            header: Its `is_replay` decides what happens when the stream is full.
            jpeg: The picture.
            limit: At most so many frames wait; pending ones do not count.
        """
        with bus_errors(self._redis):
            status, dropped = self._offer(
                keys=[frames_key(header.camera)],
                args=[
                    WORKER_GROUP,
                    limit,
                    MAX_PENDING,
                    int(header.is_replay),
                    header.epoch,
                    header.sequence,
                    self._encoder.encode(header),
                    jpeg,
                ],
            )
        sequences = tuple(int(sequence) for sequence in dropped)
        is_full = status == b"oom"
        if is_full and not self._is_full:
            told = explain(OutOfMemoryError(), self._redis)
            logger.error("camera %s: %s; its pictures are dropped until then", header.camera, told)
        self._is_full = is_full
        if is_full and not header.is_replay:
            sequences = (*sequences, header.sequence)
        return Offer(status == b"ok", sequences, is_out_of_memory=is_full)

    def cameras(self) -> list[str]:
        """Return the cameras that have a stream of frames, sorted; their ingest may have ended."""
        with bus_errors(self._redis):
            keys = [key.decode() for key in self._redis.scan_iter(frames_key("*"), count=1000)]
        return sorted(key.split(":", 1)[1] for key in keys)

    def waiting(self, camera: str) -> int:
        """Return how many frames no worker has taken yet."""
        with bus_errors(self._redis):
            length: Any = self._redis.xlen(frames_key(camera))
            try:
                groups: Any = self._redis.xinfo_groups(frames_key(camera))
            except ResponseError:
                return int(length)
        return int(length) - sum(int(group["pending"]) for group in groups)

    def take(
        self, consumer: str, cameras: Sequence[str], *, count: int, block_ms: int = 0
    ) -> list[TakenFrame]:
        """Take what waits: one frame of each camera in turn, another camera first each time.

        Args:
            consumer: Name of this worker.
            cameras: Whose frames to take.
            count: At most so many; a wait that several cameras end at once may bring one of each.
            block_ms: Where nothing waits, wait so long for a first frame. Below 10 s.
        """
        if not cameras:
            return []
        self._first = (self._first + 1) % len(cameras)
        keys = [frames_key(name) for name in (*cameras[self._first :], *cameras[: self._first])]
        with bus_errors(self._redis):
            items = self._take(keys=keys, args=[WORKER_GROUP, consumer, count])
            if not items and block_ms:
                items = self._wait(consumer, keys, block_ms)
                if items and len(items) < count:
                    # What arrived together with the first belongs into the same batch.
                    items += self._take(
                        keys=keys, args=[WORKER_GROUP, consumer, count - len(items)]
                    )
        return [self._taken(stream_id, header, jpeg) for stream_id, header, jpeg in items]

    def acknowledge(self, frames: Iterable[TakenFrame]) -> None:
        """Delete frames whose results are published. Works while Redis is out of memory, too."""
        with bus_errors(self._redis):
            for camera, ids in _ids_by_camera(frames).items():
                # A script: Redis refuses every transaction while it has no memory, even one that
                # frees some.
                self._acknowledge(keys=[frames_key(camera)], args=[WORKER_GROUP, *ids])

    def add_acknowledgements(self, pipe: Any, frames: Iterable[TakenFrame]) -> None:
        """Queue the commands that acknowledge the frames on an open pipeline."""
        for camera, ids in _ids_by_camera(frames).items():
            pipe.xack(frames_key(camera), WORKER_GROUP, *ids)
            pipe.xdel(frames_key(camera), *ids)

    def reclaim(
        self,
        consumer: str,
        cameras: Sequence[str],
        *,
        idle_ms: int,
        of: str | None = None,
        count: int = 1,
    ) -> tuple[list[TakenFrame], list[TakenFrame]]:
        """Take over frames that another worker took and never answered.

        Take few at a time and answer each before the next: if one of them is what ends workers,
        the others are not delivered in vain together with it.

        Args:
            consumer: Name of this worker.
            cameras: Whose frames to look through.
            idle_ms: Only frames taken at least so long ago.
            of: Only frames of this consumer, which is known to be dead; None: of any.
            count: At most so many.

        Returns:
            Frames to analyse, and frames that have been delivered `MAX_DELIVERIES` times already:
            answer those with an error.
        """
        if not cameras:
            return [], []
        keys = [frames_key(name) for name in cameras]
        with bus_errors(self._redis):
            items = self._reclaim(
                keys=keys, args=[WORKER_GROUP, consumer, idle_ms, count, of or ""]
            )
        frames = [
            self._taken(stream_id, header, jpeg, deliveries=int(deliveries))
            for stream_id, header, jpeg, deliveries in items
        ]
        return (
            [frame for frame in frames if frame.deliveries <= MAX_DELIVERIES],
            [frame for frame in frames if frame.deliveries > MAX_DELIVERIES],
        )

    def consumers(self, cameras: Sequence[str]) -> dict[str, Consumer]:
        """Return every worker that has ever taken a frame of these cameras, by name."""
        with bus_errors(self._redis), self._redis.pipeline(transaction=False) as pipe:
            for camera in cameras:
                pipe.xinfo_consumers(frames_key(camera), WORKER_GROUP)
            # A stream or group that is gone has no consumers either.
            replies = pipe.execute(raise_on_error=False)
        found: dict[str, Consumer] = {}
        for reply in replies:
            for item in () if isinstance(reply, ResponseError) else reply:
                name, pending = item["name"].decode(), int(item["pending"])
                known = found.get(name, Consumer(0, int(item["idle"])))
                found[name] = Consumer(
                    known.pending + pending, min(known.idle_ms, int(item["idle"]))
                )
        return found

    def forget_consumer(self, consumer: str, cameras: Sequence[str]) -> None:
        """Delete a consumer where it has nothing pending, so that dead workers do not pile up."""
        if not cameras:
            return
        keys = [frames_key(name) for name in cameras]
        with bus_errors(self._redis):
            self._forget(keys=keys, args=[WORKER_GROUP, consumer])

    def _wait(self, consumer: str, keys: list[str], block_ms: int) -> list[list[bytes]]:
        try:
            reply: Any = self._redis.xreadgroup(
                WORKER_GROUP, consumer, dict.fromkeys(keys, ">"), count=1, block=block_ms
            )
        except ResponseError as error:
            # A camera's stream was deleted under the wait; the next call makes its group again.
            if "NOGROUP" in str(error) or "UNBLOCKED" in str(error):
                return []
            raise
        return [
            [stream_id, fields[b"h"], fields[b"j"]]
            for _, entries in reply or ()
            for stream_id, fields in entries
        ]

    def _taken(
        self, stream_id: bytes, header: bytes, jpeg: bytes, *, deliveries: int = 1
    ) -> TakenFrame:
        return TakenFrame(self._headers.decode(header), jpeg, stream_id.decode(), deliveries)


def _ids_by_camera(frames: Iterable[TakenFrame]) -> dict[str, list[str]]:
    by_camera: dict[str, list[str]] = {}
    for frame in frames:
        by_camera.setdefault(frame.header.camera, []).append(frame.stream_id)
    return by_camera
