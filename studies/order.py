"""The four studies in their order, and the command that runs each. A study is listed here and nowhere else."""

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
