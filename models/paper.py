"""The paper's Table 1 (Ma 2021): its ten networks, and the parameters in millions and MAEs it reports for them.

Nine of the ten reproduce: our count, cut to whole millions, is the paper's figure. The last has the additional fully
connected layer, whose width the paper does not give: 3072 units give its 78M. The Baseline's 28M does not follow from its
own columns: β 1 with n5/n7/n9 2/1/2 is stock InceptionV3, 21,804,353 parameters.
"""

from dataclasses import dataclass

from models.architecture import Architecture, Blocks
from models.families.inception_v3 import INCEPTION_V3

PAPER_NAMES = {"mixed5": "n5", "mixed7": "n7", "mixed9": "n9"}  # of the counts of repeats


@dataclass(frozen=True)
class Table1Row:
    name: str
    architecture: Architecture
    paper_millions: int
    train_mae: float  # months, as the two below
    validation_mae: float
    test_mae: float | None = None  # it tested the last alone


def is_of_the_paper(architecture: Architecture) -> bool:
    """Whether it is of the family that Table 1 is about."""
    return architecture.family == INCEPTION_V3.name


def network(beta: float, n5: int, n7: int, n9: int, fc_units: int = 0, sex_units: int = 32) -> Architecture:
    return Architecture(beta, Blocks(mixed5=n5, mixed7=n7, mixed9=n9), sex_units=sex_units, fc_units=fc_units)


TABLE1 = (
    Table1Row("Baseline", network(1.0, 2, 1, 2), 28, 8.67, 8.33),
    Table1Row("Modified 1", network(1.2, 4, 1, 2), 36, 7.79, 8.26),
    Table1Row("Modified 2", network(1.3, 5, 1, 3), 55, 7.69, 8.13),
    Table1Row("Modified 3", network(1.2, 4, 3, 3), 51, 7.76, 8.03),
    Table1Row("Modified 4", network(1.0, 6, 4, 4), 47, 7.78, 8.12),
    Table1Row("Modified 5", network(1.2, 5, 4, 4), 65, 8.24, 8.28),
    Table1Row("Modified 6", network(1.1, 6, 5, 5), 66, 8.56, 8.78),
    Table1Row("Final no FC layer", network(1.4, 4, 3, 3), 69, 7.35, 7.95),
    Table1Row("Final no FC and gender info.", network(1.4, 4, 3, 3, sex_units=0), 69, 9.12, 9.44),
    Table1Row("Final", network(1.4, 4, 3, 3, fc_units=3072), 78, 6.85, 7.21, 5.6),
)
# What the depth study of the paper tried; the rows around them belong to the other stages.
MODIFIED = tuple(row.architecture for row in TABLE1 if row.name.startswith("Modified"))
