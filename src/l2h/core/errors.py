"""The errors a user can meet.

    L2HError                 exit status 1: the work failed
    ├── UsageError           exit status 2: the command or the settings are wrong
    │   └── SettingsError
    ├── InputError           a file that came in cannot be used as it is
    │   ├── GridError        CRS, resolution, orientation or extent do not fit
    │   ├── LegendError      a code, a class or a crosswalk does not fit
    │   ├── BoundaryError    outlines or their names do not fit
    │   └── CheckpointError  a network file does not fit
    ├── StorageError         the disk is full or refuses to be written
    ├── VerificationError    a file differs from what was recorded
    └── TaskError            a task of a stage failed; the others were kept

Every message says what failed, where, what was expected and found, and what to do.
"""


class L2HError(Exception):
    """Base of all errors raised on purpose.

    The message is one sentence per part: what failed, where, what was expected against what was found, and what to do.
    """

    exit_status = 1

    def __init__(self, what: str, *, where: str = "", expected: str = "", got: str = "", hint: str = "") -> None:
        self.what, self.where, self.expected, self.got, self.hint = what, where, expected, got, hint
        super().__init__(self.__str__())

    def __str__(self) -> str:
        text = self.what + (f" ({self.where})" if self.where else "")
        facts = [f"expected {self.expected}"] if self.expected else []
        facts += [f"got {self.got}"] if self.got else []
        text += f": {', '.join(facts)}" if facts else ""
        return f"{text.rstrip('.')}. {self.hint}".rstrip()

    def __reduce__(self) -> tuple[object, ...]:
        """Keep keyword-only parts when the error crosses a process border."""
        return _rebuild, (type(self), self.what, self.where, self.expected, self.got, self.hint)


def _rebuild(kind: type[L2HError], what: str, where: str, expected: str, got: str, hint: str) -> L2HError:
    return kind(what, where=where, expected=expected, got=got, hint=hint)


class UsageError(L2HError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_status = 2


class SettingsError(UsageError):
    """A project file has an unknown key, a missing key or a value out of range."""


class InputError(L2HError):
    """A file that came in cannot be used as it is."""


class GridError(InputError):
    """CRS, resolution, orientation or extent do not fit."""


class LegendError(InputError):
    """A code, a class or a crosswalk does not fit."""


class BoundaryError(InputError):
    """Outlines or their names do not fit."""


class CheckpointError(InputError):
    """A network file does not fit the project."""


class StorageError(L2HError):
    """The disk is full or refuses to be written; what was whole before stays whole."""


class VerificationError(L2HError):
    """A file differs from what was recorded when it was made."""


class TaskError(L2HError):
    """At least one task of a stage failed; what the others made is kept."""
