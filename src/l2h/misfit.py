"""What does not fit in a project file: pydantic's findings as one sentence that says what, where, and what to do."""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from l2h.core.errors import SettingsError

_LISTS = ("imagery", "products", "extras")  # at the top; [[compare.products]] is one too
_MISSING = {
    "licence": "Every source states its licence: an SPDX name such as CC-BY-4.0, or a few words.",
    "imagery": "At least one [[imagery]] entry names the scenes.",
    "products": "At least one [[products]] entry names a 10 m land-cover product.",
    "boundary": "It names the file with the outlines of the cities.",
}
# what pydantic calls a type → what a TOML file calls it
_TOML_TYPES = {
    "tuple_type": "a list", "list_type": "a list", "string_type": "a text in quotes", "bool_type": "true or false",
    "bool_parsing": "true or false", "int_type": "a whole number", "int_parsing": "a whole number",
    "int_from_float": "a whole number", "float_type": "a number", "float_parsing": "a number",
    "model_type": "a table of settings", "model_attributes_type": "a table of settings", "dict_type": "a table",
}  # fmt: skip


def misfit(
    model: type[BaseModel], values: Mapping[str, Any], error: ValidationError, path: Path, overrides: Sequence[str]
) -> SettingsError:
    """The first of pydantic's findings as one clear sentence; the others are counted.

    `values` are those that `model` refused, read from the file `path`, with `overrides` (`key=value`) put in.
    """
    first, more = error.errors(include_url=False)[0], error.error_count() - 1
    loc = first["loc"]
    place = ".".join(str(part) for part in loc)
    where = _origin(path, values, overrides, first) + (f"; {more} more of its settings do not fit" if more else "")
    if first["type"] == "extra_forbidden":
        return SettingsError(f"unknown setting '{place}'", where=where, hint=_nearest(model, loc))
    if first["type"] == "missing":
        what = f"section [{place}] is missing" if len(loc) == 1 else f"setting '{place}' is missing"
        return SettingsError(what, where=where, hint=_MISSING.get(str(loc[-1]), "docs/settings.md explains every key."))
    text = str(first["msg"])
    if first["type"] == "value_error":
        text = text.removeprefix("Value error, ")
        return SettingsError(f"section [{place}] does not fit together: {text}" if place else text, where=where)
    got = "" if isinstance(first["input"], Mapping | list) else repr(first["input"])
    hint = "A list of tables has double brackets: [[imagery]], [[products]]." if loc[-1] in _LISTS else ""
    return SettingsError(f"setting '{place}' cannot be used", where=where, expected=_wanted(first), got=got, hint=hint)


def _wanted(found: Any) -> str:
    """What a setting should be, in the words of a TOML file."""
    if found["type"] in _TOML_TYPES:
        return _TOML_TYPES[found["type"]]
    text = str(found["msg"])
    if found["type"] == "literal_error":
        near = difflib.get_close_matches(str(found["input"]), re.findall(r"'([^']*)'", text), n=1)
        return text.removeprefix("Input should be ") + (f" (did you mean '{near[0]}'?)" if near else "")
    text = re.sub(r"^(Input|Value|Tuple|String) should ", "", text)
    return text.replace("match ", "a text that matches ").removeprefix("be ").removeprefix("have ")


def _origin(path: Path, values: Mapping[str, Any], overrides: Sequence[str], found: Any) -> str:
    """Where a setting was given: the option that set it, else the file, with the name of the layer it is about."""
    loc = found["loc"]
    place = ".".join(str(part) for part in loc)
    for override in overrides:
        key = override.partition("=")[0].strip()
        reaches_in = f"{key}.".startswith(f"{place}.") and found["type"] != "value_error"
        if f"{place}.".startswith(f"{key}.") or reaches_in:
            return f"--set {override}"
    if len(loc) > 2 and isinstance(loc[1], int):
        entry = values[str(loc[0])][loc[1]]
        if isinstance(entry, Mapping) and "name" in entry:
            return f"{path}, [[{loc[0]}]] '{entry['name']}'"
    return str(path)


def _nearest(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    """A hint towards what was meant by an unknown key: the nearest one here, else the section that has it."""
    known = _known_keys(model, loc[:-1])
    near = difflib.get_close_matches(str(loc[-1]), known, n=1)
    if near:
        return f"Did you mean '{near[0]}'?"
    elsewhere = [name for name in model.model_fields if loc[-1] in _known_keys(model, (name,))]
    if elsewhere:
        return f"It belongs into [{elsewhere[0]}]."
    return f"Known here: {', '.join(known)}."


def _known_keys(model: Any, place: Sequence[str | int]) -> list[str]:
    """Names of the settings at a place of the tree; list numbers are passed over."""
    for part in place:
        if isinstance(part, int):
            continue
        model = _inner_model(model.model_fields[part].annotation)
    return list(model.model_fields)


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return (
        next(m for m in map(_inner_model, getattr(annotation, "__args__", ())) if m is not None)
        if hasattr(annotation, "__args__")
        else None
    )
