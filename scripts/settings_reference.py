#!/usr/bin/env python3
"""Write docs/settings.md from the settings models: every section, key, type, default and meaning.

python scripts/settings_reference.py           # writes docs/settings.md
python scripts/settings_reference.py --check   # status 1 where it is out of date
"""

import argparse
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from l2h.learning.regimes import REGIMES, SIZES
from l2h.learning.settings import RECIPES as LEARNING_RECIPES
from l2h.learning.settings import LearningSettings
from l2h.project import RECIPES, Project

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """\
# Settings

One `project.toml` per project. Unknown keys are refused with the nearest known one; any key can be set for one run with
`--set section.key=value` (entries of a list by number: `--set products.0.date=2021`). Paths are relative to the
project's folder. Units stand in the names. `l2h init` writes a first file.

Generated from the code by `scripts/settings_reference.py`; do not edit it here.
"""
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", date: "date"}
BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "multiple_of": "multiple of {}"}


def reference() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, field in Project.model_fields.items():
        parts += section(name, field)
    parts += recipes() + regimes()
    return "\n".join(parts)


def section(name: str, field: FieldInfo) -> list[str]:
    """Heading, meaning and table of a section, and of the sections inside it."""
    model, many = model_of(field.annotation)
    if model is None:
        raise TypeError(f"{name} is no section")
    title = f"[[{name}]]" if many else f"[{name}]"
    needed = "required" if field.is_required() else "may be left out"
    lines = [f"## `{title}`", "", f"{summary(model)} ({'one or more, ' if many else ''}{needed})", ""]
    lines += ["| Key | Value | Default | Meaning |", "|---|---|---|---|"]
    meanings = meanings_of(model)
    inner = []
    for key, value in model.model_fields.items():
        below, _ = model_of(value.annotation)
        if below is not None:
            inner += section(f"{name}.{key}", value)
            continue
        if key not in meanings:
            raise KeyError(f"the docstring of {model.__name__} does not explain '{key}'")
        cells = (f"`{key}`", type_text(value.annotation, value.metadata), default_text(value), meanings[key])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [*lines, "", *inner]


def recipes() -> list[str]:
    """What the recipes of learning set."""
    lines = ["## Recipes", "", "`learning.recipe` sets what the user leaves out:", ""]
    for name, own in LEARNING_RECIPES.items():
        rooms: dict[str, Mapping[str, Any]] = {"learning": own, **RECIPES.get(name, {})}
        words = [f"`{room}.{key} = {json.dumps(value)}`" for room, keys in rooms.items() for key, value in keys.items()]
        lines.append(f"- `{name}`: {', '.join(words) or 'the defaults above'}")
    return [*lines, ""]


def regimes() -> list[str]:
    """What the regimes of learning set, beside the defaults."""
    keys = sorted({key for own in REGIMES.values() for key in own})
    rows: dict[str, list[object]] = {
        "passes over the area": [size.passes for size in SIZES.values()],
        "megapixels, at least and at most": [f"{size.least:g} to {size.most:g}" for size in SIZES.values()],
    }
    settings = [LearningSettings(regime=regime) for regime in REGIMES]  # type: ignore[arg-type]
    rows |= {f"`{key}`": [getattr(chosen, key) for chosen in settings] for key in keys}
    lines = ["## Regimes", "", "`learning.regime` sets how large a training is; keys given explicitly override it:", ""]
    lines += ["| | " + " | ".join(f"`{regime}`" for regime in REGIMES) + " |", "|---" * (1 + len(REGIMES)) + "|"]
    return [*lines, *("| " + " | ".join(map(str, (name, *cells))) + " |" for name, cells in rows.items()), ""]


def model_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The settings model behind an annotation, and whether there may be many."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for part in typing.get_args(annotation):
        model, _ = model_of(part)
        if model is not None:
            return model, typing.get_origin(annotation) is tuple
    return None, False


def summary(model: type[BaseModel]) -> str:
    """The prose of the docstring, before the keys."""
    names, prose = set(model.model_fields), []
    for line in inspect.cleandoc(model.__doc__ or "").splitlines():
        if keys_of(line, names):
            break
        prose.append(line.strip())
    return " ".join(filter(None, prose))


def meanings_of(model: type[BaseModel]) -> dict[str, str]:
    """Key → meaning, from the docstrings of the model and of what it inherits from."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each.__doc__ and each is not BaseModel:
            found |= dict(entries(inspect.cleandoc(each.__doc__), set(model.model_fields)))
    return found


def entries(doc: str, names: set[str]) -> Iterator[tuple[str, str]]:
    """(key, meaning) of each line "key : meaning" or "key, key  meaning" with the indented lines that go on."""
    keys: list[str] = []
    texts: list[str] = []
    for line in [*doc.splitlines(), "."]:
        new = keys_of(line, names)
        if new or not line.startswith(" "):
            yield from ((key, " ".join(texts)) for key in keys)
            keys, texts = new, [line_text(line)] if new else []
        elif keys:
            texts.append(line.strip())


ENTRY = re.compile(r"^(\w+(?:, \w+)*)(?:\s*:\s+|\s{2,})(\S.*)$")


def keys_of(line: str, names: set[str]) -> list[str]:
    """The keys a line of a docstring begins to explain; none for prose."""
    match = ENTRY.match(line)
    keys = match[1].split(", ") if match else []
    return keys if set(keys) <= names else []


def line_text(line: str) -> str:
    match = ENTRY.match(line)
    return match[2].replace("``", "`") if match else ""


def type_text(annotation: Any, metadata: list[Any]) -> str:
    """An annotation in the words of a TOML file, with its bounds."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_text(arguments[0], [*arguments[1:], *metadata])
    if origin is typing.Literal:
        return " or ".join(f"`{json.dumps(value)}`" for value in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(type_text(part, metadata) for part in arguments if part is not type(None))
    if origin is tuple:
        return tuple_text(arguments)
    if origin is dict:
        kind, comma, limits = type_text(arguments[1], []).partition(", ")
        return f"table of {kind}s{comma}{limits}"
    limits = [text for item in metadata for text in bounds(item)]
    return ", ".join([WORDS.get(annotation, annotation.__name__), *limits])


def tuple_text(arguments: tuple[Any, ...]) -> str:
    if arguments[-1] is Ellipsis and typing.get_origin(arguments[0]) is tuple:
        return f"list of {type_text(arguments[0], [])}"
    if arguments[-1] is Ellipsis:
        kind, _, limits = type_text(arguments[0], []).partition(", ")
        return f"list of {kind}s{', each ' * bool(limits)}{limits}"
    return f"[{', '.join(type_text(part, []) for part in arguments)}]"


def bounds(item: Any) -> Iterator[str]:
    """The limits that a piece of a field's metadata sets."""
    if isinstance(item, FieldInfo):
        for inner in item.metadata:
            yield from bounds(inner)
    for name, text in BOUNDS.items():
        if getattr(item, name, None) is not None:
            yield text.format(getattr(item, name))
    pattern = getattr(item, "pattern", None)
    if pattern:
        yield f"matches `{pattern}`"


def default_text(field: FieldInfo) -> str:
    """A default as TOML writes it."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; status 1 where the page is out of date")
    wanted, there = reference(), PAGE.read_text("utf-8") if PAGE.is_file() else ""
    if parser.parse_args().check:
        return int(wanted != there)
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
