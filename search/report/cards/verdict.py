"""What one comparison came to, as a sentence."""

from data.counted import counted
from data.written import change_between
from studies.findings import Compared


def verdict_sentence(row: Compared) -> str:
    seeds = counted(row.seeds, "seed")
    if row.change is None:
        return f"{row.variant}: {row.verdict} ({seeds})."
    within = ""
    if row.low is not None and row.high is not None:
        within = f" (95% interval {change_between(row.low, row.high)})"
    if row.scope == "architectures" and row.said == "not tested":
        said = f"not tested ({seeds})"
    elif row.scope == "architectures" and not row.favoured:
        said = f"{row.verdict} ({seeds}; a verdict on the architectures)"
    elif row.verdict == "these trained models differ":
        said = f"these trained models differ over the images ({seeds}; no verdict on the architectures)"
    elif row.favoured:
        said = f"{row.said}, as these same trainings picked it ({seeds})"
    else:
        said = f"{row.verdict} ({seeds}; holds for these trained models only)"
    return f"{row.variant}: {row.changed}{within}; {said}."
