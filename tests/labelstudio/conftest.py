"""A real Label Studio for the tests marked `labelstudio`: one server, one temporary home, all look-ups recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from labelstudio_rounds import Site, make_round

from hint_tools.labelstudio import server as server_module
from hint_tools.labelstudio.config import LABEL_STUDIO_VERSION, ServerConfig
from hint_tools.labelstudio.environment import environment, is_installed, quiet_variables
from hint_tools.store.credentials import HOME_VARIABLE

_RECORDER = """
import os, socket
_log = os.open(os.environ["HINT_LOOKUPS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def _recorded(name, call):
    def wrapper(*arguments, **named):
        target = next((a for a in arguments if isinstance(a, (str, bytes, tuple))), "")
        os.write(_log, f"{name} {target!r}\\n".encode())
        return call(*arguments, **named)
    return wrapper
os.write(_log, b"recording\\n")
for _name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
    setattr(socket, _name, _recorded(_name, getattr(socket, _name)))
for _name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, _name, _recorded(_name, getattr(socket.socket, _name)))
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running server with three annotators, and a project of six hands."""
    installed = environment(LABEL_STUDIO_VERSION)
    if not is_installed(installed):
        pytest.skip(f"Label Studio is not installed in {installed.folder}: hint server install")
    home = tmp_path_factory.mktemp("home")
    (home / installed.folder.name).symlink_to(installed.folder.resolve())
    hook = tmp_path_factory.mktemp("hook")
    (hook / "sitecustomize.py").write_text(_RECORDER, encoding="utf-8")
    lookups = hook / "lookups"

    def recorded(folder: Path) -> dict[str, str]:
        return quiet_variables(folder) | {"PYTHONPATH": str(hook), "HINT_LOOKUPS": str(lookups)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        patch.setattr(server_module, "quiet_variables", recorded)
        project = make_round(tmp_path_factory.mktemp("round") / "main")
        try:
            report = server_module.run_up(ServerConfig(), project)
            yield Site(project, report, lookups, recorded)
        finally:
            server_module.run_down(ServerConfig(), project)
