"""Ctrl-C and SIGTERM: stop within two seconds, say how to resume, exit with status 130 or 143.

Threads that compute cannot be stopped, and Python waits for them before it exits. Everything that
xldm writes is whole or absent, so the process may end in the middle.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from ..storage import aside

__all__ = ["Stop", "stopping"]

_SAID = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
# Time for claims and temporary files to be cleared away, in seconds.
_GRACE = 0.8


@dataclass
class Stop:
    """Whether this process was interrupted, and how it ends."""

    words: Sequence[str]
    resumable: bool
    process: bool
    #: Of the signal that stopped it; 0 before.
    number: int = 0
    _said: threading.Lock = field(default_factory=threading.Lock)

    @property
    def status(self) -> int:
        """The exit status, as shells have it."""
        return 128 + (self.number or signal.SIGINT)

    def now(self) -> int:
        """Say how to resume, and return the status; end the process if it is the command's own."""
        if self._said.acquire(blocking=False):
            if sys.stderr.isatty():
                print(file=sys.stderr)
            print(f"xldm: {self._advice()}", file=sys.stderr)
            if self.process:
                _discard_temporary_files()
        if self.process:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(self.status)
        return self.status

    def _advice(self) -> str:
        words, said = ["xldm", *self.words], _SAID[signal.Signals(self.status - 128)]
        if not self.resumable:
            return f"{said}. Start again with: {shlex.join(words)}"
        words += [] if "--resume" in words else ["--resume"]
        return f"{said}; what is written is kept. Resume with: {shlex.join(words)}"


@contextmanager
def stopping(words: Sequence[str], *, resumable: bool, process: bool) -> Iterator[Stop]:
    """Watch for Ctrl-C and SIGTERM while a command runs.

    Parameters
    ----------
    words : sequence of str
        The command line.
    resumable : bool
        Whether ``--resume`` continues it.
    process : bool
        Whether this process is the command's own, and may be ended.
    """
    stop = Stop(words, resumable, process)
    if not process or threading.current_thread() is not threading.main_thread():
        yield stop
        return
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    # Told by the C handler at once, also while the main thread computes or waits outside Python.
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(ours, stop), daemon=True).start()

    def interrupt(number: int, frame: FrameType | None) -> None:
        stop.number = stop.number or number
        raise KeyboardInterrupt  # what is cleared away at Ctrl-C is cleared away at SIGTERM too

    handler = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, handler)
        signal.set_wakeup_fd(before)
        theirs.close()


def _watch(signals: socket.socket, stop: Stop) -> None:
    while number := signals.recv(1):
        if number[0] in _SAID:
            stop.number = stop.number or number[0]
            time.sleep(_GRACE)
            stop.now()


def _discard_temporary_files() -> None:
    opening = sys.modules.get("xldm.inputs.files.opening")
    if opening is not None:
        opening.discard_folders()
    aside.discard()
