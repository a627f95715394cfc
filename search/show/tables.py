"""Tables for people; on stdout."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from data.counted import counted
from data.shown import plain
from data.written import NONE, change_between, gmacs, millions, minuses, months, signed, yardstick
from search.output.confirmed import confirmed_words
from search.output.notices import SYNTHETIC, notice, of_drawn_hands
from search.output.sentence import sentence
from search.output.terminal import say
from search.output.time_words import error_words, left_words
from search.output.typed import put_on_the_path
from search.show.cells import columns
from search.show.console import console
from search.storage.status import DAMAGED, NO_WAY_ON, contradicted
from studies.around import confirmation
from studies.findings import Compared, OnFront
from studies.order import STUDIES, all_studies

Statuses = Sequence[Mapping[str, Any]]  # a row for each study, as `search/storage/status.py` has them

WORDS = (
    "variant",
    "verdict",
    "speaks of",
    "left out",
    "group",
    "outcome",
    "split",
    "splits",
    "sex",
    "in",
    "imbalanced",
    "format",
)  # columns that hold no numbers
UNENDED = {
    "running": "running",
    "interrupted": "interrupted: no leader runs this study; its command resumes from the last epoch",
    "begun_by_others": "begun by somebody else: no result of this search, whose command will end it as failed",
}


def show(name: str, rows: list[dict[str, Any]], summary: str = "") -> None:
    table = Table(title=plain(name), title_justify="left")
    found = columns(rows)
    for column in found:
        table.add_column(plain(column), justify="left" if column in WORDS else "right")
    for row in zip(*found.values(), strict=True):
        table.add_row(*map(text, row))
    console().print(table)
    if summary:
        say(summary)
        say()


def show_verdicts(title: str, rows: Sequence[Compared]) -> None:
    show(title, verdict_rows(rows))


def verdict_rows(rows: Sequence[Compared]) -> list[dict[str, Any]]:
    """What the seeds allow to say of each variant; intervals are for one by itself, p values for the family."""
    shown = [
        {
            "variant": row.variant,
            "verdict": row.said,
            "change": signed(row.change),
            "interval": change_between(row.low, row.high),
            "p difference": row.p_difference,
            "p equivalence": row.p_equivalence,
            "p images": row.p_images,
            "seeds": row.seeds,
            "speaks of": row.scope,
            "seeds to resolve": row.seeds_to_resolve,
            "left out": row.left_out or None,
        }
        for row in rows
    ]
    for column in ("left out", "p images"):
        if not any(row[column] for row in shown):
            for row in shown:
                del row[column]
    return shown


def show_front(rows: Sequence[OnFront]) -> None:
    """One line: what no other trial of the study beats in error, parameters and MACs together."""
    members = (
        f"#{row.trial} {months(row.validation_mae)} months, {millions(row.params)}, {gmacs(row.macs)} GMACs"
        for row in rows
    )
    say(f"Pareto front: {'; '.join(members)}")
    say()


def text(value: Any) -> str:
    if value is None:
        return NONE
    return f"{value:g}" if isinstance(value, float) else plain(value)


def footnote(constant_mae: float, synthetic: bool) -> None:
    print_constant(constant_mae)
    say(sentence(notice(of_drawn_hands(cases=synthetic))))


def print_constant(constant_mae: float) -> None:
    say(constant_words(constant_mae))


def constant_words(constant_mae: float) -> str:
    return (
        f"MAE in months on the validation split; always answering the training median scores {yardstick(constant_mae)}."
    )


def show_status(statuses: Statuses, next_command: str | None) -> None:
    console().print(status_table(statuses))
    path = put_on_the_path()
    first = [f"first, once in each terminal: {path}"] if path else []
    for line in status_lines(statuses, next_command, first):
        say(line)


def status_table(statuses: Statuses, in_full: bool = True) -> Table:
    """Of all studies that the search has, as `all_asked` lists them; so are those of the lines below. A row has one line unless it
    is shown in full."""
    table = Table()
    for column in ("study", "state", "trials", "best MAE", "decision"):
        table.add_column(column)
    for status in statuses:
        decision = minuses(status["decision"]["summary"]) if status["decision"] else ""
        best = months(status["best_value"])
        cells = (status["name"], status["state"], status["trials"], best)
        # A column without wrapping would take its width from all others.
        table.add_row(*map(text, cells), Text(text(decision), no_wrap=not in_full, overflow="ellipsis"))
    return table


def status_lines(statuses: Statuses, next_command: str | None, first: Sequence[str] = ()) -> list[str]:
    """What is to be known beside the table; `first` is said before the next command, where there is one."""
    known = [status["constant_mae"] for status in statuses if status.get("constant_mae")]
    lines = [constant_words(known[0])] if known else []
    if any(status.get("synthetic") for status in statuses):
        lines.append(sentence(notice(SYNTHETIC)))
    lines += unended_lines(statuses)
    lines += left_out_lines(statuses)
    lines += damaged_lines(statuses)
    lines += time_lines(statuses, is_over=next_command is None)
    lines += confirmed_lines(statuses)
    if contradictory := contradicted(statuses):
        return [*lines, *contradictory, NO_WAY_ON]
    if next_command is None:
        return [*lines, f"{all_studies()} are decided"]
    return [*lines, *led_lines(statuses), *first, f"next: {next_command}"]


def unended_lines(statuses: Statuses) -> list[str]:
    """Trials that run, those whose leader is gone, and those of somebody else."""
    return [
        f"{status['name']}: {counted(status[how], 'trial')} {what}"
        for status in statuses
        for how, what in UNENDED.items()
        if status.get(how)
    ]


def led_lines(statuses: Statuses) -> list[str]:
    """Whose the search is by now: the next command would be refused."""
    led = [(status["name"], status["led_by"]) for status in statuses if status.get("led_by")]
    return [f"{name}: being run by {leader_words(leader)}" for name, leader in led]


def leader_words(leader: Mapping[str, Any]) -> str:
    process = leader["process"]
    who = f"process {process} on {leader['host']}, since {leader['since']}" if process else "another process"
    then = (
        f"it is stopped, `kill -CONT {process}` wakes it"
        if leader["stopped"]
        else "what is next is for when it has ended"
    )
    return f"{who}; {then}"


def confirmed_lines(statuses: Statuses) -> list[str]:
    decisions = {status["name"]: status["decision"] for status in statuses}
    return confirmed_words(decisions[list(STUDIES)[-1]], decisions.get(confirmation.NAME))


def left_out_lines(statuses: Statuses) -> list[str]:
    return [
        f"{status['name']}: {counted(status['left_out'], 'trial')} left out of everything; the report says "
        "which and why"
        for status in statuses
        if status.get("left_out")
    ]


def damaged_lines(statuses: Statuses) -> list[str]:
    """Attributes that nothing depends on."""
    return [
        f"{status['name']}: its attribute {status[DAMAGED]} is damaged and not shown: somebody has changed it"
        for status in statuses
        if status.get(DAMAGED)
    ]


def time_lines(statuses: Statuses, is_over: bool = False) -> list[str]:
    """What the leader foretold last: what is left, with the moment that it speaks of, and how far off it has been."""
    told = latest_timing(statuses)
    if told is None:
        return []
    name, timing = told
    left, off = "" if is_over else left_words(name, timing), error_words(timing)
    at = datetime.fromisoformat(timing["at"]).strftime("%Y-%m-%d %H:%M")
    return [*([f"{left}, at {at}"] if left else []), *([f"{off}"] if off else [])]


def latest_timing(statuses: Statuses) -> tuple[str, Mapping[str, Any]] | None:
    """What was foretold last, by whichever study; None where nothing was."""
    foretold = [(status["name"], status["timing"]) for status in statuses if status.get("timing")]
    return max(reversed(foretold), key=lambda told: datetime.fromisoformat(told[1]["at"]), default=None)
