"""The life signs of what analyses and counts, on a real Redis."""

import time
from dataclasses import replace

import pytest
import redis

from maskwatch.bus import ResultLog, StatusBoard
from maskwatch.bus.recorder_status import RECORDER_STALE_S, RecorderBoard, RecorderStatus
from maskwatch.bus.vitals import Vitals, read_vitals
from maskwatch.contracts import CameraState, CameraStatus, Watch, results_key
from tests.support.statuses import a_worker

LATER_S = RECORDER_STALE_S + 5


def _camera(now: float, state: CameraState = CameraState.LIVE) -> CameraStatus:
    return CameraStatus(camera="hall", state=state, updated_at_unix_s=now)


def _watch(tick: int) -> Watch:
    return Watch(
        camera="hall",
        epoch="e",
        tick=tick,
        from_unix_s=tick,
        until_unix_s=tick + 1,
        state=CameraState.LIVE,
    )


def _recorded(stream_id: str, committed_at_unix_s: float) -> RecorderStatus:
    return RecorderStatus(
        camera="hall",
        epoch="e",
        last_sequence=-1,
        last_tick=0,
        results_stream_id=stream_id,
        is_finished=False,
        committed_at_unix_s=committed_at_unix_s,
        open_tracks=0,
    )


def _vitals(client: redis.Redis, now: float) -> Vitals:
    return read_vitals(client, [_camera(now)], now_unix_s=now)


def test_a_site_without_a_worker_has_a_problem_and_one_with_a_worker_has_none(
    redis_client: redis.Redis,
) -> None:
    now = time.time()
    assert "maskwatch work" in _vitals(redis_client, now).problem
    StatusBoard(redis_client).put_worker(a_worker(now))
    assert _vitals(redis_client, now).problem == ""


def test_results_that_nobody_counts_are_a_problem_after_a_minute(
    redis_client: redis.Redis,
) -> None:
    now = time.time()
    ResultLog(redis_client).publish(_watch(0))
    assert _vitals(redis_client, now).counting_problem == ""
    assert "maskwatch record" in _vitals(redis_client, now + LATER_S).counting_problem


def test_a_recorder_that_has_stopped_is_a_problem_only_while_results_wait(
    redis_client: redis.Redis,
) -> None:
    now = time.time()
    log, board = ResultLog(redis_client), RecorderBoard(redis_client)
    board.put([_recorded(log.publish(_watch(0)), now)])
    assert _vitals(redis_client, now + LATER_S).counting_problem == ""
    log.publish(_watch(1))
    assert "maskwatch record" in _vitals(redis_client, now + LATER_S).counting_problem
    board.put([replace(_recorded("0-0", now), committed_at_unix_s=now + LATER_S)])
    assert _vitals(redis_client, now + LATER_S).counting_problem == ""


@pytest.mark.parametrize("state", [CameraState.ENDED, CameraState.LIVE])
def test_what_is_left_of_a_camera_that_nobody_reads_is_no_problem(
    redis_client: redis.Redis, state: CameraState
) -> None:
    now = time.time()
    ResultLog(redis_client).publish(_watch(0))
    assert redis_client.xlen(results_key("hall")) == 1
    later = now + LATER_S
    status = _camera(later if state is CameraState.ENDED else now, state)
    assert read_vitals(redis_client, [status], now_unix_s=later).counting_problem == ""
