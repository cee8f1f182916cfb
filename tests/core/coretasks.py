"""Functions that other processes import by name, and a small chain to be killed; used by the tests beside it."""

import multiprocessing
import os
import signal
import struct
import sys
import threading
import time
from pathlib import Path

import numpy as np

from l2h.core.errors import GridError, InputError, StorageError
from l2h.core.executors import make_executor
from l2h.core.files import write_bytes, write_text
from l2h.core.grid import Block, Grid
from l2h.core.ledger import Ledger
from l2h.core.raster import BlockStore, write_raster
from l2h.core.tasks import Context, Hole, Made, Stage, Task, run_stage

GRID = Grid("EPSG:32650", 500_000.0, 3_400_000.0, 1.0, 40, 50)
BLOCK_PX = 10
DEADLY = 7


def square(number: int) -> int:
    return number * number


def longer(data: bytes) -> bytes:
    return data + data


def slow_square(number: int) -> int:
    time.sleep(0.02)
    return number * number


def refuse_seven(number: int) -> int:
    if number == DEADLY:
        raise GridError("seven", where="here", expected="less", got="7", hint="Do not.")
    return number


def fail_at_seven(number: int) -> int:
    return 1 // (number - DEADLY)


def die_at_seven(number: int) -> int:
    if number == DEADLY:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_once(item: tuple[int, str]) -> int:
    """Kill the worker the first time each item is seen."""
    number, folder = item
    mark = Path(folder) / str(number)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_while_sending(item: tuple[int, str]) -> int:
    """Kill the worker, once, in the middle of its answer: a header that announces more than ever comes."""
    number, folder = item
    mark = Path(folder) / "sent"
    if number == 0 and not mark.exists():
        mark.touch()
        pipe = sys._getframe(1).f_locals["pipe"]  # of the loop that called this
        os.write(pipe.fileno(), struct.pack("!i", 1000) + b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def unpicklable(number: int) -> object:
    """A result, or an error, that cannot travel."""
    if number == 0:
        return lambda: number
    raise UnpicklableError(threading.Lock())


class UnpicklableError(Exception):
    """Holds what cannot be pickled."""


def surroundings(_: int) -> tuple[int, str, str, bool]:
    """(process id, threads allowed, start method, Ctrl-C ignored) of whoever runs this."""
    start = multiprocessing.get_start_method(allow_none=True) or "none"
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    return os.getpid(), os.environ.get("OMP_NUM_THREADS", ""), start, ignored


def sleep_long(folder: str) -> int:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)
    return threading.active_count()


# tasks


def copy_text(target: Path, text: str, sources: tuple[Path, ...] = ()) -> Made:
    write_text(target, text + "".join(path.read_text("utf-8") for path in sources))
    return Made(info={"letters": np.int64(len(text))})


def with_hole(target: Path) -> Made:
    write_text(target, "holed")
    return Made((Hole("block r0c0", "the bytes are corrupt"),))


def refuse(why: str) -> Made:
    raise InputError("the input is bad", where=why, hint="Mend it.")


def stumble() -> Made:
    return Made(info={"never": {}["missing"]})


def fill_disk() -> Made:
    raise StorageError("cannot write a file", where="/full")


def forget() -> Made:
    return Made()


# a small chain of three steps: noise in blocks, sums of neighbours, one summary


def draw(path: Path, block: Block) -> Made:
    rng = np.random.default_rng([block.window.row_start, block.window.col_start])
    time.sleep(0.005)
    write_raster(path, rng.integers(0, 200, (1, *block.window.shape)).astype("uint8"), GRID, block.window)
    return Made()


def blur(path: Path, block: Block, store: BlockStore) -> Made:
    patch = store.read(block.window.pad(1))
    values, height, width = patch.values[0].astype("uint32"), block.window.height, block.window.width
    total = sum(values[r : r + height, c : c + width] for r in range(3) for c in range(3))
    write_raster(path, np.asarray(total, "uint16")[None], GRID, block.window, valid=np.ones((height, width), bool))
    return Made((Hole(block.name, "on purpose"),) if block.name == "r0000c0000" else ())


def sum_up(path: Path, store: BlockStore) -> Made:
    total = store.read(GRID.window).values.astype("int64").sum(2)
    write_bytes(path, total.tobytes())
    return Made(info={"sum": int(total.sum())})


def drawing(context: Context) -> list[Task]:
    store = context.store("noise")
    return [
        Task(f"toy/noise/{b.name}", draw, {"path": store.path(b), "block": b}, (), (store.path(b),))
        for b in store.blocks
    ]


def blurring(context: Context) -> list[Task]:
    noise, store = context.store("noise"), context.store("blurred")
    return [
        Task(
            f"toy/blurred/{b.name}",
            blur,
            {"path": store.path(b), "block": b, "store": noise},
            noise.paths_of(b.window.pad(1)),
            (store.path(b),),
        )
        for b in store.blocks
    ]


def summing(context: Context) -> list[Task]:
    store, path = context.store("blurred"), context.work / "sum.bin"
    return [Task("toy/sum", sum_up, {"path": path, "store": store}, store.paths_of(GRID.window), (path,))]


CHAIN = Stage("toy", (drawing, blurring, summing))


def main() -> None:
    """Run the chain; arguments: FOLDER EXECUTOR WORKERS."""
    folder, kind, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with make_executor(kind, workers) as executor:  # type: ignore[arg-type]
        run_stage(CHAIN, Context(folder, GRID, BLOCK_PX, Ledger(folder), executor))
