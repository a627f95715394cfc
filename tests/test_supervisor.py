"""The one conversation with workers, by scripted ones: kills, ends, time limits and stop requests, whoever is told of them."""

import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.architecture import Architecture
from models.training.settings import Training
from search.lease import held
from search.workers.job import (
    ATTEMPTS,
    EXIT_REASONS,
    RESUMED_AFTER,
    Crashed,
    EpochDone,
    Failed,
    Finished,
    Halted,
    Job,
    Message,
    Paused,
    Remark,
    Resumed,
    TrialCrashed,
)
from search.workers.supervisor import Events, Stopped, StopRequest, Supervised, Supervisor
from studies.preset import StudyError

EPOCHS = 6


def job(number: int = 0) -> Job:
    return Job(number, Architecture(), Training(epochs=EPOCHS), 0, Path(), "", 40, Path("trials"))


def epoch(number: int, trial: int = 0) -> EpochDone:
    return EpochDone(trial, number, 30.0, 30.0 - number, 1.0, 10.0)


class Checkpointed:
    """Workers that train to their last epoch, one after every look, but are killed before these epochs."""

    def __init__(self, workers: int = 1, kills: Iterable[int] = ()) -> None:
        self.workers, self.kills = workers, iter(kills)
        self.kill_before = next(self.kills, 0)
        self.begun: list[int] = []  # numbers of jobs, leg by leg
        self.checkpoints: dict[int, list[EpochDone]] = {}
        self.running: dict[int, Iterator[Message]] = {}
        self.stopping = self.closed = False
        self.killed: dict[int, str] = {}

    def start(self, job: Job) -> None:
        assert job.number not in self.running
        assert len(self.running) < self.workers
        self.begun.append(job.number)
        self.running[job.number] = self.trained(job.number)

    def trained(self, number: int) -> Iterator[Message]:
        before = self.checkpoints.setdefault(number, [])
        if before:
            yield Resumed(number, tuple(before))
        while len(before) < EPOCHS:
            if self.kill_before == len(before) + 1:
                self.kill_before = next(self.kills, 0)
                yield Failed(number, "killed", "SIGKILL")
                return
            before.append(epoch(len(before) + 1, number))
            yield before[-1]
            if self.stopping and len(before) < EPOCHS:
                yield Paused(number)
                return
        yield Finished(number, 1)

    def wait(self, seconds: float) -> list[Message]:
        said: list[Message] = []
        for number in list(self.running):
            if number in self.killed:
                said.append(Failed(number, self.killed.pop(number), "by us"))
            else:
                said.append(next(self.running[number]))
            if isinstance(said[-1], Finished | Failed | Paused):
                del self.running[number]
        return said

    def stop(self) -> None:
        self.stopping = True

    def kill(self, number: int, reason: str) -> None:
        self.killed[number] = reason

    def close(self) -> None:
        self.closed = True


class Saying(Checkpointed):
    """Says what it was told to."""

    def __init__(self, *messages: Message) -> None:
        super().__init__()
        self.messages = list(messages)

    def wait(self, seconds: float) -> list[Message]:
        return [self.messages.pop(0)]


