"""A checkpoint is written while the next epoch trains; the leader hears of an epoch only when it is on disk."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import tiny_preset

from data.store.disk import Store
from search.workers.job import EpochDone, Finished, Halted, Job, Message
from search.workers.left import checkpoint
from search.workers.left.checkpoint import Checkpoint, in_background


def test_one_write_at_a_time_and_the_last_is_waited_for() -> None:
    running, done = threading.Semaphore(1), []

    def write(number: int) -> None:
        assert running.acquire(blocking=False)
        time.sleep(0.005)  # the next is begun meanwhile
        done.append(number)
        running.release()

    with in_background() as writing:
        for number in range(20):
            writing.begin(lambda number=number: write(number))  # type: ignore[misc]  # bound now, not when it runs
    assert done == list(range(20))


@pytest.mark.parametrize("after", ["begin", "wait", "the end"])
def test_what_a_write_raises_is_raised_at_the_next_word_with_it(after: str) -> None:
    def fails() -> None:
        raise OSError(28, "No space left on device")

    def work() -> None:
        with in_background() as writing:
            writing.begin(fails)
            if after == "begin":
                writing.begin(lambda: None)
            if after == "wait":
                writing.wait()

    with pytest.raises(OSError, match="No space"):
        work()


def test_an_error_of_the_training_is_not_hidden_by_one_of_the_write() -> None:
    def fails() -> None:
        raise OSError(28, "No space left on device")

    def work() -> None:
        with in_background() as writing:
            writing.begin(fails)
            raise FloatingPointError("not finite")

    with pytest.raises(FloatingPointError, match="not finite"):
        work()


@pytest.fixture
def job(tmp_path: Path, tiny_store: Store) -> Job:
    return Job(
        number=3,
        architecture=tiny_preset().reference,
        training=replace(tiny_preset().training, epochs=3),
        seed=1,
        store=tiny_store.path,
        data=tiny_store.digest,
        image_px=tiny_store.image_px,
        folder=tmp_path,
    )


@pytest.mark.slow
def test_the_next_epoch_trains_meanwhile_and_an_epoch_is_told_when_it_is_on_disk(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.training.fit import Trainer
    from search.workers.worker import outcome

    trained_to = [threading.Event() for _ in range(job.training.epochs + 2)]
    told: list[Message] = []
    copies: list[list[np.ndarray]] = []
    saves, train_epoch = checkpoint.save, Trainer.train_epoch

    def save(folder: Path, fingerprint: str, state: Checkpoint) -> None:
        before = [variable.copy() for variable in state.variables]
        epoch = len(state.epochs)
        if epoch < job.training.epochs:
            assert trained_to[epoch + 1].wait(60)  # so this epoch's write does not hold up the next
        saves(folder, fingerprint, state)
        copies.append([*before])
        assert all(np.array_equal(one, other) for one, other in zip(before, state.variables, strict=True))

    def trained(trainer: Trainer, examples: object, seed: int, epoch: int, *further: object) -> float:
        mae: float = train_epoch(trainer, examples, seed, epoch, *further)  # type: ignore[arg-type]
        trained_to[epoch].set()
        return mae

    def tell(message: Message) -> None:
        if isinstance(message, EpochDone):
            assert (job.folder / f"epoch-{message.epoch:04d}.npz").exists()
        told.append(message)

    monkeypatch.setattr(checkpoint, "save", save)
    monkeypatch.setattr(Trainer, "train_epoch", trained)
    assert isinstance(outcome(job, tell), Finished)
    assert [message.epoch for message in told if isinstance(message, EpochDone)] == [1, 2, 3]
    assert any(not np.array_equal(one, other) for one, other in zip(copies[0], copies[-1], strict=True))


@pytest.mark.slow
def test_a_disk_that_fills_up_meanwhile_halts_the_search_with_a_sentence(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search.workers.worker import outcome

    def save(folder: Path, fingerprint: str, state: Checkpoint) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save", save)
    told: list[Message] = []
    end = outcome(job, told.append)
    assert isinstance(end, Halted)
    assert not any(isinstance(message, EpochDone) for message in told)
