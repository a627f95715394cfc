"""What a person sees while a study runs: rich bars on a terminal, lines that update in a notebook, plain lines elsewhere; on stderr."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from data.counted import counted
from data.shown import plain
from data.store.prepare import Progress as StoreProgress
from data.written import months, yardstick
from search.leader.progress import Progress
from search.output.terminal import log
from search.output.time_words import duration
from search.show import notebook
from search.show.notebook import ended_words, label, title
from search.workers.job import EpochDone, Job, Resumed
from studies.order import study_name
from studies.study import Decision, Trial

LINE_SECONDS = 5.0  # at most one plain line of preparation in this time

console = Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def preparing() -> Iterator[StoreProgress]:
    """Images done, images/s and the time left."""
    started, last = time.monotonic(), [0.0]
    if console.is_jupyter:
        show = notebook.updating()
        yield lambda done, total: show([f"prepared {done:,} of {counted(total, 'image')}"])
        return
    if not console.is_terminal:

        def line(done: int, total: int) -> None:
            now = time.monotonic()
            if done == total or now - last[0] >= LINE_SECONDS:
                last[0] = now
                rate = done / max(now - started, 1e-9)
                log(f"prepared {done:,} of {counted(total, 'image')}, {rate:.0f} images/s")

        yield line
        return
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), "{task.fields[rate]}", TimeRemainingColumn())
    with bar(columns, "preparing images", rate="") as update:

        def advance(done: int, total: int) -> None:
            rate = f"{done / max(time.monotonic() - started, 1e-9):.0f} images/s"
            update(completed=done, total=total, rate=rate)

        yield advance


@contextmanager
def bar(columns: Sequence[str | ProgressColumn], what: str, **fields: Any) -> Iterator[Callable[..., None]]:
    """What updates it. Nothing is left of it where nothing was counted, as where all images are prepared already."""
    with Bars(*columns, console=console) as bars:
        task = bars.add_task(what, total=None, **fields)
        try:
            yield partial(bars.update, task)
        finally:
            if bars.tasks[0].total is None:
                bars.remove_task(task)


@contextmanager
def counting(what: str) -> Iterator[tuple[StoreProgress, Callable[[str], None]]]:
    """How many of them are done and the time left, by this command's own pace; and a way to say something else."""
    started, first = time.monotonic(), [-1]

    def left(done: int, total: int) -> str:
        if first[0] < 0:
            first[0] = done
        here = done - first[0]
        return f", {duration((time.monotonic() - started) / here * (total - done))} left" if here else ""

    def line(done: int, total: int) -> None:
        log(f"{what} {done:,} of {total:,}{left(done, total)}")

    if console.is_jupyter:
        show = notebook.updating()
        yield lambda done, total: show([f"{what} {done:,} of {total:,}{left(done, total)}"]), log
        return
    if not console.is_terminal:
        yield line, log
        return
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), "{task.fields[left]}")
    with bar(columns, what, left="") as update:
        yield (
            lambda done, total: update(completed=done, total=total, left=left(done, total)),
            lambda text: console.print(plain(text)),
        )


@contextmanager
def showing(constant_mae: float) -> Iterator[Progress]:
    """The engine's progress: a bar per running trial on a terminal, a line per event elsewhere."""
    if console.is_jupyter:
        yield notebook.shown(notebook.updating(), constant_mae)
        return
    started: dict[int, float] = {}
    before: dict[int, int] = {}  # epochs of earlier legs, which this one's pace says nothing of

    def say(text: str) -> None:
        if console.is_terminal:
            console.print(plain(text))
        else:
            log(text)

    def study(name: str, note: str) -> None:
        started.clear()
        before.clear()
        say(f"{title(name)}: {note}")

    def left(message: EpochDone, epochs: int) -> str:
        passed = time.monotonic() - started[message.number]
        return duration(passed / (message.epoch - before.get(message.number, 0)) * (epochs - message.epoch))

    def resumed(name: str, message: Resumed) -> None:
        started[message.number], before[message.number] = time.monotonic(), len(message.epochs)
        say(f"{label(name, message.number)} resumes after epoch {len(message.epochs)}")

    def figures(message: EpochDone) -> str:
        return (
            f"validation MAE {months(message.validation_mae)} months (constant {yardstick(constant_mae)}), train "
            f"{months(message.train_mae)}, {message.images_per_second:.0f} images/s"
        )

    def ended_line(name: str, trial: Trial) -> str:
        if trial.validation_mae is None:
            return ended_words(name, trial)
        return (
            f"{label(name, trial.number)}: {months(trial.validation_mae)} months in epoch {trial.best_epoch}, "
            f"{duration(trial.seconds)}"
        )

    def decided(name: str, decision: Decision) -> None:
        say(f"{study_name(name)} decided: {decision.summary}")

    if not console.is_terminal:

        def begin(name: str, job: Job, expected: int, what: str) -> None:
            started[job.number] = time.monotonic()
            say(f"{label(name, job.number, expected)}: {what}")

        def epoch(name: str, message: EpochDone, epochs: int) -> None:
            say(
                f"{label(name, message.number)} epoch {message.epoch} of {epochs}: {figures(message)}, "
                f"{left(message, epochs)} left"
            )

        yield Progress(study, begin, resumed, epoch, lambda name, trial: say(ended_line(name, trial)), decided, say)
        return

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        "{task.fields[figures]}",
    )
    with Bars(*columns, console=console) as bars:
        tasks: dict[int, TaskID] = {}

        def begin_bar(name: str, job: Job, expected: int, what: str) -> None:
            started[job.number] = time.monotonic()
            description = plain(f"{label(name, job.number, expected)}: {what}")
            tasks[job.number] = bars.add_task(description, total=None, figures="building")

        def epoch_bar(name: str, message: EpochDone, epochs: int) -> None:
            text = f"{figures(message)}, {left(message, epochs)} left"
            bars.update(tasks[message.number], completed=message.epoch, total=epochs, figures=text)

        def end_bar(name: str, trial: Trial) -> None:
            bars.remove_task(tasks.pop(trial.number))
            say(ended_line(name, trial))

        yield Progress(study, begin_bar, resumed, epoch_bar, end_bar, decided, say)