class Listening(Events[Supervised]):
    def __init__(self, end_after: int = 0) -> None:
        self.end_after = end_after
        self.heard: list[str] = []
        self.sentences: list[str] = []
        self.whole: list[list[int]] = []

    def said(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def resumed(self, one: Supervised, message: Resumed) -> None:
        self.heard.append(f"resumed {len(message.epochs)}")

    def epoch(self, one: Supervised, epoch: EpochDone, again: bool) -> str:
        assert one.epochs[-1] == epoch
        self.heard.append(f"epoch {epoch.epoch}{' again' * again}")
        return "pruned" if self.end_after == epoch.epoch else ""

    def finished(self, one: Supervised, message: Finished) -> None:
        self.heard.append("finished")
        self.whole.append([done.epoch for done in one.epochs])

    def failed(self, one: Supervised, message: Failed) -> None:
        self.heard.append(f"failed {message.reason}")

    def paused(self, one: Supervised) -> None:
        self.heard.append("paused")

    def ended(self, one: Supervised) -> None:
        self.heard.append(f"ended {one.ending}")


def supervised(
    place: Path,
    events: Listening,
    executor: Checkpointed,
    jobs: int = 1,
    stop: StopRequest | None = None,
    trial_timeout: float = 0.0,
) -> None:
    left = iter([Supervised(job=job(number), label=f"trial {number}") for number in range(jobs)])
    with (
        held(place, "work") as lease,
        Supervisor(events, lambda: executor, lease, stop or StopRequest(), trial_timeout) as supervisor,
    ):
        supervisor.run(lambda: next(left, None))
    assert supervisor.running == {}
    assert executor.closed or not executor.begun


@given(st.lists(st.integers(1, EPOCHS), max_size=8))
def test_whenever_workers_are_killed_every_epoch_counts_once(
    tmp_path_factory: pytest.TempPathFactory, kills: list[int]
) -> None:
    """Killed at rising epochs it always goes on; killed too often in one, it has failed."""
    kills.sort()
    events, executor = Listening(), Checkpointed(kills=kills)
    supervised(tmp_path_factory.mktemp("place"), events, executor)

    in_one = max((kills.count(number) for number in kills), default=0)
    if in_one >= ATTEMPTS:
        assert events.heard[-1] == "failed killed"
        assert events.whole == []
    else:
        assert events.whole == [list(range(1, EPOCHS + 1))]
        assert len(executor.begun) == 1 + len(kills)
        assert len(events.sentences) == len(kills)
        assert all("trial 0: " in said and "resuming" in said for said in events.sentences)


@given(st.integers(1, 4), st.integers(0, 9))
def test_all_jobs_are_trained_by_so_many_workers_at_once_and_not_more(
    tmp_path_factory: pytest.TempPathFactory, workers: int, jobs: int
) -> None:
    events, executor = Listening(), Checkpointed(workers)
    supervised(tmp_path_factory.mktemp("place"), events, executor, jobs)

    assert sorted(executor.begun) == list(range(jobs))
    assert events.whole == [list(range(1, EPOCHS + 1))] * jobs


@pytest.mark.parametrize("reason", [reason for reason in EXIT_REASONS if reason not in RESUMED_AFTER])
def test_an_end_that_says_something_of_the_network_is_told_at_once(tmp_path: Path, reason: str) -> None:
    events = Listening()
    supervised(tmp_path, events, Saying(epoch(1), Failed(0, reason, "detail")))

    assert events.heard == ["epoch 1", f"failed {reason}"]


def test_a_card_that_fails_three_times_stops_the_search_and_fails_no_trial(tmp_path: Path) -> None:
    class OnAFailingCard(Checkpointed):
        def trained(self, number: int) -> Iterator[Message]:
            yield Failed(number, "device_error", "CUDA_ERROR_INVALID_PTX")

    events, executor = Listening(), OnAFailingCard()

    with pytest.raises(StudyError, match=r"CUDA_ERROR_INVALID_PTX\), 3 times: no trial would go on"):
        supervised(tmp_path, events, executor)

    assert executor.begun == [0] * ATTEMPTS
    assert not any(heard.startswith("failed") for heard in events.heard)


LAST = [Finished(0, 1), Failed(0, "pruned", ""), Failed(0, "killed", ""), Paused(0)]


@pytest.mark.parametrize("last", LAST, ids=lambda last: type(last).__name__)
def test_of_a_job_that_is_being_ended_nothing_more_is_heard_but_its_end(tmp_path: Path, last: Message) -> None:
    events, executor = Listening(end_after=2), Saying(epoch(1), epoch(2), epoch(3), Resumed(0, (epoch(1),)), last)
    supervised(tmp_path, events, executor)

    assert events.heard == ["epoch 1", "epoch 2", "ended pruned"]
    assert executor.killed == {0: "pruned"}


def test_epochs_of_an_earlier_leg_may_end_a_job_too(tmp_path: Path) -> None:
    """A leader that was killed may not have heard of the last ones."""
    events = Listening(end_after=2)
    supervised(tmp_path, events, Saying(Resumed(0, (epoch(1), epoch(2), epoch(3))), Failed(0, "pruned", "")))

    assert events.heard == ["resumed 3", "epoch 1 again", "epoch 2 again", "ended pruned"]


def test_a_stop_request_lets_every_job_leave_after_its_epoch_and_begins_no_more(tmp_path: Path) -> None:
    stop = StopRequest()

    class Stopping(Listening):
        def epoch(self, one: Supervised, epoch: EpochDone, again: bool) -> str:
            stop.signal = signal.SIGTERM
            return super().epoch(one, epoch, again)

    events, executor = Stopping(), Checkpointed(workers=2)
    with pytest.raises(Stopped) as stopped:
        supervised(tmp_path, events, executor, jobs=5, stop=stop)

    assert stopped.value.exit_code == 128 + signal.SIGTERM
    assert executor.begun == [0, 1]
    assert events.heard[-2:] == ["paused", "paused"]
    assert len([said for said in events.sentences if "press Ctrl-C again" in said]) == 1


def test_a_worker_killed_after_a_stop_request_is_not_begun_again(tmp_path: Path) -> None:
    stop = StopRequest()
    stop.signal = signal.SIGINT
    events, executor = Listening(), Saying(Failed(0, "killed", "SIGKILL"))
    with held(tmp_path, "work") as lease, Supervisor(events, lambda: executor, lease, stop) as supervisor:
        supervisor.start(Supervised(job=job(), label="trial 0"))
        with pytest.raises(Stopped):
            supervisor.run(lambda: None)

    assert events.heard == ["paused"]
    assert executor.begun == [0]


def test_nothing_is_begun_after_a_stop_request_and_no_worker_made(tmp_path: Path) -> None:
    stop = StopRequest()
    stop.signal = signal.SIGINT
    executor = Checkpointed()
    with pytest.raises(Stopped):
        supervised(tmp_path, Listening(), executor, stop=stop)

    assert executor.begun == []


def test_what_takes_longer_than_all_its_legs_may_is_ended(tmp_path: Path) -> None:
    """The seconds of earlier legs count."""
    earlier = Resumed(0, (epoch(1), epoch(2)))  # a second each
    events, executor = Listening(), Saying(earlier, Failed(0, "timed_out", ""))
    supervised(tmp_path, events, executor, trial_timeout=2.0)

    assert executor.killed == {0: "timed_out"}
    assert events.heard[-1] == "failed timed_out"
    unlimited = Saying(earlier, Finished(0, 1))
    supervised(tmp_path, Listening(), unlimited, trial_timeout=2000.0)
    assert unlimited.killed == {}


def test_where_no_job_can_go_on_it_ends_with_the_workers_sentence(tmp_path: Path) -> None:
    executor = Saying(Halted(0, "the disk is full", "last lines"))
    with pytest.raises(StudyError, match="the disk is full") as refused:
        supervised(tmp_path, Listening(), executor)

    assert refused.value.__notes__ == ["last lines"]
    assert executor.closed


def test_a_bug_in_a_worker_is_raised_with_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(TrialCrashed, match="ZeroDivisionError"):
        supervised(tmp_path, Listening(), Saying(Crashed(0, "ZeroDivisionError")))


def test_a_remark_is_said_under_the_jobs_name(tmp_path: Path) -> None:
    events = Listening()
    supervised(tmp_path, events, Saying(Remark(0, "a checkpoint is damaged"), Finished(0, 1)))

    assert events.sentences == ["trial 0: a checkpoint is damaged"]


def test_one_that_lost_its_lease_hears_nothing_more(tmp_path: Path) -> None:
    events = Listening()

    class Losing(Checkpointed):
        def wait(self, seconds: float) -> list[Message]:
            (tmp_path / "work.lease").write_text('{"host": "x", "process": 1, "started": "now", "token": "another"}')
            return super().wait(seconds)

    with pytest.raises(StudyError, match="taken over"):
        supervised(tmp_path, events, Losing())
    assert events.heard == []


def test_it_is_enough_when_the_caller_says_so(tmp_path: Path) -> None:
    """Others go on running, for the next call."""
    events, executor = Listening(), Checkpointed(workers=2)
    left = iter([Supervised(job=job(number), label="") for number in range(2)])
    with held(tmp_path, "work") as lease, Supervisor(events, lambda: executor, lease, StopRequest()) as supervisor:
        supervisor.run(lambda: next(left, None), lambda: len(events.heard) >= 3)
        assert len(supervisor.running) == 2
        supervisor.run(lambda: None)
    assert events.whole == [list(range(1, EPOCHS + 1))] * 2
