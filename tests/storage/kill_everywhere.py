"""Kill a writer at every write event, or fill its disk there; the same call must then finish.

    python tests/storage/kill_everywhere.py [WORK ...] [--points N] [--first N] [--full] [--also N]

Each attempt is a forked process. write_events.c, which a C compiler makes into a library that is
loaded before all others, ends it before one of its writes below a folder, or in the middle of one.
With --full, no byte fits on the disk from there on; --also does that at N events after the others.
Then the same call, in another process, has to end in the same files as if nothing had happened.
Before it does, readers must refuse what is there.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]
KILLED, HALF, FULL = 1, 2, 3
#: Seconds for an attempt.
LIMIT = 600
#: Names that may stay behind: logs, and what a checkpoint holds of times.
LOGS = re.compile(r"/(logs|tensorboard|checkpoints|latents)/")


@dataclass
class Work:
    """Something that is written: by a call that is told whether it resumes; whole or not."""

    write: Callable[[Path, bool], Any]
    #: Whether a reader takes it for whole.
    believed: Callable[[Path], Any]
    #: What is there before.
    before: Callable[[Path], Any] | None = None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "work", nargs="*", help="default: all but part, which needs the recipes' environment"
    )
    parser.add_argument("--points", type=int, help="so many events of each (default: all)")
    parser.add_argument("--first", type=int, default=1, help="none before the event of this number")
    parser.add_argument("--full", action="store_true", help="a full disk instead of a kill")
    parser.add_argument("--also", type=int, default=0, help="so many events with a full disk, too")
    parser.add_argument("--folder", default=None, help="where to write (default: a temporary one)")
    given = parser.parse_args()
    if "write_events" not in os.environ.get("LD_PRELOAD", ""):
        with tempfile.TemporaryDirectory() as built:
            library = f"{built}/write_events.so"
            source = str(HERE / "write_events.c")
            subprocess.run(
                ["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True
            )
            once = {"LD_PRELOAD": library, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
            return subprocess.run([sys.executable, *sys.argv], env=os.environ | once).returncode
    if given.folder:
        Path(given.folder).mkdir(parents=True, exist_ok=True)
    known, bad = works_of("works_of_parts" if given.work == ["part"] else "works"), 0
    if not {*given.work} or {*given.work} - known.keys():
        known |= works_of("works_of_models")
    for name in given.work or known:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            bad += campaign(name, known[name], Path(folder), given)
    return min(bad, 1)


def works_of(module: str) -> dict[str, Work]:
    return dict(importlib.import_module(module).WORKS)


def campaign(name: str, work: Work, folder: Path, given: argparse.Namespace) -> int:
    """Disturb a work at its events, and print what became of it."""
    began, base = time.monotonic(), folder / "base"
    base.mkdir()
    if work.before:
        told(lambda: work.before(base))
    whole = shutil.copytree(base, folder / "whole")
    found = told(lambda: counted(work, whole))
    for module in found["modules"]:  # once, instead of in each attempt
        with suppress(Exception):
            importlib.import_module(module)
    kinds, wanted = found["kinds"], contents(whole)
    points = list(disturbances(kinds, given))
    outcome: Counter = Counter()
    for at, how in tqdm(points, name, file=sys.stderr):
        here = Path(shutil.copytree(base, folder / "here"))
        try:
            said = attempt(work, here, whole, wanted, at, how)
        except Failed as error:
            said = f"stuck: {last_words(error)}"
        outcome[said.partition(":")[0]] += 1
        if ":" in said:
            print(f"  {name} {at}/{len(kinds)} {('', 'before', 'half', 'full')[how]}: {said}")
        shutil.rmtree(here)
    shown = ", ".join(f"{n} {what}" for what, n in sorted(outcome.items()))
    seconds = time.monotonic() - began
    print(f"{name}: {len(kinds)} events, {len(points)} disturbed: {shown} ({seconds:.0f} s)")
    return outcome["stuck"] + outcome["wrong"] + outcome["believed"] + outcome["foreign"]


def disturbances(kinds: str, given: argparse.Namespace) -> Iterator[tuple[int, int]]:
    """Yield numbers of events, from 1 on, and what happens there."""
    for at in spread(given.points or len(kinds), len(kinds)):
        if at < given.first:
            continue
        yield at, FULL if given.full else KILLED
        if kinds[at - 1] == "b" and not given.full:
            yield at, HALF
    for at in spread(given.also, len(kinds)):
        yield at, FULL


def spread(number: int, events: int) -> list[int]:
    """Return numbers of so many events, over all of them; the first is 1."""
    number = min(number, events)
    return [1 + n * events // number for n in range(number)]


def attempt(work: Work, here: Path, whole: Path, wanted: dict[str, str], at: int, how: int) -> str:
    """Disturb a work once, look at what is there, do it again; return what came of it."""
    try:
        told(lambda: disturbed(work, here, at, how))
    except Failed as error:
        if how == FULL and not last_words(error).startswith("xldm.errors"):
            return f"foreign: {last_words(error)}"
    found = told(lambda: repeated(work, here, wanted))
    if found["believed"]:
        return f"believed: {found['believed']}"
    if other := different(here, wanted):
        return f"wrong: {other}"
    more = sorted(set(listed(here)) - set(listed(whole)))
    if found["waited"]:
        return f"stuck: {found['waited']}"
    return f"left: {more[:3]}" if more else "same"


def repeated(work: Work, here: Path, wanted: dict[str, str]) -> dict[str, Any]:
    """Look at what is there, and repeat the call."""
    believed = different(here, wanted) if work.believed(here) else []
    waited = ""
    try:
        work.write(here, True)
    except Exception as error:
        if "another run is writing it" not in str(error):
            raise
        waited = f"{error}"
        for claims in here.rglob(".xldm-writers"):
            shutil.rmtree(claims)
        work.write(here, True)
    return {"believed": believed, "waited": waited}


class Failed(Exception):
    """What a forked process ended with."""


def last_words(error: Exception) -> str:
    """Return the first line of the last message of a traceback."""
    lines = str(error).splitlines()
    said = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Exit|Interrupt)\b", line)]
    return (said or lines)[-1]


def told(function: Callable[[], Any]) -> Any:
    """Call a function in a forked process, which may be killed; return what it returns."""
    ours, theirs = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.close(ours)
        result: dict[str, Any] = {}
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            if not os.environ.get("LOUD"):
                os.dup2(quiet, 2)
            found = function()
            result = found if isinstance(found, dict) else {}
        except BaseException:
            result = {"error": traceback.format_exc()}
        disarm()
        with os.fdopen(theirs, "w") as pipe:
            json.dump(result, pipe, default=str)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if not text and code != -signal.SIGKILL:
        raise Failed(f"it ended by signal {-code}" if code < 0 else f"it hung for {LIMIT} s")
    result = json.loads(text or "{}")
    if "error" in result:
        raise Failed(result["error"])
    return result


def disturbed(work: Work, here: Path, at: int, how: int) -> None:
    arm(here, at, how)
    work.write(here, False)


def counted(work: Work, whole: Path) -> dict[str, Any]:
    arm(whole, 0, 0)
    work.write(whole, False)
    kinds = ctypes.CDLL(None).write_events_kinds
    kinds.restype = ctypes.c_char_p
    return {"kinds": kinds().decode(), "modules": [*sys.modules]}


def arm(folder: Path, at: int, how: int) -> None:
    function = ctypes.CDLL(None).write_events_arm
    function.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int]
    function(str(folder).encode(), at, how)


def disarm() -> None:
    arm(Path("/nowhere"), 0, 0)


def listed(folder: Path) -> list[str]:
    """Return the files and folders that a call leaves, but for logs."""
    there = (f"/{path.relative_to(folder)}" for path in folder.rglob("*"))
    return [path for path in there if not LOGS.search(path)]


def contents(folder: Path) -> dict[str, str]:
    """Return the hash of every file, but for logs and the time of completion."""
    return {
        name: hashlib.sha256(content_of(folder / name[1:])).hexdigest()
        for name in listed(folder)
        if (folder / name[1:]).is_file()
    }


def content_of(path: Path) -> bytes:
    """Return what has to be the same; of netCDF the values, which threads write in any order."""
    if path.match("out*.nc"):
        import xarray as xr

        return repr(xr.load_dataset(path).to_dict()).encode()
    return untimed(path.read_bytes())


def untimed(data: bytes) -> bytes:
    return re.sub(rb'"(xldm_complete|history|date_\w+)": "[^"]*"', b"", data)


def different(folder: Path, wanted: dict[str, str]) -> list[str]:
    there = contents(folder)
    return [name for name in wanted if there.get(name) != wanted[name]]


if __name__ == "__main__":
    sys.exit(main())
