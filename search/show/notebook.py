"""What a person sees in a notebook: a few lines that update in place, however many trials there are."""

from collections import Counter, deque
from collections.abc import Callable, Iterable

from data.shown import plain
from data.written import months, yardstick
from search.leader.progress import Progress
from search.workers.job import EpochDone, Job, Resumed
from studies.order import EVERY, study_name
from studies.study import Decision, Trial

SENTENCES = 3  # of the search as a whole, the latest


def updating() -> Callable[[Iterable[str]], None]:
    """An output of the running cell, whose lines each call replaces."""
    from IPython.display import display

    shown = display({"text/plain": ""}, raw=True, display_id=True)
    return lambda lines: shown.update({"text/plain": "\n".join(map(plain, lines))}, raw=True)


def title(name: str) -> str:
    """A study under its number, a model under its name."""
    return study_name(name) if name in EVERY else name


def label(name: str, number: int, expected: int = 0) -> str:
    if name not in EVERY:
        return name
    return f"{study_name(name)} trial {number}" + (f" ({number + 1} of {expected})" if expected else "")


def ended_words(name: str, trial: Trial) -> str:
    """Of a trial that gave no result, with the reason."""
    return f"{label(name, trial.number)}: {trial.state}, {trial.exit_reason}"


def shown(show: Callable[[Iterable[str]], None], constant_mae: float) -> Progress:
    """The engine's progress as lines: one for each study, one for each running trial, and what was said last."""
    studies: dict[str, str] = {}
    best: dict[str, float] = {}
    running: dict[int, str] = {}
    doing: dict[int, str] = {}
    without: dict[str, Counter[str]] = {}  # of each study, the trials that gave no result, by how they ended
    sentences: deque[str] = deque(maxlen=SENTENCES)

    def line(name: str) -> str:
        ends = ", ".join(f"{count} {state}" for state, count in without.get(name, {}).items())
        return f"{title(name)}: {studies[name]}" + f"; {ends}" * bool(ends)

    def again() -> None:
        show([*map(line, studies), *(f"{running[number]}: {done}" for number, done in doing.items()), *sentences])

    def study(name: str, note: str) -> None:
        running.clear()
        doing.clear()
        studies[name] = note
        again()

    def started(name: str, job: Job, expected: int, what: str) -> None:
        running[job.number], doing[job.number] = f"{label(name, job.number, expected)}, {what}", "building"
        again()

    def resumed(name: str, message: Resumed) -> None:
        doing[message.number] = f"resumes after epoch {len(message.epochs)}"
        again()

    def epoch(name: str, message: EpochDone, epochs: int) -> None:
        doing[message.number] = (
            f"epoch {message.epoch} of {epochs}, validation MAE {months(message.validation_mae)} months"
        )
        again()

    def ended(name: str, trial: Trial) -> None:
        doing.pop(trial.number, None)
        if trial.validation_mae is None:
            without.setdefault(name, Counter())[trial.state] += 1
            sentences.append(ended_words(name, trial))
        best[name] = min(best.get(name, float("inf")), trial.error)
        if best[name] < float("inf"):
            which = "the best of its trials" if name in EVERY else f"of epoch {trial.best_epoch}"
            studies[name] = f"{months(best[name])} months, {which} (constant {yardstick(constant_mae)})"
        again()

    def decided(name: str, decision: Decision) -> None:
        studies[name] = decision.summary
        again()

    def said(sentence: str) -> None:
        sentences.append(sentence)
        again()

    return Progress(study, started, resumed, epoch, ended, decided, said)
