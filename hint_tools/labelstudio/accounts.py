"""Accounts on the embedded server: an administrator, and one a annotator, each with a random password.

Passwords are stored before they are used, so a command that is killed in between can log in again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any, Final

import httpx

from hint_tools.core.errors import RemoteError
from hint_tools.labelstudio.wire import explained, read_answer

ADMIN_EMAIL: Final = "admin@hint.local"
_PASSWORD_BYTES: Final = 18
_TOKEN_HEX_BYTES: Final = 20
"""A token of the kind Label Studio makes itself: 40 hex digits."""
_HTTP_FOUND: Final = 302


def new_admin() -> dict[str, str]:
    """E-mail, password and token of an administrator that does not exist yet."""
    return {"email": ADMIN_EMAIL, "password": new_password(), "token": secrets.token_hex(_TOKEN_HEX_BYTES)}


def new_password() -> str:
    """A random password (144 bits)."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def ensure_annotators(
    url: str,
    invite_path: str,
    names: Iterable[str],
    kept: dict[str, dict[str, Any]],
    save: Callable[[dict[str, dict[str, Any]]], None],
) -> int:
    """How many accounts were made; afterwards every name has a password and a token in `kept`.

    Args:
        url: of the server.
        invite_path: path and query of the sign-up page.
        names: e-mail-like.
        kept: name -> password and token, as stored; added to.
        save: stores `kept`; called before and after each sign-up.

    Raises:
        RemoteError: an account can't be made and can't be logged into.
    """
    made = 0
    for name in names:
        account = kept.setdefault(name, {"password": new_password(), "token": ""})
        if account["token"]:
            continue
        save(kept)
        account["token"] = _sign_up_or_in(url, invite_path, name, str(account["password"]))
        save(kept)
        made += 1
    return made


def _sign_up_or_in(url: str, invite_path: str, name: str, password: str) -> str:
    with httpx.Client(base_url=url, timeout=60.0, trust_env=False) as http, explained(url, f"account of {name}"):
        fields = {"email": name, "password": password}
        if not (_post_form(http, invite_path, fields) or _post_form(http, "/user/login/", fields)):
            raise RemoteError(
                f"{url}: {name} has an account there, but not with the stored password",
                hint="choose another name: hint server up --annotators NAME",
            )
        answer = read_answer(http.get("/api/current-user/token"), url, f"token of {name}")
    return str(answer["token"])


def _post_form(http: httpx.Client, path: str, fields: dict[str, str]) -> bool:
    """Whether the form was taken: Django answers a good form by sending on, a bad one by showing it again."""
    http.get(path)
    token = http.cookies.get("csrftoken") or ""
    answer = http.post(path, data={**fields, "csrfmiddlewaretoken": token}, headers={"Referer": str(http.base_url)})
    return answer.status_code == _HTTP_FOUND
