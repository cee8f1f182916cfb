"""`l2h toy`: a generated country with known answers."""

from pathlib import Path

import click

from l2h.cli.progress import tell


@click.command("toy")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, another country.")
@click.option("--if-missing", is_flag=True, help="Do nothing where DIR already holds a project.")
@click.option("--km2", type=click.FloatRange(0.5, 25.0), default=6.0, show_default=True, help="Size of the country.")
@click.option("--extras", is_flag=True, help="Also Sentinel-2 medians, elevation, latitude and month as [[extras]].")
def toy(folder: Path, seed: int, if_missing: bool, km2: float, extras: bool) -> int:
    """Generate a toy country in DIR: imagery, products, OpenStreetMap, boundaries, survey, points, hidden truth."""
    if if_missing and (folder / "project.toml").is_file():
        click.echo(f"toy country in {folder} already", err=True)
        return 0
    from l2h.toy.stage import make_toy

    click.echo(f"generating a toy country of {km2:g} km² in {folder}", err=True)
    make_toy(folder, seed=seed, km2=km2, progress=tell, extras=extras)
    click.echo(f"next: l2h run {folder}", err=True)
    return 0


COMMANDS = {"toy": toy}
