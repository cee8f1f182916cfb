"""The first sheet of an .xlsx file as text, row by row; values only, no formula is ever computed."""

import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from l2h.core.errors import InputError

MAX_ROWS, MAX_BYTES = 1_000_000, 1 << 29  # a survey has thousands of rows; a bomb unpacks to gigabytes


def read_spreadsheet(path: Path) -> tuple[list[str], list[dict[str, str | None]]]:
    """Header and rows of the first sheet, cells as text; rows without any value are left out.

    InputError where the extra `xlsx` is not installed, or the file is no spreadsheet, holds errors (#DIV/0!), or is
    larger than a survey can be. A formula whose value was never saved is an empty cell.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise InputError(
            "spreadsheets cannot be read here", where=str(path), hint="pip install 'l2h[xlsx]', or save it as CSV."
        ) from error
    _check_size(path)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise InputError("a spreadsheet cannot be read", where=str(path), got=str(error)) from error
    try:  # rows are read as they are asked for, and so is what is wrong with them
        rows = [
            [_text(cell, path, number) for cell in row]
            for number, row in enumerate(book.worksheets[0].iter_rows(max_row=MAX_ROWS + 1), start=1)
        ]
    except (ParseError, IndexError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError("a spreadsheet cannot be read", where=str(path), got=str(error)) from error
    finally:
        book.close()
    if len(rows) > MAX_ROWS:
        raise InputError("a spreadsheet is too long", where=str(path), expected=f"at most {MAX_ROWS} rows")
    header = [name or "" for name in rows[0]] if rows else []
    return header, [dict(zip(header, row, strict=False)) for row in rows[1:] if any(row)]


def _check_size(path: Path) -> None:
    """InputError for what is no archive, or unpacks to more than a survey."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        raise InputError("a spreadsheet cannot be read", where=str(path), got=str(error)) from error
    if size > MAX_BYTES:
        raise InputError("a spreadsheet is too large", where=str(path), expected=f"≤ {MAX_BYTES} B", got=str(size))


def _text(cell: Any, path: Path, number: int) -> str | None:
    """A cell as CSV would have it: numbers with all their digits, dates as ISO days."""
    if cell.data_type == "e":
        raise InputError("a cell of a spreadsheet holds an error", where=f"{path}, line {number}", got=str(cell.value))
    if cell.value is None:
        return None
    if hasattr(cell.value, "isoformat"):
        return str(cell.value.isoformat())[:10]
    return repr(cell.value) if isinstance(cell.value, float) else str(cell.value)
