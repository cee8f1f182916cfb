"""`l2h toy`: a generated country with known answers."""

from pathlib import Path

import click

from l2h.cli.progress import make_progress


@click.command("toy")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, another country.")
@click.option("--km2", type=click.FloatRange(0.5, 25.0), default=6.0, show_default=True, help="Size of the country.")
def toy(folder: Path, seed: int, km2: float) -> int:
    """Generate a toy country in DIR: imagery, products, OpenStreetMap, boundaries, survey, points, hidden truth."""
    from l2h.toy.stage import make_toy

    with make_progress() as progress:
        made = make_toy(folder, seed=seed, km2=km2, progress=progress)
    click.echo(f"toy country in {made}\nnext: l2h run {made}", err=True)
    return 0


COMMANDS = {"toy": toy}
