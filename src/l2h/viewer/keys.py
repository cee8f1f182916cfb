"""Keys: which key of the keyboard stands for which class, from the legend alone."""

from dataclasses import dataclass

from l2h.core.legend import Legend

TAKEN = frozenset("uzdfl")  # letters of the page's own commands: undo, zoom, date, footprint, light


@dataclass(frozen=True)
class ClassKey:
    """A class and its keys: a digit for values 1 to 9, and a letter of its name."""

    value: int
    digit: str
    letter: str


def class_keys(legend: Legend) -> tuple[ClassKey, ...]:
    """The keys of every class, in the legend's order.

    A class takes the first letter of its name that is free, else the first free letter of the alphabet, else none.
    """
    free = [chr(c) for c in range(ord("a"), ord("z") + 1) if chr(c) not in TAKEN]
    keys = []
    for land_class in legend.classes:
        letter = next((c for c in (*land_class.name.lower(), *free) if c in free), "")
        free = [c for c in free if c != letter]
        keys.append(ClassKey(land_class.value, str(land_class.value) if land_class.value <= 9 else "", letter))
    return tuple(keys)
