"""Two processes on a CPU that share out batches, and what ends them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass
from functools import partial

import pytest

pytest.importorskip("torch", reason="processes train together on PyTorch; needs the extra [torch]")

from maskwatch.errors import ConfigError, MaskwatchError
from training import team
from training.gpus import TeamError, Tell, launch, processes_for, tell_of_idle_gpus


@dataclass(frozen=True)
class Rows:
    """A batch that says which step it is of and who made it."""

    step: int
    maker: int
    rows: tuple[int, ...]

    def part(self, rank: int, size: int) -> Rows:
        return Rows(self.step, self.maker, self.rows[rank::size])


def in_two(job: object, tell: object = lambda *_: None) -> None:
    launch(job, tell, processes=2, device="cpu")  # type: ignore[arg-type]


def shares_from_step_3(tell: Tell) -> None:
    made: list[int] = []

    def make(step: int) -> Rows:
        made.append(step)
        return Rows(step, team.rank(), (0, 1, 2, 3, 4))

    steps = range(3, 8)
    turns = team.Turns(make)
    shares = [turns.share(step) for step in steps]
    assert made == list(team.own_steps(steps))[: len(made)]
    assert [share.step for share in shares] == list(steps)
    assert {share.rows for share in shares} == {((0, 2, 4), (1, 3))[team.rank()]}
    assert team.summed([float(len(made)), 1.0])[1] == 2
    tell([share.maker for share in shares], team.rows_of(5))


def fails_in_the_second(error: Exception, tell: Tell) -> None:
    tell("about to fail")
    if team.rank() == 1:
        raise error
    team.wait()


def dies_in_the_second(tell: Tell) -> None:
    if team.rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    team.wait()


def test_a_batch_is_made_once_and_its_rows_are_shared_out() -> None:
    told: list[tuple[list[int], int]] = []
    in_two(shares_from_step_3, lambda *news: told.append(news))
    assert told == [([1, 0, 1, 0, 1], 3)]


def test_an_error_in_one_process_is_raised_here_and_ends_the_others() -> None:
    told: list[str] = []
    with pytest.raises(ConfigError, match=r"^the disk is full$"):
        in_two(partial(fails_in_the_second, ConfigError("the disk is full")), told.append)
    assert told == ["about to fail"]
    assert multiprocessing.active_children() == []


def test_a_defect_in_one_process_is_named_and_ends_the_others() -> None:
    with pytest.raises(TeamError, match=r"^process 2 of 2 .*failed \(ValueError: no such row\)"):
        in_two(partial(fails_in_the_second, ValueError("no such row")))
    assert multiprocessing.active_children() == []


def test_a_killed_process_is_named_and_ends_the_others() -> None:
    with pytest.raises(TeamError, match=r"^process 2 of 2 .*exit code -9.* last checkpoint$"):
        in_two(dies_in_the_second)
    assert multiprocessing.active_children() == []


def test_alone_a_process_keeps_what_it_has() -> None:
    assert (team.size(), team.leads(), team.rows_of(5)) == (1, True, 5)
    assert team.own_steps(range(3, 8)) == range(3, 8)
    assert team.Turns(lambda step: Rows(step, 0, (0, 1))).share(4).rows == (0, 1)
    assert team.summed([0.1]) == [0.1]


def test_as_many_processes_as_gpus_or_as_asked_for_and_never_more_than_rows() -> None:
    assert processes_for(None, present=0, batch=16) == 1
    assert processes_for(None, present=4, batch=16) == 4
    assert processes_for(None, present=4, batch=3) == 3
    assert processes_for(2, present=4, batch=16) == 2
    with pytest.raises(MaskwatchError, match=r"--gpus 5: this training can use 4"):
        processes_for(5, present=4, batch=16)
    with pytest.raises(MaskwatchError, match=r"--gpus 4: a batch has 3 rows"):
        processes_for(4, present=4, batch=3)


def test_a_training_on_one_gpu_says_that_others_are_idle(caplog: pytest.LogCaptureFixture) -> None:
    tell_of_idle_gpus(1)
    assert not caplog.messages
    tell_of_idle_gpus(4)
    assert "one of 4 GPUs is used" in caplog.text
    assert "PyTorch" in caplog.text
