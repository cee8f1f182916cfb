"""What is refused before a run begins: what would else fail after hours of its first stages."""

from collections.abc import Callable, Collection
from pathlib import Path

from l2h.core.errors import GridError, InputError, SettingsError
from l2h.core.grid import Grid
from l2h.facts import layer_facts
from l2h.project import PROJECT_FILE, Project
from l2h.sources.links import FETCHED


def check_crs(project: Project, folder: Path) -> None:
    """SettingsError where the CRS of the lattice is not known or not in metres."""
    from l2h.core.crs import metres_per_unit, parse_crs

    lattice, where = project.grid, f"{folder / PROJECT_FILE}, [grid] crs"
    try:
        unit_m = metres_per_unit(lattice.crs)
    except GridError as error:
        raise SettingsError(error.what, where=where, got=repr(lattice.crs), hint=error.hint) from error
    if parse_crs(lattice.crs).is_geographic or abs(unit_m - 1) > 1e-9:
        raise SettingsError(
            "the lattice is not in metres",
            where=where,
            expected="a projected CRS in metres, such as a UTM zone or an equal-area one",
            got=lattice.crs,
            hint="`l2h init` chooses one that suits the imagery.",
        )


def check_files(project: Project, folder: Path, stages: Collection[str]) -> None:
    """InputError where a file that the project names singly, and that one of the stages reads, is not there."""
    named = [("layers", "boundary.path", project.boundary.local)]
    if project.survey:
        named += [(stage, "survey.path", project.survey.local) for stage in ("layers", "survey")]
    if project.calibration:
        named += [("map", "calibration.points", project.calibration.points)]
    if project.reference:
        named += [(stage, "reference.points", project.reference.points or "") for stage in ("assess", "compare")]
        named += [("assess", "reference.truth", project.reference.truth or "")]
    clean = project.learning.clean
    named.append(("train", "learning.clean.points", clean.points or ""))
    named += [("train", "learning.clean.drawn", path) for path in clean.drawn]
    for stage, key, path in named:
        if stage in stages and path and not (folder / path).is_file():
            beside = f"Paths in the project file are relative to {folder}."
            raise InputError(
                f"the file that '{key}' names is missing",
                where=str(folder / path),
                hint="Run `l2h fetch` in the project first." if path.startswith(FETCHED) else beside,
            )


def check_points(project: Project, folder: Path, stages: Collection[str], grid: Callable[[], Grid]) -> None:
    """InputError where points that one of the stages reads cannot be used: no such column, class, CRS, place or design.

    grid : gives the lattice; asked only where there are points, since it may have to read the outlines
    """
    from l2h.accuracy.apart import read_calibration
    from l2h.accuracy.stage import read_reference
    from l2h.clean.stage import read_clean

    reference, calibration, clean = project.reference, project.calibration, project.learning.clean
    if "assess" in stages and reference is not None and reference.points is not None:
        read_reference(folder / reference.points, reference, grid())
    if "map" in stages and calibration is not None:
        read_calibration(folder, calibration, reference, grid())
    if "train" in stages and clean.points is not None:
        read_clean(folder, clean, reference, grid())


def check_training(project: Project) -> None:
    """SettingsError where the rights of a layer bar training."""
    barred = [fact for fact in layer_facts(project) if not fact.may_train]
    if barred:
        names = ", ".join(f"'{fact.name}' ({fact.licence})" for fact in barred)
        raise SettingsError(
            f"a network may not be trained on: {names}",
            expected="may_train = true for every layer",
            hint="Leave the layer out, or set may_train where its terms allow it.",
        )
