"""Let one writer at a time write a store, by claim files beside its objects."""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import StoreError
from .location import Place, reaching
from .objects import content, keys, put

__all__ = ["FOLDER", "sole_writer"]

log = logging.getLogger(__name__)

#: Folder within the store that holds one claim for each writer.
FOLDER = ".xldm-writers"
#: Seconds between a writer's signs of life, and seconds without one after which it counts as dead.
BEAT, STALE = 30.0, 300.0
# Seconds that a writer waits for simultaneous ones to step back.
_PATIENCE, _PAUSE = 5.0, 0.5


@contextmanager
def sole_writer(place: Place) -> Iterator[Callable[[], None]]:
    """Be the only writer of a store while the context lasts.

    Every writer puts a claim, lists all claims, and continues only if its own is the only one. If
    several come at once, all but the one with the lowest id step back. A writer renews its claim
    every half minute. Ages are differences of the storage's own times, so the clocks of writers
    need not agree. A writer that was killed on this machine is known to be dead at once.

    Two writers never both continue, on two conditions. A listing must show every object that was
    put before it, as on local disks, S3, Google Cloud Storage and Azure. And no writer may pause
    for longer than five minutes and then continue. A writer that does learns it from the yielded
    function, unless it paused in the middle of a day. It still writes that day, with the same
    content, since a store is resumed only with the inputs that it was begun with.

    Yields
    ------
    callable () -> None
        Raises if the claim was lost; call it before each write.

    Raises
    ------
    StoreError
        If another writer is active.
    """
    name = f"{FOLDER}/{secrets.token_hex(16)}"
    mine = f"{place.root}/{name}"
    process = {"host": socket.gethostname(), "pid": os.getpid(), **_process(os.getpid())}
    who = json.dumps(process).encode()
    done = threading.Event()

    def still_mine() -> None:
        with reaching(place):
            place.fs.invalidate_cache()
            if place.fs.exists(mine):
                return
        raise StoreError(
            f"{place.url}: this run gave no sign of life for so long that another took over; leave "
            "the store to that one."
        )

    def beat() -> None:
        while not done.wait(BEAT):
            try:
                still_mine()
                # A local file is touched: a kill while it is written would leave it empty.
                if place.local:
                    os.utime(mine)
                else:
                    place.fs.pipe_file(mine, who)
            except StoreError:
                return
            except Exception as error:
                # The next beat tries again; a writer that stays cut off fails at its next write.
                log.warning("%s: no sign of life given (%s)", place.url, type(error).__name__)

    try:
        with reaching(place):
            put(place, name, who)
            _wait_to_be_alone(place, mine)
        thread = threading.Thread(target=beat, name="xldm-claim", daemon=True)
        thread.start()
        try:
            yield still_mine
        finally:
            done.set()
            thread.join()
    finally:
        with suppress(Exception):  # a claim left behind only makes the next writer wait
            _remove(place, mine)


def _wait_to_be_alone(place: Place, mine: str) -> None:
    until = time.monotonic() + _PATIENCE
    while others := _others(place, mine):
        if min(others) < mine or time.monotonic() > until:
            other = min(others)
            raise StoreError(
                f"{place.url}: another run is writing it (last sign of life {others[other]:.0f} s "
                f"ago). Wait for it; if it was killed, wait {STALE:.0f} s, or delete {other} now, "
                "and run it again; a training store with resume=True."
            )
        time.sleep(_PAUSE)


def _others(place: Place, mine: str) -> dict[str, float]:
    """Return the live claims of other writers: path -> seconds since the last sign of life."""
    place.fs.invalidate_cache()
    now, alive = place.fs.modified(mine), {}
    for key in keys(place, FOLDER):
        path = f"{place.root}/{key}"
        if path == mine:
            continue
        if _dead(content(place, key) or b""):
            log.info("%s: taking over from a run that was killed", place.url)
            _remove(place, path)
            continue
        try:
            age = (now - place.fs.modified(path)).total_seconds()
        except FileNotFoundError:
            continue
        if age > STALE:
            log.warning("%s: taking over from a run that was silent for %.0f s", place.url, age)
            _remove(place, path)
        else:
            alive[path] = max(age, 0.0)
    return alive


def _process(pid: int) -> dict[str, str]:
    """Return what tells a process from all others, of this machine and of others; {} if unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # no such process, or no Linux
        return {}
    # A killed process stays in the table until its parent asks for its status.
    return {} if stat[0] in "ZX" else {"boot": boot, "space": space, "began": stat[19]}


def _dead(claim: bytes) -> bool:
    """Return whether a claim is of a process of this machine that has ended."""
    try:
        who = json.loads(claim)
        told = {name: str(who[name]) for name in ("boot", "space", "began")}
        here, there = _process(os.getpid()), _process(int(who["pid"]))
    except (ValueError, KeyError, TypeError):
        return False
    return all(here.get(n) == told[n] for n in ("boot", "space")) and there != told


def _remove(place: Place, path: str) -> None:
    place.fs.invalidate_cache()
    with suppress(FileNotFoundError):
        place.fs.rm_file(path)
    with suppress(Exception):  # object stores have no folders to remove
        place.fs.rmdir(f"{place.root}/{FOLDER}")
