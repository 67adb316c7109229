"""A loopback server that keeps tasks as Label Studio does and misbehaves on command."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "0123456789abcdef0123456789abcdef01234567"


class Scripted:
    """State and script.

    Attributes:
        script: for each coming request to a path that contains the first word, what goes wrong.
        requests: every (method, path) that came, with the token it carried.
        watch: called with "begun" and "done" about every import of tasks.
    """

    def __init__(self) -> None:
        self.projects: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.folders: list[dict[str, Any]] = []
        self.script: list[tuple[str, str, str]] = []
        self.requests: list[tuple[str, str, str]] = []
        self.url = ""
        self.watch: Callable[[str], None] = lambda moment: None

    def keys(self, project: int = 0) -> list[str]:
        """Of the tasks of one project, or of all."""
        return sorted(t["data"]["hint_key"] for t in self.tasks if project in {0, t["project"]})

    def fault(self, method: str, path: str) -> str:
        for step in self.script:
            if step[0] == method and step[1] in path:
                self.script.remove(step)
                return step[2]
        return ""

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        fixed = {
            "/api/current-user/whoami": {"id": 1, "email": "admin@hint.local"},
            "/api/users/": [{"id": 1, "email": "admin@hint.local", "username": "admin"}],
        }
        if path in fixed:
            return 200, fixed[path]
        if path.startswith("/api/projects/"):
            number = path.split("/")[3]
            return self._import(int(number), body) if path.endswith("/import") else self._projects(method, number, body)
        if path.startswith("/api/tasks/"):
            return self._tasks(method, path, query)
        if path == "/api/storages/localfiles/":
            self.folders += [body] if method == "POST" else []
            return (201, body) if method == "POST" else (200, self.folders)
        return 404, "<html>nothing here</html>"

    def _tasks(self, method: str, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        if path == "/api/tasks/":
            page, size, project = (int(query[k][0]) for k in ("page", "page_size", "project"))
            own = [t for t in self.tasks if t["project"] == project]
            return 200, {"total": len(own), "tasks": own[(page - 1) * size : page * size]}
        task = next(t for t in self.tasks if t["id"] == int(path.split("/")[3]))
        if method == "DELETE":
            self.tasks.remove(task)
            return 204, None
        return 200, task

    def _projects(self, method: str, number: str, body: Any) -> tuple[int, Any]:
        if method == "POST":
            self.projects.append({"id": len(self.projects) + 1, "model_version": "", **body})
            return 201, self.projects[-1]
        if method == "PATCH":
            self.projects[int(number) - 1].update(body)
            return 200, self.projects[int(number) - 1]
        return 200, {"count": len(self.projects), "next": None, "results": self.projects}

    def _import(self, project: int, body: list[dict[str, Any]]) -> tuple[int, Any]:
        self.watch("begun")
        for task in body:
            predictions = [{"id": 1000 + len(self.tasks), **p} for p in task.get("predictions", [])]
            number = 1 + max((t["id"] for t in self.tasks), default=0)
            self.tasks.append(
                {
                    "id": number,
                    "project": project,
                    "data": task["data"],
                    "predictions": predictions,
                    "annotations": [],
                }
            )
        self.watch("done")
        return 201, {"task_count": len(body)}


class _Handler(BaseHTTPRequestHandler):
    @property
    def site(self) -> Scripted:
        return self.server.site  # type: ignore[attr-defined,no-any-return]

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        token = self.headers.get("Authorization", "")
        self.site.requests.append((self.command, parts.path, token))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        fault = self.site.fault(self.command, parts.path)
        if token != f"Token {TOKEN}":
            self.reply(401, {"detail": "Invalid token."})
        elif fault in {"504", "500"}:
            self.reply(int(fault), "<html>gateway</html>")
        elif fault == "reset":
            self.close_connection = True
            self.connection.close()
        else:
            status, answer = self.site.answer(self.command, parts.path, parse_qs(parts.query), body)
            self.misreply(fault, status, answer)

    def misreply(self, fault: str, status: int, answer: Any) -> None:
        """The request was carried out; only its answer goes wrong."""
        if fault == "504 after commit":
            self.reply(504, "<html>gateway time-out</html>")
        elif fault == "truncated":
            self.reply(status, json.dumps(answer)[:-3])
        elif fault == "login page":
            self.reply(200, "<html>please log in</html>")
        elif fault == "elsewhere":
            self.reply(302, "", location="http://127.0.0.1:9/elsewhere")
        elif fault == "short":
            self.reply(status, {**answer, "total": answer["total"] + 1})
        else:
            self.reply(status, answer)

    def reply(self, status: int, answer: Any, location: str = "") -> None:
        data = b"" if answer is None else (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "text/html" if isinstance(answer, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    """A running server with nothing in it."""
    site = Scripted()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.site = site  # type: ignore[attr-defined]
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
