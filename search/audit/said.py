"""What in the data may mislead a training, said before it."""

from pathlib import Path

from data.audit.measures import Audit
from data.store.disk import Store
from search.audit.page import write_page
from search.audit.remembered import audit_of, remember, worries_of
from search.output.terminal import log
from search.output.typed import typed


def audited(folder: Path, store: Store) -> tuple[Audit, Path]:
    """The audit of a run's data, and its page in the run's folder."""
    found = audit_of(store)
    remember(folder, store, found)
    return found, write_page(folder, store, found, folder)


def say_worries(folder: Path, store: Store, with_page: bool = False) -> None:
    """On stderr, before anything is trained: what in the data may mislead it."""
    page = audited(folder, store)[1] if with_page else None
    found = worries_of(folder, store)
    for worry in found:
        log(f"data: {worry}")
    if page:
        log(f"data: the audit is in {page}")
    elif found:
        log(f"data: `{typed('audit', folder)}` shows more")
