from pathlib import Path

from search.workers.best import leave, settle


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


def test_settling_again_after_a_kill_changes_nothing(tmp_path: Path) -> None:
    leave(tmp_path, "model.keras", 1, write("of 1"))

    settle(tmp_path, "model.keras", 1)
    settle(tmp_path, "model.keras", 1)

    assert (tmp_path / "model.keras").read_text() == "of 1"
