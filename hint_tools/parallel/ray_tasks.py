"""Jobs as Ray tasks, on a Ray of our own on this machine or on a cluster that is running.

A task streams its items; Ray holds a task back whose items are not fetched. Items come back to this process, so the
machines of a cluster need to share nothing but what the jobs read. All of them must have the same versions of whatever
makes the results: each task compares them first.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hint_tools.core.errors import EnvironmentFault
from hint_tools.parallel.backend import Event, Kind, Work, performed

_STORE_BYTES = 256 << 20
"""Shared memory of a Ray of our own: it only passes items on."""
_PATIENCE_S = 10.0
_UNFETCHED = 4
"""Items of one task that may wait to be fetched."""
_SAME = ("hint-tools", "av", "fsspec", "numpy", "opencv-python-headless", "pillow")
"""Packages that make the results."""
_OWN_RAY = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on every system: listen on the loopback address alone
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_INSTALL = 'pip install "hint-tools[ray]"'
_HOW_TO_GET_IN = "where it asks for a token: export RAY_AUTH_MODE=token, and the token as Ray documents it"


class RayTasks:
    """Tasks of a Ray cluster; connected when made.

    Args:
        slots: tasks at a time; None takes one a core of the cluster.
        address: of the cluster, `host:port`; None starts one here, which ends with `close`.

    Raises:
        EnvironmentFault: Ray is not installed, or no cluster answers.
    """

    def __init__(self, slots: int | None, address: str | None) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        own = _OWN_RAY | {"RAY_AUTH_HOW_TO_GET_IN": secrets.token_hex(32)} if address is None else {}
        with _environment(own):  # some of it is read when Ray is imported, some when it is started
            ray = _ray()
            self._ray = ray
            with _own_signals():
                self._connect(slots, address)
        self._slots = slots or max(1, int(ray.cluster_resources().get("CPU", 1)))
        remote = ray.remote(num_cpus=1, max_retries=0, num_returns="streaming")(_task)
        self._task = remote.options(_generator_backpressure_num_objects=_UNFETCHED)
        self._expected = _versions()
        self._running: dict[Any, int] = {}

    def _connect(self, slots: int | None, address: str | None) -> None:
        if address is not None:
            _see_someone_listens(address)
            _see_it_takes_us(self._ray, address)
            try:
                self._ray.init(address=address, log_to_driver=False, configure_logging=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                told = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                raise EnvironmentFault(
                    f"{address}: no Ray cluster takes us in there ({told})", hint=_HOW_TO_GET_IN
                ) from error
            return
        # a path of Ray's own making may be too long for a socket's name
        self._folder = tempfile.TemporaryDirectory(prefix="hint-ray-", ignore_cleanup_errors=True)
        self._ray.init(
            num_cpus=slots, num_gpus=0, object_store_memory=_STORE_BYTES, include_dashboard=False,
            log_to_driver=False, configure_logging=False, _temp_dir=self._folder.name,
        )  # fmt: skip

    @property
    def slots(self) -> int:
        """As `Backend`."""
        return self._slots

    def start(self, ticket: int, work: Work) -> None:
        """As `Backend`."""
        self._running[self._task.remote(work, self._expected)] = ticket

    def next_event(self) -> Event:
        """As `Backend`."""
        ray = self._ray
        ready, _ = ray.wait(list(self._running), num_returns=1, fetch_local=False)
        ticket = self._running.pop(ready[0])
        try:
            kind, value = ray.get(next(ready[0]))
        except StopIteration:
            return Event(ticket, Kind.DIED, "its task ended without a word")
        except ray.exceptions.RayTaskError as error:
            return Event(ticket, Kind.FAILED, str(error))
        except ray.exceptions.RayError as error:
            return Event(ticket, Kind.DIED, f"its worker is gone ({type(error).__name__})")
        if kind is Kind.ITEM:  # to the end of the line, so that a talkative task keeps nobody waiting
            self._running[ready[0]] = ticket
        return Event(ticket, kind, value)

    def abandon(self) -> None:
        """As `Backend`."""
        for task in self._running:
            with contextlib.suppress(self._ray.exceptions.RayError, TypeError, ValueError):
                self._ray.cancel(task, force=True)
        self._running.clear()

    def close(self) -> None:
        """As `Backend`."""
        self.abandon()
        with _own_signals():
            self._ray.shutdown()
        if self._folder is not None:
            self._folder.cleanup()


def _see_someone_listens(address: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise EnvironmentFault(
            f"{address}: nobody listens there ({error})",
            hint="start a cluster: ray start --head, then name the address it prints: --address HOST:6379",
        ) from error


def _see_it_takes_us(ray: Any, address: str) -> None:
    """One question to the cluster's head: without the token it asks for, Ray itself would try for minutes."""
    refused = getattr(ray.exceptions, "AuthenticationError", ())
    # whatever else is wrong, or a Ray that can't be asked in this way: connecting tells
    with contextlib.suppress(AttributeError, RuntimeError, ray.exceptions.RayError):
        try:
            ray._raylet.GcsClient(address=address).internal_kv_get(b"hint", None, timeout=_PATIENCE_S)
        except refused as error:
            told = "with this token" if os.environ.get("RAY_AUTH_MODE") == "token" else "without a token"
            raise EnvironmentFault(
                f"{address}: this Ray cluster does not take us in {told}", hint=_HOW_TO_GET_IN
            ) from error


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise EnvironmentFault(f"--engine ray needs Ray, which is not installed ({error})", hint=_INSTALL) from None
    return ray


def _task(work: Work, expected: Mapping[str, str]) -> Iterator[tuple[Kind, Any]]:
    """What a Ray worker runs."""
    found = _versions()
    if found != expected:
        differing = ", ".join(f"{n} {found[n] or 'missing'}" for n in expected if found[n] != expected[n])
        wanted = ", ".join(f"{n} {expected[n]}" for n in expected if found[n] != expected[n])
        yield (
            Kind.REFUSED,
            EnvironmentFault(
                f"a machine of the Ray cluster ({platform.node()}) has {differing}; expected {wanted} as here, "
                "or the results would not be the same",
                hint="install the same versions on every machine",
            ),
        )
        return
    yield from performed(work)


def _versions() -> dict[str, str]:
    found = {}
    for name in _SAME:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """The environment with `values`, unless the user set them otherwise; as before at the end."""
    added = {k: v for k, v in values.items() if k not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this program's answers to signals: Ray puts in its own when it starts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, answer in kept.items():
            signal.signal(number, answer)
