"""`hint server` with a real Label Studio: started once, quiet, private, and stopped without hurting anybody."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from labelstudio_rounds import Site

from hint_tools.core.errors import ConfigError, ExitCode, RemoteError, UsageError
from hint_tools.labelstudio import process
from hint_tools.labelstudio.client import Client
from hint_tools.labelstudio.config import PullConfig, PushConfig, ServerConfig
from hint_tools.labelstudio.connection import TOKEN_VARIABLE, connect, credentials_name, stored
from hint_tools.labelstudio.environment import environment
from hint_tools.labelstudio.pull import run_pull
from hint_tools.labelstudio.push import run_push
from hint_tools.labelstudio.server import run_down, run_login, run_status, run_up, server_folder
from hint_tools.store.credentials import credentials_path
from hint_tools.store.project import create_project

pytestmark = [pytest.mark.labelstudio, pytest.mark.slow]


def secrets_of(site: Site) -> list[str]:
    kept = stored(site.project)
    people = [kept["admin"], *kept["annotators"].values()]
    found = [str(p[k]) for p in people for k in ("password", "token")]
    assert len(found) == 8
    assert all(len(s) > 20 for s in found)
    return found


def test_up_again_starts_nothing_and_makes_nobody(site: Site) -> None:
    before = (process.remembered(server_folder(site.project)), stored(site.project))
    report = run_up(ServerConfig(), site.project)
    assert report.counts["server"] == "was running"
    assert report.counts["accounts made"] == 0
    assert (process.remembered(server_folder(site.project)), stored(site.project)) == before
    with Client(connect(site.project)) as client:
        assert sorted(client.users().values()) == sorted(["admin@hint.local", *ServerConfig().annotators])


def test_one_more_annotator_is_added_to_the_running_server(site: Site) -> None:
    report = run_up(ServerConfig(annotators=["annotator1@hint.local", "extra@hint.local"]), site.project)
    try:
        assert report.counts["accounts made"] == 1
        token = stored(site.project)["annotators"]["extra@hint.local"]["token"]
        url = connect(site.project).url
        answer = httpx.get(f"{url}/api/current-user/whoami", headers={"Authorization": f"Token {token}"})
        assert answer.json()["email"] == "extra@hint.local"
    finally:
        kept = stored(site.project)
        kept["annotators"].pop("extra@hint.local", None)
        credentials_path(credentials_name(site.project)).write_text(json.dumps(kept), encoding="utf-8")
        with Client(connect(site.project)) as client:
            number = next(n for n, email in client.users().items() if email == "extra@hint.local")
            client._wire.send("DELETE", f"/api/users/{number}/")


def test_only_this_machine_can_reach_it_and_nobody_can_sign_up(site: Site) -> None:
    server = process.remembered(server_folder(site.project))
    assert server is not None
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    addresses = {line.split()[1] for line in listening if line.split()[3] == "0A"}
    assert {a for a in addresses if a.endswith(f":{server.port:04X}")} == {f"0100007F:{server.port:04X}"}
    with httpx.Client(base_url=server.url) as http:
        http.get("/user/signup/")
        fields = {
            "email": "stranger@hint.local", "password": "Stranger-12345",
            "csrfmiddlewaretoken": http.cookies.get("csrftoken") or "",
        }  # fmt: skip
        http.post("/user/signup/", data=fields, headers={"Referer": server.url})
    with Client(connect(site.project)) as client:
        assert "stranger@hint.local" not in client.users().values()


def test_secrets_are_private_and_outside_the_project(site: Site) -> None:
    path = credentials_path(credentials_name(site.project))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server_folder(site.project).stat().st_mode) == 0o700
    assert not path.is_relative_to(site.project.root)
    assert not server_folder(site.project).is_relative_to(site.project.root)


def test_no_secret_is_ever_shown(site: Site) -> None:
    secrets = secrets_of(site)
    reports = [
        site.report, run_up(ServerConfig(), site.project), run_status(ServerConfig(), site.project),
        run_push(PushConfig(), site.project), run_pull(PullConfig(), site.project),
    ]  # fmt: skip
    shown = [repr(r) for r in reports] + [repr(connect(site.project))]
    shown.append(process.log_file(server_folder(site.project)).read_text(encoding="utf-8"))
    shown += [words.read_bytes().decode(errors="replace") for words in _command_lines()]
    shown += [
        p.read_bytes().decode(errors="replace")
        for p in site.project.root.rglob("*")
        if p.is_file() and p.suffix != ".jpg"
    ]
    shown.append(process.server_file(server_folder(site.project)).read_text(encoding="utf-8"))
    assert any("--data-dir" in s for s in shown)  # the server's own command line is among them
    assert not [s for s in shown for secret in secrets if secret in s]


def _command_lines() -> list[Path]:
    return [p for p in Path("/proc").glob("[0-9]*/cmdline") if os.access(p, os.R_OK)]


def test_nothing_outside_is_asked(site: Site) -> None:
    run_push(PushConfig(), site.project)
    tips = httpx.get(f"{connect(site.project).url}/heidi-tips/")  # what every page asks for in the background
    assert tips.status_code == 404
    time.sleep(1.0)  # what it would send, it sends from a thread
    lines = site.lookups.read_text(encoding="utf-8").splitlines()
    assert "recording" in lines
    asked = [line for line in lines if line != "recording"]
    outside = [line for line in asked if not re.search(r"'(127\.0\.0\.1|localhost|::1|0\.0\.0\.0|)'", line)]
    assert outside == []


def test_the_recorder_records(site: Site) -> None:
    variables = site.variables(server_folder(site.project)) | {"HINT_LOOKUPS": str(site.lookups) + "-control"}
    connecting = "s = socket.socket(); s.settimeout(0.2); s.connect_ex(('192.0.2.7', 9))"
    asked = f"import socket; {connecting}; socket.getaddrinfo('::1', 9)"
    subprocess.run([str(environment("1.23.2").python), "-c", asked], env=variables, check=True)
    lines = Path(variables["HINT_LOOKUPS"]).read_text(encoding="utf-8")
    assert "connect_ex ('192.0.2.7', 9)" in lines
    assert "getaddrinfo '::1'" in lines


def test_a_wrong_token_is_one_clear_error(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    project = site.round()
    monkeypatch.setenv(TOKEN_VARIABLE, "canary0123456789")
    for stage in (lambda: run_push(PushConfig(), project), lambda: run_pull(PullConfig(), project)):
        with pytest.raises(RemoteError, match="refuses the token") as caught:
            stage()
        assert caught.value.exit_code is ExitCode.REMOTE
        assert "hint login" in caught.value.hint
        assert "canary" not in str(caught.value) + caught.value.hint
    monkeypatch.setenv(TOKEN_VARIABLE, "canary 0123\n456789")
    with pytest.raises(ConfigError) as odd:
        run_push(PushConfig(), project)
    assert "canary" not in str(odd.value)


def test_login_keeps_a_token_only_when_the_server_takes_it(site: Site, tmp_path: Path) -> None:
    project = create_project(tmp_path / "own", "own")
    url = connect(site.project).url
    with pytest.raises(RemoteError, match="refuses the token"):
        run_login(project, url, "0" * 40)
    assert stored(project) == {}
    report = run_login(project, url + "/", connect(site.project).token)
    assert report.counts["user"] == "admin@hint.local"
    assert connect(project).url == url
    with pytest.raises(UsageError, match="its own server"):
        run_login(site.project, url, connect(site.project).token)
    with pytest.raises(ConfigError, match="no token"):
        connect(project, "http://127.0.0.1:9")  # the stored token goes to no other address


def test_a_personal_access_token_works_as_well(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    project = site.round(2)
    connection = connect(project)
    headers = {"Authorization": f"Token {connection.token}"}
    with httpx.Client(base_url=connection.url, headers=headers) as http:
        http.post("/api/jwt/settings", json={"legacy_api_tokens_enabled": True, "api_tokens_enabled": True})
        personal = http.post("/api/token/").json()["token"]
    assert personal.count(".") == 2
    monkeypatch.setenv(TOKEN_VARIABLE, personal)
    assert run_push(PushConfig(), project).counts["sent"] == 2
    assert run_pull(PullConfig(), project).counts["tasks"] == 2
    monkeypatch.setenv(TOKEN_VARIABLE, personal[:-4] + "AAAA")
    with pytest.raises(RemoteError, match="refuses the token") as caught:
        run_pull(PullConfig(), project)
    assert personal[:20] not in str(caught.value)


def test_a_server_that_was_stopped_is_one_clear_error_and_comes_back_with_everything(site: Site) -> None:
    run_push(PushConfig(), site.project)
    tables = {p: p.read_bytes() for p in (site.project.root / "tables").iterdir()}
    url = connect(site.project).url
    assert run_down(ServerConfig(), site.project).counts["server"] == "stopped"
    assert run_down(ServerConfig(), site.project).counts["server"] == "was not running"
    try:
        for stage in (lambda: run_push(PushConfig(), site.project), lambda: run_pull(PullConfig(), site.project)):
            with pytest.raises(RemoteError, match="no server answers") as caught:
                stage()
            assert caught.value.hint == "hint server up"
    finally:
        report = run_up(ServerConfig(), site.project)
    assert report.counts["server"] == "started"
    assert report.counts["accounts made"] == 0
    assert connect(site.project).url == url
    assert (server_folder(site.project) / "label_studio.sqlite3").stat().st_mode & 0o077 == 0
    assert {p: p.read_bytes() for p in (site.project.root / "tables").iterdir()} == tables
    assert run_push(PushConfig(), site.project).counts["sent"] == 0


def test_a_killed_start_is_found_again(site: Site) -> None:
    folder = server_folder(site.project)
    before = process.remembered(folder)
    process.server_file(folder).unlink()  # as if the command was killed before it wrote it
    found = process.find_lost(folder, version="1.23.2", document_root=str(site.project.root))
    assert found == before
    assert run_status(ServerConfig(), site.project).counts["server"] == "runs"
    process.server_file(folder).write_text(json.dumps(_plain(before)), encoding="utf-8")


def _plain(server: process.Running | None) -> dict[str, object]:
    assert server is not None
    return {name: getattr(server, name) for name in ("pid", "started", "port", "version", "document_root")}


def test_another_program_with_the_same_number_is_never_signalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINT_HOME", str(tmp_path / "home"))
    project = create_project(tmp_path / "p", "p")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        folder = server_folder(project)
        folder.mkdir(parents=True)
        recorded = {
            "pid": stranger.pid,
            "started": "another start",
            "port": 1,
            "version": "1.23.2",
            "document_root": "",
        }
        process.server_file(folder).write_text(json.dumps(recorded), encoding="utf-8")
        assert run_down(ServerConfig(), project).counts["server"] == "was not running"
        assert stranger.poll() is None
        stranger.send_signal(signal.SIGKILL)
