"""What a prepared store holds, in numbers, and the findings that were made of them."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from data.audit.balance import Comparison
from data.audit.images import Pictures, Twins
from data.audit.labels import Group
from data.audit.patients import Patients

RSNA_AGES_MONTHS = (1, 228)  # the range of RSNA's labels (Halabi et al. 2019)
INFANT_MONTHS = 24

Level = Literal["worry", "note"]


@dataclass(frozen=True)
class Finding:
    level: Level
    text: str


@dataclass(frozen=True)
class Audit:
    synthetic: bool
    image_px: int
    cases: int
    groups: list[Group]
    comparisons: list[Comparison]
    rare_years: dict[str, list[int]]  # by sex: years of bone age with few training cases
    infants: int  # cases younger than INFANT_MONTHS
    out_of_range_ids: list[str]  # ages outside RSNA_AGES_MONTHS
    pictures: Pictures
    twins: list[Twins]
    patients: Patients
    problems: dict[str, int]  # what was left out, by kind
    findings: list[Finding]  # worries first

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: through JSON, so that nothing else can be in it."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self), allow_nan=False))
        return found
