"""An HTTP server on the loopback that serves one folder and counts the bytes it sends."""

from __future__ import annotations

import contextlib
import http.server
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

PIECE = 2**16


class Served(http.server.ThreadingHTTPServer):
    """Counts the bytes of bodies ``sent``; ``broken`` large ones are still to be cut off."""

    def __init__(self, folder: Path, ranges: bool) -> None:
        self.folder, self.ranges, self.sent, self.broken = folder, ranges, 0, 0
        super().__init__(("127.0.0.1", 0), Handler)
        # Connections inherit it. Without, the kernel takes megabytes that nobody has asked for.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET and HEAD with or without byte ranges."""

    server: Served

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.server.folder / self.path.partition("?")[0].lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        asked = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, stop = 0, size
        if asked and self.server.ranges:
            start, stop = int(asked[1]), min(int(asked[2]) + 1, size)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if body:
            if self.server.broken and stop - start > 20_000:
                self.server.broken -= 1
                stop = (start + stop) // 2
                self.close_connection = True
            self._send(path, start, stop)

    def _send(self, path: Path, start: int, stop: int) -> None:
        """Piece by piece, and no further than someone listens."""
        with path.open("rb") as file, contextlib.suppress(ConnectionError):
            file.seek(start)
            while content := file.read(min(PIECE, stop - file.tell())):
                # Before it is sent: whoever has it finds it counted.
                self.server.sent += len(content)
                self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Silence."""


@contextlib.contextmanager
def serve(folder: Path, *, ranges: bool = True) -> Iterator[Served]:
    """Serve a folder while the context lasts."""
    with Served(folder, ranges) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
