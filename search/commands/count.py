"""`boneage-search count`: parameters and MACs of an architecture, by arithmetic."""

import argparse

from data.counted import counted
from data.ranges import whole
from models.architecture import RANGES, UNITS, Architecture, ArchitectureError, Counts, changed
from models.cost import cost, training_bytes
from models.families import FAMILIES
from models.training.settings import RANGES as TRAINING
from search.commands import values
from search.commands.general.help import Subparsers, command
from studies.caps import Cap, over


def add_count_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--family", choices=list(FAMILIES), default=Architecture().family, help="table of layers (default %(default)s)"
    )
    parser.add_argument(
        "--beta", type=values.BETAS, default=1.0, metavar="β", help="width (default 1), as 1.2 or 1.2,mixed9=0.7"
    )
    parser.add_argument(
        "--blocks",
        type=values.BLOCKS,
        default=Counts(),
        metavar="COUNTS",
        help="4/3/3 (n5/n7/n9) or mixed0=1,mixed5=4; groups not named keep the family's stock count (default: all stock)",
    )
    parser.add_argument(
        "--fc",
        type=values.number(UNITS),
        default=0,
        metavar="UNITS",
        help="units of the additional fully connected layer",
    )
    parser.add_argument(
        "--sex-units",
        type=values.number(UNITS),
        default=32,
        metavar="UNITS",
        help="units of the layer on sex; 0 leaves sex out",
    )
    parser.add_argument(
        "--input-px",
        type=values.number(RANGES["input_px"]),
        default=0,
        metavar="PX",
        help="side to which the network's front shrinks the images (default 0: as they are)",
    )
    parser.add_argument(
        "--se-ratio",
        type=values.number(RANGES["se_ratio"]),
        default=0.0,
        metavar="RATIO",
        help="squeeze-and-excitation after every block group, units as a share of the channels (default 0, none)",
    )
    parser.add_argument(
        "--stem-pools",
        type=values.STEM_POOLS,
        default=(True, True),
        metavar="WHICH",
        help="both, first, second or none (default: both)",
    )
    parser.add_argument(
        "--channel-multiple",
        type=values.number(RANGES["channel_multiple"]),
        default=1,
        metavar="N",
        help="round filter counts to multiples of N (default 1)",
    )
    parser.add_argument(
        "--image-px",
        type=values.number(whole(1, 65_536)),
        default=300,
        metavar="PX",
        help="side of the image, for the MACs (default 300)",
    )
    parser.add_argument(
        "--max-params",
        type=values.PARAMS,
        metavar="PARAMS",
        help="say whether the network fits this cap; exit 2 if not",
    )
    parser.add_argument(
        "--max-macs", type=values.AMOUNT_OR_0, default=0, metavar="MACS", help="the same for its multiply-accumulates"
    )
    parser.add_argument(
        "--max-memory",
        type=values.AMOUNT_OR_0,
        default=0,
        metavar="BYTES",
        help="the same for the bytes that training needs",
    )
    parser.add_argument(
        "--batch",
        type=values.number(TRAINING["batch"]),
        default=32,
        metavar="IMAGES",
        help="images per step (default 32)",
    )
    parser.add_argument("--table1", action="store_true", help="the paper's Table 1 beside our counts")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_count(arguments: argparse.Namespace) -> int:
    from search.show.cost_table import show_cost, show_table1

    if arguments.table1:
        show_table1(arguments.json)
        return 0
    architecture = changed(
        Architecture(),
        {
            "family": arguments.family,
            **values.widths(arguments.beta),
            "blocks": arguments.blocks,
            "stem_pools": arguments.stem_pools,
            "sex_units": arguments.sex_units,
            "fc_units": arguments.fc,
            "se_ratio": arguments.se_ratio,
            "input_px": arguments.input_px,
            "channel_multiple": arguments.channel_multiple,
        },
    )
    costs = cost(architecture, arguments.image_px)
    show_cost(costs, arguments.image_px, arguments.json)
    batch = arguments.batch
    asked = (
        Cap("--max-params", "parameters", arguments.max_params, lambda cost: cost.params),
        Cap("--max-macs", "MACs", arguments.max_macs, lambda cost: cost.macs),
        Cap(
            "--max-memory",
            f"bytes in training, {counted(batch, 'image')} a step,",
            arguments.max_memory,
            lambda cost: training_bytes(cost, batch),
        ),
    )
    for cap in over((cap for cap in asked if cap.most), costs):
        raise ArchitectureError(f"{cap.measure(costs):,} {cap.unit} are over the cap of {cap.most:,}")
    return 0


def build(commands: Subparsers) -> None:
    count = command(
        commands,
        "count",
        run_count,
        "parameters and MACs of an architecture, by arithmetic",
        "boneage-search count --beta 1.4 --blocks 4/3/3 --fc 3072",
    )
    add_count_options(count)
