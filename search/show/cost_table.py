"""What a network costs, as a table or JSON, and the paper's own counts beside ours; on stdout."""

from rich.table import Table

from models.cost import Cost, cost
from search.output.terminal import say, show_json
from search.show.console import console


def show_cost(counted: Cost, image_px: int, as_json: bool) -> None:
    groups = {name: vars(group) | {"output": list(group.output)} for name, group in counted.groups.items()}
    if as_json:
        show_json(vars(counted) | {"image_px": image_px, "groups": groups})
        return
    table = Table(caption=f"MACs of one {image_px}×{image_px} image, forward; GAP channels: {counted.gap_channels}")
    for column in ("part", "parameters", "trainable", "MACs", "output"):
        table.add_column(column, justify="left" if column == "part" else "right")
    for name, group in counted.groups.items():
        table.add_row(
            name,
            *(f"{value:,}" for value in (group.params, group.trainable_params, group.macs)),
            "×".join(map(str, group.output)),
        )
    table.add_section()
    table.add_row("total", f"{counted.params:,}", f"{counted.trainable_params:,}", f"{counted.macs:,}", "")
    console().print(table)


def show_table1(as_json: bool) -> None:
    from models.paper import TABLE1

    counted = [(row.name, row.paper_millions, cost(row.architecture, 300).params) for row in TABLE1]
    if as_json:
        rows = [dict(zip(("name", "paper_millions", "params"), row, strict=True)) for row in counted]
        show_json(rows)
        return
    table = Table(title="Table 1 of the paper")
    for column in ("network", "paper", "ours", ""):
        table.add_column(column, justify="left" if column == "network" else "right")
    for name, paper_millions, params in counted:
        match = "matches" if params // 1_000_000 == paper_millions else "differs"
        table.add_row(name, f"~{paper_millions}M", f"{params:,}", match)
    console().print(table)
    say("A row matches if our count, cut to whole millions, equals the paper's. The Baseline's 28M does not follow")
    say("from the paper's own columns: β 1 with n5/n7/n9 2/1/2 is stock InceptionV3.")
