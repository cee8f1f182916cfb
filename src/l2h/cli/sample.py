"""`l2h sample`: draw the points at which a map is judged."""

from pathlib import Path
from typing import Any

import click

from l2h.core.errors import UsageError

METHODS = ("simple_random", "systematic", "stratified", "two_stage")


@click.command("sample")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path))
@click.option("--method", type=click.Choice(METHODS), default="simple_random", show_default=True)
@click.option("--size", type=int, help="Points wanted.")
@click.option("--standard-error", type=float, help="Of overall accuracy, wanted: says the size.")
@click.option("--difference", type=float, help="Of two maps on the same points, to be seen: says the size.")
@click.option("--discordant", type=float, help="Share of the area where one map alone is right.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same points.")
@click.option("--strata", help="map, region, province, city, or a file: raster or polygons.")
@click.option("--strata-column", help="Column with the strata's names, of polygons.")
@click.option("--allocation", type=click.Choice(("proportional", "equal", "neyman")))
@click.option("--minimum", type=int, help="Points in each stratum at least.")
@click.option("--expected", metavar="NAME=P", multiple=True, help="Expected accuracy of a stratum; NAME all for all.")
@click.option("--block-px", type=int, help="Side of the blocks of two stages.")
@click.option("--per-block", type=int, help="Points in each block of two stages.")
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="GeoPackage; DIR/samples/METHOD-SEED.gpkg."
)
@click.option(
    "--ceo", metavar="FILE", type=click.Path(path_type=Path), help="Write a table for Collect Earth Online too."
)
@click.option(
    "--answers", metavar="FILE", type=click.Path(path_type=Path), help="Join answers from Collect Earth Online."
)
@click.option("--points", metavar="FILE", type=click.Path(path_type=Path), help="The sample that was answered.")
@click.option("--class-column", default="class", show_default=True, help="Column of the answers with the class.")
@click.option("--json", "as_json", is_flag=True, help="Print the design as JSON on standard output.")
def sample(folder: Path, out: Path | None, ceo: Path | None, as_json: bool, **given: Any) -> int:
    """Draw points with equal chance per ground area, with the design that estimators need.

    With --answers, join what was collected in Collect Earth Online to the sample it belongs to instead.
    """
    answers, points, column = given.pop("answers"), given.pop("points"), given.pop("class_column")
    if answers is not None:
        return _join(answers, points, column, out)
    settings = _settings(given)
    target = out or folder / "samples" / f"{settings.method}-{settings.seed}.gpkg"
    design = _draw(folder, settings, target)
    from l2h.accuracy.sampling.files import design_as_text, write_ceo

    click.echo(design_as_text(design), err=True)
    if ceo is not None:
        write_ceo(ceo, target)
    click.echo(design.to_json() if as_json else str(target))
    return 0


def _join(answers: Path, points: Path | None, column: str, out: Path | None) -> int:
    from l2h.accuracy.sampling.files import read_ceo

    if points is None or out is None:
        raise UsageError("--answers needs --points, the sample that was answered, and --out")
    number = read_ceo(answers, points, column, out)
    click.echo(f"{number} points have a class", err=True)
    click.echo(str(out))
    return 0


def _settings(given: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from l2h.accuracy.sampling.settings import SampleSettings

    expected, values = given.pop("expected"), {k: v for k, v in given.items() if v is not None}
    for text in expected:
        name, equals, number = text.rpartition("=")
        try:
            share = float(number)
        except ValueError:
            equals, share = "", 0.0
        if not equals or not name:
            raise UsageError("an expected accuracy needs NAME=P", got=text, hint="For example --expected water=0.95.")
        if name == "all":
            values["expected_accuracy"] = share
        else:
            values.setdefault("expected", {})[name] = share
    try:
        return SampleSettings(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "--" + str(first["loc"][0]).replace("_", "-") if first["loc"] else ""
        raise UsageError(str(first["msg"]).removeprefix("Value error, "), where=where) from error


def _draw(folder: Path, settings: Any, out: Path) -> Any:
    from l2h.accuracy.sampling.make import make_sample
    from l2h.pipeline import Pipeline

    with Pipeline.open(folder).context("serial", 1) as context:
        return make_sample(context, settings, out).design


COMMANDS = {"sample": sample}
