"""What is said of how a model was made: of which data, with which seeds, and of which others, by correction, further training, or as their mean.

`lineage` in model.json has the data that made the network what it is, the first of them first, each with what was done with them.
The licence of a model, and whether it has seen a patient, depend on all of them; its figures are of the last.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from data.counted import counted
from data.store.disk import Store, split_counts
from data.written import between, months, signed
from models.pretrained.kernels import started
from search.output.notices import KNOWS_DRAWN, SYNTHETIC, notice
from search.output.sentence import capital
from search.output.typed import typed
from search.workers.job import Job

TRAINED, FINE_TUNED, RECALIBRATED = "trained", "fine-tuned", "recalibrated"  # what was done with data
TESTED = "tests_opened_before"  # in model.json: by how many other models, and by this one as it was earlier
KEPT_BY_SEARCH = "kept_by_search"  # in model.json: it is a trial's network, not one of `train`
EARLIER = "not known"  # of a model that says which one it was made from, but not of which data that one was made
FIGURES_DRAWN = "its figures are of drawn hands and say nothing about patients"
Written = Callable[[object], str]  # a text from elsewhere, as it may stand where the sentence goes
FIT_NAMES = {"validation": "fitted on, as validation", "test": "reported on, as test"}


def lineage(about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The data, first to last: how, source, digest, counts, synthetic (None where that is not known), and the weights that a
    training started from. Of a model of before it is what that one says of itself."""
    if about.get("lineage"):
        return list(about["lineage"])
    started = {"weights": about["weights"]} if about.get("weights") else {}
    found: list[Mapping[str, Any]] = [
        {"how": FINE_TUNED if about.get("fine_tuning") else TRAINED, **about["data"], **started}
    ]
    if corrected := about.get("recalibration"):
        source = str(corrected["source"])
        counts = {"validation": corrected["fitted_on"], "test": corrected["reported_on"]}
        drawn = True if source.startswith("phantom:") else None
        found.append({"how": RECALIBRATED, "source": source, "counts": counts, "synthetic": drawn})
    if before := about.get("made_from"):
        found.insert(0, {"how": EARLIER, "source": str(before["name"]), "counts": {}, "synthetic": None})
    return found


def data_of(store: Store) -> dict[str, Any]:
    """What model.json says of prepared data."""
    return {
        "source": store.info["source"],
        "digest": store.digest,
        "counts": split_counts(store.cases),
        "synthetic": store.synthetic,
    }


def weights_of(job: Job) -> dict[str, Any]:
    """The file of weights that the training started from, and which groups of the network did."""
    begun_from = started(job.architecture)
    return {
        "file": Path(job.training.weights).name,
        "digest": job.weights_digest,
        "taken": list(begun_from.taken),
        "sentence": begun_from.sentence,
    }


def sources_of(about: Mapping[str, Any]) -> list[str]:
    return [str(one["source"]) for one in lineage(about) if one["how"] != EARLIER]


