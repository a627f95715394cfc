"""Which studies of a database are a run's: those whose names carry the run's id, as `1 ablation [4f0c9a1e]`.

The id is made once and stays in the run's `run.json`, so runs live side by side in one database, and a run goes on on
whatever machine its folder is. Studies that earlier versions made have plain names: they are those of the run whose
`run.json` is as old, until a run says in their attributes that they are its own.
"""

import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from studies.order import EVERY, STUDIES, study_name

ID, PLAIN = "id", "plain_names"  # in run.json
RUN = "run"  # a study's attribute: the id of the run that it belongs to
NAMED = re.compile(r"\d+ \w+ \[([0-9a-f]+)\]")


def is_ours(name: str) -> bool:
    """Whether a study of this program is called so."""
    return bool(NAMED.fullmatch(name)) or name in map(study_name, EVERY)


@dataclass(frozen=True)
class Identity:
    id: str  # empty where the run has none yet
    plain: bool  # whether studies of plain names may be its own

    def names(self, name: str) -> Iterator[str]:
        """What the study may be called in the database, the likeliest first."""
        if self.id:
            yield study_name(name, self.id)
        if self.plain:
            yield study_name(name)

    def owns(self, attrs: Mapping[str, Any]) -> bool:
        """Whether a study that is called so, with these attributes, is the run's."""
        return not self.id or attrs.get(RUN, self.id) == self.id


def identity(settings: Mapping[str, Any], stored: Callable[[], Collection[str]]) -> Identity:
    """Of the run with these settings, those of its `run.json`; `stored` gives the names of the studies in its database.

    Where there is no `run.json` to say which run is meant, it is the one whose studies the database holds, if that is one.
    """
    if ID in settings:
        return Identity(str(settings[ID]), bool(settings.get(PLAIN)))
    return Identity("" if settings else sole_id(stored()), plain=True)


def kept(settings: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """What `run.json` is to hold of the run's identity, made now if it holds none.

    `own` are the names of the studies in the run's own folder: they are the run's, if its `run.json` was lost, too.
    """
    if ID in settings:
        return {name: settings[name] for name in (ID, PLAIN) if name in settings}
    made = ("" if settings else sole_id(own)) or secrets.token_hex(4)
    return {ID: made} | ({PLAIN: True} if settings or not set(own).isdisjoint(map(study_name, STUDIES)) else {})


def sole_id(names: Collection[str]) -> str:
    """The id that all of these studies carry which carry one; empty where there are several, or none."""
    ids = {found[1] for name in names if (found := NAMED.fullmatch(name))}
    return ids.pop() if len(ids) == 1 else ""
