from pathlib import Path

from search.workers.left.best import forget, leave, settle


def write(text: str):  # type: ignore[no-untyped-def]
    return lambda path: path.write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_best_epochs_file_gets_its_name_and_the_others_go(tmp_path: Path) -> None:
    for epoch in (1, 3, 4):
        leave(tmp_path, "model.keras", epoch, write(f"of {epoch}"))

    settle(tmp_path, "model.keras", 4)

    assert names(tmp_path) == ["model.keras"]
    assert (tmp_path / "model.keras").read_text() == "of 4"


def test_an_epoch_that_was_best_only_before_a_kill_leaves_nothing(tmp_path: Path) -> None:
    leave(tmp_path, "model.keras", 2, write("of 2"))
    leave(tmp_path, "model.keras", 5, write("lost: killed before its checkpoint, and worse when trained again"))

    settle(tmp_path, "model.keras", 2)

    assert (tmp_path / "model.keras").read_text() == "of 2"
    assert names(tmp_path) == ["model.keras"]


def test_of_the_earlier_best_epochs_one_is_kept(tmp_path: Path) -> None:
    for epoch in range(1, 6):
        leave(tmp_path, "test_predictions.npy", epoch, write(""))

    assert names(tmp_path) == ["test_predictions-0004.npy", "test_predictions-0005.npy"]


def test_what_another_training_left_takes_no_room_from_this_ones_best_epoch(tmp_path: Path) -> None:
    for epoch in (3, 5):
        leave(tmp_path, "model.keras", epoch, write("another's"))

    forget(tmp_path, "model.keras", 0)
    leave(tmp_path, "model.keras", 1, write("of 1"))
    settle(tmp_path, "model.keras", 1)

    assert (tmp_path / "model.keras").read_text() == "of 1"


def test_the_best_epoch_stays_where_a_later_one_was_lost_by_a_kill_and_another_comes(tmp_path: Path) -> None:
    for epoch in (3, 5):
        leave(tmp_path, "model.keras", epoch, write(f"of {epoch}"))

    forget(tmp_path, "model.keras", 4)  # it resumes after epoch 4, and epoch 5 is no better this time
    leave(tmp_path, "model.keras", 6, write("killed again before its checkpoint"))
    settle(tmp_path, "model.keras", 3)

    assert (tmp_path / "model.keras").read_text() == "of 3"


def test_settling_again_after_a_kill_changes_nothing(tmp_path: Path) -> None:
    leave(tmp_path, "model.keras", 1, write("of 1"))

    settle(tmp_path, "model.keras", 1)
    settle(tmp_path, "model.keras", 1)

    assert (tmp_path / "model.keras").read_text() == "of 1"
