"""The four studies in their order, the command that runs each, and its question. A study is listed here and nowhere else."""

from typing import cast

from studies import ablation, depth, refinement, width
from studies.study import Study

STUDIES: dict[str, Study] = {
    "ablation": cast(Study, ablation),
    "width": cast(Study, width),
    "depth": cast(Study, depth),
    "refinement": cast(Study, refinement),
}
COMMANDS = {"ablation": "ablate", "width": "width", "depth": "depth", "refinement": "refine"}  # how people type them
QUESTIONS = {
    "ablation": "which block groups does the network need",
    "width": "how narrow may the network be, and where does widening stop paying",
    "depth": "how often should the key blocks be repeated, under the cap",
    "refinement": "the final width, fully connected layer and dropout",
}


def study_name(name: str) -> str:
    """As it is stored: numbered, so that the dashboard lists the studies in their order."""
    return f"{list(STUDIES).index(name) + 1} {name}"
