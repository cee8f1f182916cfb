"""Verification of a workspace: every recorded file hashed again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from l2h.core.files import sha256_file
from l2h.core.ledger import FileState, Ledger

Fault = Literal["missing", "differs"]


@dataclass(frozen=True)
class Difference:
    """A recorded file that is not what it was."""

    path: Path
    fault: Fault
    expected: str
    got: str = ""


def workspace_files(ledger: Ledger) -> dict[str, FileState]:
    """Every output the ledger holds: path below the project → state when it was made."""
    return {name: state for record in ledger.records() for name, state in record.outputs.items()}


def verify_workspace(ledger: Ledger) -> Iterator[Difference]:
    """Hash every recorded output again, whatever its size and time say; yield those that differ."""
    for name, state in sorted(workspace_files(ledger).items()):
        path = ledger.root / name
        if not path.is_file():
            yield Difference(path, "missing", state.sha256)
            continue
        got = sha256_file(path)
        if got != state.sha256:
            yield Difference(path, "differs", state.sha256, got)
