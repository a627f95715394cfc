"""What is said of how a model was made: with which seeds, and of which others, by correction, further training, or as their mean."""

from collections.abc import Iterator, Mapping
from typing import Any

from search.show.tables import signed

STOPPED = "stopped_after"  # in model.json: how many epochs had ended when the training was stopped
ENDED = "ended_early"  # in model.json: {patience, of}, where --patience ended the training before so many epochs


def changed(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Notices, each with its level; none of one network that was trained from fresh weights."""
    if about.get("ensemble"):
        yield "note", ensemble_words(about)
    if corrected := about.get("recalibration"):
        yield "note", recalibrated_words(corrected)
    if tuned := about.get("fine_tuning"):
        yield from tuned_words(tuned, about)


def recalibrated_words(changed: dict[str, Any]) -> str:
    before = changed["before"]
    return (
        f"Recalibrated on {changed['source']}: corrected = {changed['offset_months']:.2f} + {changed['slope']:.3f} · predicted. The "
        f"validation figures here are of the {changed['fitted_on']:,} cases that it was fitted on, each left out in turn; the test figures "
        f"are of the other {changed['reported_on']:,}, on which the model before had an MAE of {before['mae']:.2f} and a bias of "
        f"{signed(before['bias'])}. The learning curve is the model's before."
    )


def tuned_words(tuned: dict[str, Any], about: Mapping[str, Any]) -> list[tuple[str, str]]:
    before, own = tuned["before"], about["validation"]["mae"]
    said = [
        (
            "note",
            f"Training went on with {tuned['trained_on']:,} images of {tuned['source']}. On the {tuned['reported_on']:,} test images, which "
            f"took no part, the model before had an MAE of {before['mae']:.2f} and a bias of {signed(before['bias'])}.",
        )
    ]
    if own >= tuned["validation_mae_before"]:
        worse = (
            f"an MAE of {own:.2f} on the images that chose the epoch, before it {tuned['validation_mae_before']:.2f}"
        )
        said.append(
            ("worry", f"This training did not help: {worse}. Use the model before, or a lower --learning-rate.")
        )
    return said


def ensemble_words(about: Mapping[str, Any]) -> str:
    """What the mean of several networks gains over each of them, on images that chose no network among them."""
    members = about["ensemble"]["members"]
    said = [
        f"on the {split} images its MAE is {gained['mae']:.2f} months, that of one network {gained['members_mae']:.2f} on average "
        f"({min(of_members):.2f} to {max(of_members):.2f})"
        for split in ("test", "validation")
        if (gained := about["ensemble"][split])
        for of_members in [[member[f"{split}_mae"] for member in members]]
    ]
    before = f"Before it was {'recalibrated' if about.get('recalibration') else 'trained on'}: " * bool(
        about.get("made_from")
    )
    return f"{before}an ensemble: its answer is the mean of {len(members)} networks that differ in their seed; {'; '.join(said)}."


def best_epochs(about: Mapping[str, Any]) -> list[int]:
    """Of each network that the model is the mean of; of itself where it is one."""
    return [member["best_epoch"] for member in made_of(about)]


def made_of(about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    ensemble = about.get("ensemble")
    return ensemble["members"] if ensemble else [about]


def trained_words(about: Mapping[str, Any]) -> str:
    """seed 2000, best epoch 7."""
    members = made_of(about)
    s = "s" * (len(members) > 1)
    seeds, epochs = (", ".join(str(member[name]) for member in members) for name in ("seed", "best_epoch"))
    return f"seed{s} {seeds}, best epoch{s} {epochs}"


def epoch_words(about: Mapping[str, Any]) -> str:
    """Of the learning curve."""
    epochs, early = ", ".join(map(str, best_epochs(about))), early_words(about)
    if about.get("ensemble"):
        shortest = f" The shortest training {early}." if early else ""
        return (
            f"The curves are means over the {len(best_epochs(about))} networks; each is kept as it was at its own best epoch: "
            f"{epochs}.{shortest}"
        )
    return f"The best epoch, {epochs}, is the model's." + (f" The training {early}." if early else "")


def ended_early(patience: int, of: int, trained: int) -> dict[str, Any]:
    """What model.json says of a training that --patience has ended."""
    return {ENDED: {"patience": patience, "of": of}} if patience and trained < of else {}


def remembered(about: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of a model that is described anew: what its files do not say."""
    return {name: about[name] for name in (ENDED, "tests_opened_before") if about and about.get(name) is not None}


def early_words(about: Mapping[str, Any]) -> str:
    """was ended by --patience 1 after 6 of 12 epochs; empty where it has all its epochs."""
    trained, of = len(about["history"]), about["training"].get("epochs")
    if not isinstance(of, int) or trained >= of:
        return ""
    ended = about.get(ENDED)
    how = "was stopped" if about.get(STOPPED) else f"was ended by --patience {ended['patience']}" if ended else "ended"
    return f"{how} after {trained} of {of} epochs"
