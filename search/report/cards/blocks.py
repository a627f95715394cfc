"""Why these blocks? What the ablations around the reference and around the decided network say, each named with its network."""

from collections.abc import Sequence
from dataclasses import replace

from models.architecture import Architecture
from search.output.sentence import sentence
from search.report.cards.moved import against_reference
from search.report.cards.verdict import verdict_sentence
from search.show.html import Answer
from studies import ablation
from studies.findings import Compared, Evidence
from studies.statistics import keys
from studies.statistics.keys import Evident
from studies.study import Decision, Given

OF_THE_REFERENCE, OF_THIS = "The reference", "This network"


def because(given: Given, decision: Decision, network: Architecture, around: Decision | None = None) -> Answer:
    """Of an ablation's decision, by this or an earlier version, and the network that the run has come to.

    `around` is that of the same network's own ablation, where there is one. The headline is then by that one alone.
    """
    findings, found = found_by(given, decision)
    before, now = (each.blocks._asdict() for each in (given.preset.reference, network))
    has = [group for group, count in now.items() if count]
    sure, costly = sure_and_costly(findings, found, has)
    moved = [group for group, count in now.items() if count != before.get(group)]
    why = decision.summary
    if findings.key_by and all(group in found.known or found.fails(group) for group in findings.key_groups):
        why = keys.reason(findings.key_groups, findings.key_by, found)  # of an earlier version, too, in today's words
    shown = sure or costly
    rows = [row for group in shown for row in (found.sure(group) if sure else found.of(group))]
    rows += [row for row in found.rows if keys.group_of(row) in set(moved) - set(shown)]
    lowered = {group: before[group] for group in moved if needs_more(found.sure(group), now[group])}
    restored = replace(network, blocks=network.blocks._replace(**lowered))
    headline, beside = headline_of(findings, found, has), []
    if around is not None:
        findings_around, found_around = found_by(given, around)
        if not any(row.favoured for row in found_around.rows):  # else it claims nothing
            headline = headline_of(findings_around, found_around, has, own=True)
            beside = differing(found, found_around)
        beside = [sentence(around.summary), *(of_network(OF_THIS, row) for row in found_around.rows), *beside]
    details = (
        against_reference(given.preset.reference, network),
        sentence(f"of the reference's groups: {why}"),
        *(of_network(OF_THE_REFERENCE, row) for row in rows),
        *despite(tuple(lowered), restored != given.preset.reference),
        *beside,
    )
    return Answer("", headline, details)


def found_by(given: Given, decision: Decision) -> tuple[ablation.AblationFindings, Evident]:
    findings = decision.findings
    assert isinstance(findings, ablation.AblationFindings)
    known = findings.estimates
    if known is None:  # an earlier version told the changes alone, and not what called a group key
        known = {group: Evidence(months, None) for group, months in findings.cost_months.items()}
    return findings, ablation.evident(given, findings.verdicts, known)


def sure_and_costly(
    findings: ablation.AblationFindings, found: Evident, has: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Of the groups that the network has, those that matter by a verdict, and those that are costly to lower."""
    keys_had = [group for group in findings.key_groups if group in has]
    sure = [group for group in keys_had if found.is_sure(group)]
    return sure, [group for group in keys_had if found.is_costly(group) and not found.costs_nothing(group)]


def headline_of(findings: ablation.AblationFindings, found: Evident, has: Sequence[str], own: bool = False) -> str:
    """Of the groups that the network has. An ablation of its `own` is named, so that it is not taken for the reference's."""
    sure, costly = sure_and_costly(findings, found, has)
    of, within, whose = (" of this network", " in this network", "this network's") if own else ("", "", "its")
    if not has:
        return "It has no block groups"
    if sure:
        return f"Key groups{of}: {', '.join(sure)}"
    if failed := [group for group in findings.key_groups if group in has and found.fails(group)]:
        return f"Could not be trained when lowered{within}: {', '.join(failed)}"
    if costly and findings.key_by != "verdict":
        return f"Costly to lower{within}, by estimate: {', '.join(costly)}"
    return f"None of {whose} block groups is found to matter"


def of_network(network: str, row: Compared) -> str:
    """The reference with mixed5=0: 1.20 months worse; matters (3 seeds; a verdict on the architectures)."""
    return f"{network} with {verdict_sentence(row)}"


def differing(reference: Evident, own: Evident) -> list[str]:
    """Of groups that were lowered in both networks, those on which the two ablations do not say the same."""
    groups = dict.fromkeys(keys.group_of(row) for row in own.rows if reference.of(keys.group_of(row)))
    said = {group: (in_a_word(own, group), in_a_word(reference, group)) for group in groups}
    unlike = [
        f"{group} {here} around this network, and {there} around the reference"
        for group, (here, there) in said.items()
        if here != there
    ]
    return [sentence(f"the two ablations differ: {'; '.join(unlike)}")] if unlike else []


def in_a_word(found: Evident, group: str) -> str:
    if found.is_sure(group):
        return "matters"
    if found.costs_nothing(group):
        return "does not matter"
    if found.fails(group):
        return "could not be trained when lowered"
    return "is costly by estimate" if found.is_costly(group) else "has no verdict"


def needs_more(sure: Sequence[Compared], count: int) -> bool:
    """Whether a verdict says so of as many repeats, or of more."""
    return any(int(row.variant.partition("=")[2]) >= count for row in sure)


def despite(lowered: Sequence[str], otherwise: bool) -> list[str]:
    """Of groups that the reference needs and this network has fewer of; whether it differs from the reference `otherwise`, too."""
    if not lowered:
        return []
    also = ", and differs in other ways, too" if otherwise else ""
    return [
        f"The reference needs {', '.join(lowered)}; this network has fewer repeats of {'it' if len(lowered) == 1 else 'them'}{also}."
    ]
