"""The server's process: started so that it outlives the command, recognised again, stopped and nothing else.

A process is known by its id *and* its start, so a number that was given to another program is never signalled.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import httpx

from hint_tools.core.errors import EnvironmentFault, RemoteError
from hint_tools.core.progress import work
from hint_tools.labelstudio.environment import Environment
from hint_tools.store.atomic import atomic_path, read_json, write_json

HOST: Final = "127.0.0.1"
STOP_WAIT_S: Final = 15.0
_POLL_S: Final = 0.25
_LOG_LIMIT_BYTES: Final = 10_000_000
_TAIL_LINES: Final = 12

_LAUNCH: Final = """
import signal, subprocess, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
with open(sys.argv[1], "ab") as log:
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             start_new_session=True, restore_signals=True,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
print(child.pid)
"""
"""Run by a short-lived interpreter: the server is then nobody's child, and Ctrl-C on the command can't reach it."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that was started.

    Args:
        pid: of the process.
        started: when the process began, in the system's own words; with `pid` it names one process for good.
        port: on 127.0.0.1.
        version: of Label Studio.
        document_root: the folder it serves pictures from.
    """

    pid: int
    started: str
    port: int
    version: str
    document_root: str

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"


def server_file(folder: Path) -> Path:
    """Where the process is remembered."""
    return folder / "server.json"


def log_file(folder: Path) -> Path:
    """What the server says."""
    return folder / "server.log"


def remembered(folder: Path) -> Running | None:
    """The server that was last started from `folder`, whether it still runs or not."""
    path = server_file(folder)
    if not path.exists():
        return None
    values = read_json(path)
    try:
        return Running(**values)
    except TypeError:
        return None  # written by another version: the process is found by its command line


def is_running(server: Running) -> bool:
    """Whether that very process is alive."""
    return bool(server.started) and start_of(server.pid) == server.started


def start_of(pid: int) -> str:
    """When a process began, as a word that is never the same for two processes; empty when it is not alive."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return ""
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return "" if fields[0] in {"Z", "X"} else f"{boot}:{fields[19]}"  # proc(5): state, starttime
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def find_lost(folder: Path, *, version: str, document_root: str) -> Running | None:
    """A server of `folder` whose record was lost (the command was killed as it started it), where /proc tells."""
    for pid, words in _command_lines():
        if f"--data-dir={folder}" in words and "--port" in words:
            port = int(words[words.index("--port") + 1])
            return Running(pid, start_of(pid), port, version, document_root)
    return None


def _command_lines() -> Iterator[tuple[int, list[str]]]:
    for path in sorted(Path("/proc").glob("[0-9]*/cmdline")):
        try:
            yield int(path.parent.name), path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue


def start(env: Environment, folder: Path, variables: dict[str, str], *, port: int, document_root: Path) -> Running:
    """Start a server and remember it; it may not answer yet.

    Args:
        env: an installed version.
        folder: its database, media and log.
        variables: its whole environment; secrets go here, never on the command line.
        port: free, on 127.0.0.1.
        document_root: folder it may serve pictures from.

    Raises:
        EnvironmentFault: it could not be started.
    """
    _prepare(env, folder)
    command = [
        str(env.python), str(env.command), "start", "--no-browser", "--internal-host", HOST, "--port", str(port),
        f"--data-dir={folder}",
    ]  # fmt: skip
    launched = subprocess.run(
        [sys.executable, "-I", "-c", _LAUNCH, str(log_file(folder)), *command],
        env=variables, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if launched.returncode != 0:
        reason = launched.stderr.strip().splitlines()[-1:]
        raise EnvironmentFault(f"{env.command}: can't be started {reason}", hint="hint server install")
    pid = int(launched.stdout)
    server = Running(pid, start_of(pid), port, env.version, str(document_root))
    write_json(server_file(folder), asdict(server), mode=0o600)
    return server


def _prepare(env: Environment, folder: Path) -> None:
    database = folder / "label_studio.sqlite3"
    if not database.exists():
        with atomic_path(database, mode=0o600) as temporary:
            shutil.copyfile(env.empty_database, temporary)
    log = log_file(folder)
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".old.log"))
    log.touch(mode=0o600)


def wait_until_healthy(server: Running, folder: Path, wait_s: float) -> None:
    """Return when the server answers.

    Raises:
        EnvironmentFault: the process ended.
        RemoteError: it did not answer in `wait_s`; it goes on starting, and the same command goes on waiting.
    """
    deadline = time.monotonic() + wait_s
    with work("wait for Label Studio") as waiting, httpx.Client(trust_env=False, timeout=5.0) as http:
        while time.monotonic() < deadline:
            if not is_running(server):
                raise EnvironmentFault(
                    f"Label Studio ended as it started:\n{_tail(folder)}", hint=f"see {log_file(folder)}"
                )
            try:
                if http.get(f"{server.url}/health").json() == {"status": "UP"}:
                    return
            except (httpx.TransportError, json.JSONDecodeError):
                pass
            time.sleep(_POLL_S)
            waiting.advance()
    raise RemoteError(
        f"{server.url}: no answer after {wait_s:g} s; the server is still starting", hint="hint server up (it waits on)"
    )


def stop(server: Running) -> bool:
    """Whether the server ran; it does not when this returns.

    Raises:
        EnvironmentFault: it can't be stopped.
    """
    if not is_running(server):
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(server.pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + STOP_WAIT_S
        while time.monotonic() < deadline:
            if not is_running(server):
                return True
            time.sleep(_POLL_S / 5)
    raise EnvironmentFault(f"process {server.pid} (Label Studio) does not end", hint=f"kill -9 {server.pid}")


def free_port(wanted: int) -> int:
    """`wanted` when it is free on 127.0.0.1, else any free one; 0 wants any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EnvironmentFault("no free port on 127.0.0.1", hint="close some programs")


def _tail(folder: Path) -> str:
    lines = log_file(folder).read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])
