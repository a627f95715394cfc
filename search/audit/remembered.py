"""The audit of a store, whose findings the run's folder remembers while nothing they depend on changes."""

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from data.audit.audit import audit
from data.audit.measures import Audit
from data.store.disk import Store, digest_of
from data.tables.dicom_cases import is_header_age
from search.output.files import may_be_written, write_text
from search.output.terminal import log

REMEMBERED = "audit.json"  # in the run's folder
SAID_FROM = 1_000  # images; fewer are audited within a second or two


def worries(audit: Audit) -> list[str]:
    """What to put right, or to keep in mind, before results are believed."""
    return [finding.text for finding in audit.findings if finding.level == "worry"]


def audit_of(store: Store) -> Audit:
    if len(store.cases) >= SAID_FROM:
        log(f"auditing {len(store.cases):,} images")
    since_birth = is_header_age(store.info["settings"].get("age_column", ""))
    return audit(
        store.cases,
        store.problems,
        store.images,
        store.image_px,
        store.synthetic,
        since_birth,
        store.patients,
        store.films,
        store.prepared_as.stretch,
        store.films_fault,
        store.other_sexes,
        not store.patients_as_now,
        store.worries,
    )


def worries_of(folder: Path, store: Store) -> list[str]:
    """The worries about a run's data: as the run's folder remembers them, where it has audited this very store."""
    try:
        there = json.loads((folder / REMEMBERED).read_text(encoding="utf-8"))
        if there["of"] == audited_as(store):
            return [str(finding["text"]) for finding in there["findings"] if finding["level"] == "worry"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass  # none, or one of another version or hand: audited again
    found = audit_of(store)
    if folder.is_dir() and may_be_written(folder):
        remember(folder, store, found)
    return worries(found)


def remember(folder: Path, store: Store, found: Audit) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    findings = [asdict(finding) for finding in found.findings]
    write_text(folder / REMEMBERED, json.dumps({"of": audited_as(store), "findings": findings}, indent=1) + "\n")


def audited_as(store: Store) -> list[str]:
    """What the findings depend on: the program, the cases and images, what was left out, whose they are."""
    return [
        version("boneage-search"),
        store.digest,
        digest_of(store.path / "problems.csv"),
        str(store.info.get("sides")),
        store.films_fault,
        *([json.dumps(store.other_sexes)] if store.other_sexes else []),
        *store.worries,
    ]