def gone_on(about: Mapping[str, Any], how: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a model that is made of this one by further data."""
    made = {"lineage": [*lineage(about), {"how": how, **data}]}
    return made | {"synthetic": drawn_alone(made)}


def drawn_alone(about: Mapping[str, Any]) -> bool:
    """Whether all data of the model, from the first on, were drawn by this program."""
    return all(one["synthetic"] is True for one in lineage(about))


def figures_drawn(about: Mapping[str, Any]) -> bool:
    """Whether the cases that the figures are of were drawn."""
    return lineage(about)[-1]["synthetic"] is True


def drawn_words(about: Mapping[str, Any]) -> str:
    """Of drawn hands among the model's data, what its figures then do not say; empty where they are of radiographs."""
    return SYNTHETIC if drawn_alone(about) else FIGURES_DRAWN if figures_drawn(about) else ""


def notice_words(about: Mapping[str, Any]) -> str:
    """What is said wherever the model's figures or answers are shown."""
    return notice(drawn_words(about))


def answers_notice(about: Mapping[str, Any]) -> str:
    """The same beside answers for films that need not be drawn."""
    return notice(KNOWS_DRAWN) if drawn_alone(about) else notice_words(about)


def starting_weights(about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The files of weights that trainings started from."""
    return [one["weights"] for one in lineage(about) if one.get("weights")]


def owned_weights(about: Mapping[str, Any]) -> list[str]:
    """Names of the files that a part of the network comes from; models of before do not say which part, if any."""
    return [name_of_weights(one) for one in starting_weights(about) if one.get("taken", True)]


def name_of_weights(weights: Mapping[str, Any]) -> str:
    return str(weights.get("file") or f"a file of the digest {weights.get('digest')}")


def lineage_words(about: Mapping[str, Any], name: Written = str, words: Written = str) -> list[str]:
    """A line for each of the data, and for each file of weights. `name` writes foreign names, `words` other foreign text."""
    said = []
    for place, one in enumerate(lineage(about)):
        if weights := one.get("weights"):
            groups = f": {words(weights['sentence'])}" if weights.get("sentence") else ""
            said.append(
                f"started from weights of others, {name(name_of_weights(weights))} (digest {name(weights.get('digest'))}), whose licence goes with them{groups}"
            )
        said.append(data_words(one, place, name, words))
    return said


def data_words(one: Mapping[str, Any], place: int, name: Written = str, words: Written = str) -> str:
    """trained on radiographs, folder rsna; cases: 12,611 train, 1,425 validation, 200 test; prepared data 9f86d081."""
    if one["how"] == EARLIER:
        return f"made from the model {name(one['source'])}; the data of that model are not recorded here"
    names = FIT_NAMES if one["how"] == RECALIBRATED else {}
    counts = ", ".join(f"{count:,} {words(names.get(split, split))}" for split, count in one["counts"].items())
    prepared = f"; prepared data {name(one['digest'])}" if one.get("digest") else ""
    return f"{'then ' * bool(place)}{words(one['how'])} on {source_words(one, name)}; cases: {counts}{prepared}"


def source_words(one: Mapping[str, Any], name: Written = str) -> str:
    kind = {True: "drawn phantom hands,", False: "radiographs, folder", None: "images, folder"}[one["synthetic"]]
    return f"{kind} {name(short(one['source']))}"


def short(source: Any) -> str:
    """Of a path the last part alone: a card is passed on."""
    return Path(str(source)).name or str(source)


class Role(NamedTuple):
    """What the validation cases did, beside being measured: for their figures, in a few words, and for the intervals."""

    figures: str
    short: str
    intervals: str


NARROW = "so the intervals are slightly too narrow."
SEARCHED = Role(
    "The validation images have chosen the epoch, and the architecture if a search did; their figures are slightly too good.",
    "These images chose the epoch too, so expect more on new ones.",
    f"Those images have also chosen the epoch, {NARROW}",
)
TUNED = SEARCHED._replace(
    figures="The validation images have chosen the epoch of the further training; their figures are slightly too good."
)
FITTED = Role(
    "The validation images are those that the correction and the intervals were fitted on; the figures are of each one left out in "
    "turn. They chose the kind of correction, and neither the network nor its epoch; their figures are slightly too good.",
    "The correction was fitted on these images, so expect more on new ones.",
    "Those are the images that the correction was fitted on, each left out in turn for its own error; they chose the kind of "
    f"correction, {NARROW}",
)


def validation_role(about: Mapping[str, Any]) -> Role:
    if about.get("recalibration"):
        return FITTED
    return TUNED if about.get("fine_tuning") else SEARCHED


def constant_words(about: Mapping[str, Any]) -> str:
    """What the constant predictor answers, to whom the figures are compared."""
    of_set = (about.get("recalibration") or {}).get("constant_of") == OF_SET
    return "the median of the set that it was recalibrated on" if of_set else "the training median"


OF_TRAINING, OF_SET = "the training images", "this set"  # whose median the constant predictor answers

ADDED = "added_to"  # in model.json of a kept best of added epochs: how many there were before them, and the network they began with
STOPPED = "stopped_after"  # in model.json: how many epochs had ended when the training was stopped
ENDED = "ended_early"  # in model.json: {patience, of}, where --patience ended the training before so many epochs


def changed(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Notices, each with its level; none of one network that was trained from fresh weights on one set."""
    if figures_drawn(about) and not drawn_alone(about):
        yield "worry", f"{capital(FIGURES_DRAWN)}. The network was also trained on images that were not drawn."
    if about.get("ensemble"):
        yield "note", ensemble_words(about)
    if corrected := about.get("recalibration"):
        yield "note", recalibrated_words(corrected)
    if tuned := about.get("fine_tuning"):
        yield from tuned_words(tuned, about)


def recalibrated_words(changed: dict[str, Any]) -> str:
    before = changed["before"]
    return (
        f"Recalibrated on {short(changed['source'])}: corrected = {months(changed['offset_months'])} + {changed['slope']:.3f} · predicted. The "
        f"validation figures here are of the {changed['fitted_on']:,} cases that it was fitted on, each left out in turn; the test figures "
        f"are of the other {changed['reported_on']:,}, on which the model before had an MAE of {months(before['mae'])} and a bias of "
        f"{signed(before['bias'])}."
    )


def tuned_words(tuned: dict[str, Any], about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Of a model that was recalibrated since, what the training had left on its own images."""
    before, corrected = tuned["before"], about.get("recalibration")
    own = tuned.get("validation_mae", None if corrected else about["validation"]["mae"])
    when = "Before it was recalibrated, training went on" if corrected else "Training went on"
    said = [
        (
            "note",
            f"{when} with {tuned['trained_on']:,} images of {short(tuned['source'])}. On the {tuned['reported_on']:,} test images{' of that set' * bool(corrected)}, "
            f"which took no part, the model before had an MAE of {months(before['mae'])} and a bias of {signed(before['bias'])}.",
        )
    ]
    if own is not None and own >= tuned["validation_mae_before"]:
        worse = f"an MAE of {months(own)} on the images that chose the epoch, before it {months(tuned['validation_mae_before'])}"
        said.append(
            ("worry", f"This training did not help: {worse}. Use the model before, or a lower --learning-rate.")
        )
    return said


def ensemble_words(about: Mapping[str, Any]) -> str:
    """What the mean of several networks gains over each of them, on images that chose no network among them."""
    members = about["ensemble"]["members"]
    said = [
        f"on the {split} images its MAE is {months(gained['mae'])} months, that of one network {months(gained['members_mae'])} on average "
        f"({between(min(of_members), max(of_members))})"
        for split in ("test", "validation")
        if (gained := about["ensemble"][split])
        for of_members in [[member[f"{split}_mae"] for member in members]]
    ]
    before = f"Before it was {'recalibrated' if about.get('recalibration') else 'trained on'}: " * bool(
        about.get("made_from")
    )
    return f"{before}an ensemble: its answer is the mean of {len(members)} networks that differ in their seed; {'; '.join(said)}."


def note_of(about: Mapping[str, Any], run: Path) -> str:
    """What to say of a model that is a search's own; empty for one that was trained in full."""
    if not about.get(KEPT_BY_SEARCH):
        return ""
    if about.get("recalibration"):
        return f"{about['from']}; that is a network which a search kept, trained as briefly as a trial; the real one: {typed('train', run)}"
    return (
        f"the network that the search kept of {about['from']}: trained as briefly as a trial, chosen by the images that it was "
        f"measured on, never tested; the real one: {typed('train', run)}"
    )


def best_epochs(about: Mapping[str, Any]) -> list[int]:
    """Of each network that the model is the mean of; of itself where it is one."""
    return [member["best_epoch"] for member in made_of(about)]


def made_of(about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    ensemble = about.get("ensemble")
    return ensemble["members"] if ensemble else [about]


def when_words(about: Mapping[str, Any]) -> str:
    return f"{'recalibrated' if about.get('recalibration') else 'trained'} {about['made']}"


def trained_words(about: Mapping[str, Any]) -> str:
    """seed 2000, best epoch 7."""
    members = made_of(about)
    s = "s" * (len(members) > 1)
    seeds, epochs = (", ".join(str(member[name]) for member in members) for name in ("seed", "best_epoch"))
    return f"seed{s} {seeds}, best epoch{s} {epochs}"


def epoch_words(about: Mapping[str, Any]) -> str:
    """Of the learning curve."""
    epochs, early = ", ".join(map(str, best_epochs(about))), early_words(about)
    before = "They are of the training, before the model was recalibrated. " * bool(about.get("recalibration"))
    if about.get("ensemble"):
        shortest = f" The shortest training {early}." if early else ""
        return (
            f"{before}The curves are means over the {len(best_epochs(about))} networks; each is kept as it was at its own best epoch: "
            f"{epochs}.{shortest}"
        )
    return f"{before}The best epoch, {epochs}, is the model's." + (f" The training {early}." if early else "")


def ended_early(patience: int, of: int, trained: int) -> dict[str, Any]:
    """What model.json says of a training that --patience has ended."""
    return {ENDED: {"patience": patience, "of": of}} if patience and trained < of else {}


def remembered(about: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of a model that is described anew: what its files do not say."""
    return {name: about[name] for name in (ENDED, TESTED) if about and about.get(name) is not None}


def looked_words(about: Mapping[str, Any]) -> str:
    """Of test images that are not new any more; empty where they are."""
    if not about["test"] or not (times := about.get(TESTED)):
        return ""
    return (
        f"Some or all of these test images were opened before, by {counted(times, 'other model')} of this run, or this one as it was "
        "earlier: choosing among models by them makes the best look better than it is."
    )


def early_words(about: Mapping[str, Any]) -> str:
    """was ended by --patience 1 after 6 of 12 epochs; empty where it has all its epochs."""
    trained, of = len(about["history"]), about["training"].get("epochs")
    if not isinstance(of, int) or trained >= of:
        return ""
    ended = about.get(ENDED)
    how = "was stopped" if about.get(STOPPED) else f"was ended by --patience {ended['patience']}" if ended else "ended"
    return f"{how} after {trained} of {counted(of, 'epoch')}"
