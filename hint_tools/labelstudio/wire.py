"""One HTTP conversation with a Label Studio: reads are tried again, writes never; every failure is a `RemoteError`."""

from __future__ import annotations

import base64
import json
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from hint_tools.core.errors import ConfigError, RemoteError

READ_TRIES: Final = 4
FIRST_PAUSE_S: Final = 0.5
"""Doubled after each failed read."""
_ACCESS_MARGIN_S: Final = 30
_REFRESH: Final = "/api/token/refresh/"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_TOKEN = re.compile(r"[\x21-\x7e]+")


class ServerRefusedError(RemoteError):
    """The server understood and said no: nothing was written.

    Args:
        message: as `RemoteError`.
        status: of the HTTP answer.
        hint: as `RemoteError`.
    """

    def __init__(self, message: str, *, status: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class ServerDoubtfulError(RemoteError):
    """No answer, a broken one, or a server error: a write may or may not have happened."""


class Wire:
    """Requests to one server as one user.

    Args:
        url: of the server, without a slash at its end.
        token: a legacy token, or a personal access token (three parts with dots).
        timeout_s: of one request.

    Raises:
        ConfigError: the token can't be one.
    """

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        if not _TOKEN.fullmatch(token):
            raise ConfigError(f"{url}: the token holds spaces or odd characters", hint=f"hint login {shlex.quote(url)}")
        self.url = url
        self.token = token
        loopback = urlsplit(url).hostname in _LOOPBACK
        self.http = httpx.Client(
            base_url=url,
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=not loopback,
            event_hooks={"request": [self._authorize]},
        )
        self._access = ""
        self._access_until = 0.0

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON answer to a read, tried again with growing pauses while the server is in doubt.

        Raises:
            RemoteError: it stays silent, refuses, or answers something that isn't JSON.
        """
        pause = FIRST_PAUSE_S
        for _ in range(READ_TRIES - 1):
            try:
                return self._once("GET", path, params=params)
            except ServerDoubtfulError:
                time.sleep(pause)
                pause *= 2
        return self._once("GET", path, params=params)

    def send(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """The JSON answer to a write; sent once.

        Raises:
            ServerRefusedError: nothing was written.
            ServerDoubtfulError: it may have been written.
        """
        return self._once(method, path, params=params, json=body)

    def _once(self, method: str, path: str, **arguments: Any) -> Any:
        with explained(self.url, f"{method} {path}"):
            answer = self.http.request(method, path, **arguments)
        return read_answer(answer, self.url, f"{method} {path}")

    def _authorize(self, request: httpx.Request) -> None:
        """Every request through `http`, the SDK's too, gets the token here and nowhere else."""
        if request.url.path.endswith(_REFRESH):
            request.headers.pop("Authorization", None)
        elif self.token.count(".") != 2:
            request.headers["Authorization"] = f"Token {self.token}"
        else:
            request.headers["Authorization"] = f"Bearer {self._access_token()}"

    def _access_token(self) -> str:
        """Bought with the personal access token; each lasts five minutes."""
        if time.time() > self._access_until - _ACCESS_MARGIN_S:
            answer = self.http.post(_REFRESH, json={"refresh": self.token})
            self._access = str(read_answer(answer, self.url, f"POST {_REFRESH}").get("access", ""))
            self._access_until = _expiry(self._access)
        return self._access


@contextmanager
def explained(url: str, what: str) -> Iterator[None]:
    """Turn transport failures into `ServerDoubtfulError`, without the request (it holds the token)."""
    try:
        yield
    except httpx.ConnectError:
        message = f"{url}: no server answers ({what})"
        raise ServerDoubtfulError(message, hint="hint server up") from None
    except httpx.TimeoutException:
        raise ServerDoubtfulError(f"{url}: no answer in time ({what})", hint="hint server status") from None
    except httpx.TransportError as error:
        message = f"{url}: the connection broke ({what}: {type(error).__name__})"
        raise ServerDoubtfulError(message, hint="hint server status") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        message = f"{url}: expected an address like http://host:8080"
        raise ServerRefusedError(message, status=0, hint="give it with --url") from None


def read_answer(answer: httpx.Response, url: str, what: str) -> Any:
    """The JSON of an answer; None when it is empty.

    Raises:
        ServerRefusedError: 3xx or 4xx.
        ServerDoubtfulError: 5xx, or not JSON.
    """
    if answer.status_code >= 300:
        raise refusal(url, what, answer.status_code, _detail(answer))
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        message = f"{url}: {what}: expected JSON, got {answer.text[:60]!r}"
        raise ServerDoubtfulError(message, hint="is this the address of a Label Studio? hint server status") from None


def refusal(url: str, what: str, status: int, detail: str) -> RemoteError:
    """The error for an HTTP status that is not a success."""
    if status >= 500:
        return ServerDoubtfulError(f"{url}: {what}: server error {status} ({detail})", hint="hint server status")
    if status in {401, 403}:
        message = f"{url}: the server refuses the token ({what}: {status} {detail})"
        return ServerRefusedError(
            message, status=status, hint=f"hint server up, or for your own server: hint login {shlex.quote(url)}"
        )
    if 300 <= status < 400:
        message = f"{url}: {what}: sends us elsewhere ({status}); the token is not sent there"
        return ServerRefusedError(message, status=status, hint="give the address it points to: hint login URL")
    return ServerRefusedError(f"{url}: {what}: {status} {detail}", status=status, hint="hint server status")


def _detail(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return "an HTML page: nothing of this name there" if answer.status_code == 404 else "an answer that is not JSON"
    if not isinstance(body, dict):
        return str(body)[:200]
    return str(body.get("validation_errors") or body.get("detail") or body)[:300]


def _expiry(access: str) -> float:
    try:
        payload = access.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])
    except (IndexError, KeyError, ValueError):
        return time.time()
