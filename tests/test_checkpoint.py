"""Checkpoints on disk: whole or not there, and never another training's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from search.workers.job import EpochDone
from search.workers.left.checkpoint import Checkpoint, another, clear, latest, save, written


def after(epochs: int) -> Checkpoint:
    history = tuple(EpochDone(4, n, 30.0 - n, 31.25 - n, 0.5, 100.0) for n in range(1, epochs + 1))
    variables = [np.full((3, 2), epochs, np.float32), np.array(epochs, np.int64), np.zeros(0, np.float32)]
    return Checkpoint(history, np.arange(5, dtype=np.float32) + epochs, variables, "mixed_bfloat16")


def same(one: Checkpoint | None, other: Checkpoint) -> bool:
    return (
        one is not None
        and one.epochs == other.epochs
        and one.precision == other.precision
        and np.array_equal(one.predictions, other.predictions)
        and all(
            a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(one.variables, other.variables, strict=True)
        )
    )


def test_what_was_saved_is_loaded_and_two_are_kept(tmp_path: Path) -> None:
    for epochs in range(1, 12):
        save(tmp_path, "a", after(epochs))

    assert same(latest(tmp_path, "a"), after(11))
    assert [path.name for path in written(tmp_path)] == ["epoch-0011.npz", "epoch-0010.npz"]
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_not_finite_errors_survive(tmp_path: Path) -> None:
    history = (EpochDone(0, 1, float("inf"), float("inf"), 0.5, 100.0),)
    save(tmp_path, "a", Checkpoint(history, np.full(2, np.nan, np.float32), [], "float32"))

    found = latest(tmp_path, "a")
    assert found is not None
    assert found.epochs == history


@pytest.mark.parametrize("at", [0.0, 0.2, 0.5, 0.8, 0.999])
def test_a_checkpoint_with_one_flipped_bit_is_never_read_as_another(tmp_path: Path, at: float) -> None:
    save(tmp_path, "a", after(1))
    save(tmp_path, "a", after(2))
    flip_a_bit(written(tmp_path)[0], lambda data: int(at * len(data)))

    found = latest(tmp_path, "a")

    # A bit that zip does not need (a time stamp, a name's padding) may be flipped without harm.
    assert same(found, after(1)) or same(found, after(2))


@pytest.mark.parametrize("array", [after(2).variables[0], after(2).predictions], ids=["weights", "predictions"])
def test_a_checkpoint_with_a_flipped_bit_in_an_array_is_passed_over_for_the_one_before(
    tmp_path: Path, array: np.ndarray
) -> None:
    save(tmp_path, "a", after(1))
    save(tmp_path, "a", after(2))
    flip_a_bit(written(tmp_path)[0], lambda data: data.index(array.tobytes()))

    assert same(latest(tmp_path, "a"), after(1))


def flip_a_bit(path: Path, where: Callable[[bytes], int]) -> None:
    data = bytearray(path.read_bytes())
    data[where(bytes(data))] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("keep", [0, 10, 500])
def test_a_checkpoint_cut_short_is_passed_over(tmp_path: Path, keep: int) -> None:
    save(tmp_path, "a", after(1))
    save(tmp_path, "a", after(2))
    newest = written(tmp_path)[0]
    newest.write_bytes(newest.read_bytes()[:keep])

    assert same(latest(tmp_path, "a"), after(1))


def test_the_checkpoint_of_another_training_is_none_of_ours(tmp_path: Path) -> None:
    save(tmp_path, "a", after(3))

    assert latest(tmp_path, "b") is None


def test_checkpoints_of_another_training_give_way_to_this_ones_first(tmp_path: Path) -> None:
    for epochs in range(1, 6):
        save(tmp_path, "another", after(epochs))
    assert another(tmp_path, "a")

    save(tmp_path, "a", after(1))

    assert same(latest(tmp_path, "a"), after(1))
    assert [path.name for path in written(tmp_path)] == ["epoch-0001.npz"]
    assert not another(tmp_path, "a")


def test_damaged_checkpoints_are_not_said_to_be_another_trainings(tmp_path: Path) -> None:
    assert not another(tmp_path, "a")
    save(tmp_path, "a", after(1))
    written(tmp_path)[0].write_bytes(b"PK")

    assert not another(tmp_path, "a")
