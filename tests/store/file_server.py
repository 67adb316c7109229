"""A web server that hands out a folder, byte ranges included, counts what it sent, and breaks when asked to."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar


class Ranged(SimpleHTTPRequestHandler):
    """Answers `Range: bytes=a-b`."""

    protocol_version = "HTTP/1.1"
    sent: ClassVar[int] = 0
    asked: ClassVar[int] = 0
    break_after: ClassVar[int | None] = None
    """Offset from which every range is refused."""
    deaf: ClassVar[bool] = False
    """Hands out whole files, whatever was asked for."""

    def send_head(self) -> Any:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = self.translate_path(self.path)
        Ranged.asked += 1
        if Ranged.deaf or wanted is None or not os.path.isfile(path):  # noqa: PTH113  (as the class it extends)
            return super().send_head()
        size = Path(path).stat().st_size
        first, last = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
        if first >= size:
            self.send_error(416)
            return None
        if Ranged.break_after is not None and first >= Ranged.break_after:
            self.send_error(503)
            return None
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        opened = Path(path).open("rb")  # noqa: SIM115  (the caller closes it)
        opened.seek(first)
        self._left = last - first + 1
        return opened

    def copyfile(self, source: Any, outputfile: Any) -> None:
        left = self.__dict__.pop("_left", 1 << 62)
        while left and (block := source.read(min(1 << 16, left))):
            outputfile.write(block)
            Ranged.sent += len(block)
            left -= len(block)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Server]:
    """A server of `folder` on the loopback address while the block runs."""
    Ranged.sent, Ranged.asked, Ranged.break_after = 0, 0, None
    Ranged.deaf = False
    server = Server(("127.0.0.1", 0), functools.partial(Ranged, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
