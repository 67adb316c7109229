"""What this toolkit asks of Label Studio. The only file that imports its SDK.

The SDK makes and changes projects, imports tasks and posts answers; its own retries of writes are switched
off, because they double tasks. Listing is plain HTTP: the SDK has no way to ask for two fields of a task.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self

from hint_tools.core.errors import EnvironmentFault, RemoteError
from hint_tools.labelstudio.connection import Connection
from hint_tools.labelstudio.wire import ServerRefusedError, Wire, explained, refusal

KEY_PAGE: Final = 1000
LIST_TRIES: Final = 3
_NO_TOKEN: Final = "set-for-each-request"  # noqa: S105  (no token)
"""The SDK never holds the token: `Wire` adds it to each request."""
_ONCE: Final = {"max_retries": 0}
_BY_ID: Final = json.dumps({"ordering": ["tasks:id"]})

Json = dict[str, Any]


class Client:
    """One Label Studio, as one user; open it as a context.

    Args:
        connection: where, and with whose token.
        timeout_s: of one request.
    """

    def __init__(self, connection: Connection, timeout_s: float = 120.0) -> None:
        self.url = connection.url
        self._wire = Wire(connection.url, connection.token, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wire.close()

    @cached_property
    def _sdk(self) -> Any:
        try:
            from label_studio_sdk import LabelStudio
        except ModuleNotFoundError:
            raise EnvironmentFault(
                "label-studio-sdk is not installed", hint="pip install 'hint-tools[labelstudio]'"
            ) from None
        with self._translated("log in"):
            make: Any = LabelStudio
            return make(base_url=self.url, api_key=_NO_TOKEN, httpx_client=self._wire.http, max_retries=0)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """SDK errors as ours."""
        from label_studio_sdk.core.api_error import ApiError

        try:
            with explained(self.url, what):
                yield
        except ApiError as error:
            status = error.status_code or 0
            body = error.body if isinstance(error.body, dict) else {}
            detail = body.get("validation_errors") or body.get("detail") or "an answer that is not JSON"
            # a success that could not be read is as doubtful as a server error
            raise refusal(self.url, what, 500 if status < 300 else status, str(detail)[:300]) from None

    def whoami(self) -> Json:
        """The user whose token this is: `id`, `email`...

        Raises:
            RemoteError: as every method here, when the server is down, refuses or answers nonsense.
        """
        return _object(self._wire.get("/api/current-user/whoami"), self.url)

    def users(self) -> dict[int, str]:
        """E-mail of every user, by id."""
        return {int(u["id"]): str(u["email"] or u["username"]) for u in _array(self._wire.get("/api/users/"), self.url)}

    def invite_path(self) -> str:
        """Path and query of the page where a new user may sign up."""
        return str(_object(self._wire.get("/api/invite"), self.url)["invite_url"])

    def projects(self) -> list[Json]:
        """All projects, by id."""
        found: dict[int, Json] = {}
        page = 1
        while True:
            answer = _object(self._wire.get("/api/projects/", page=page, page_size=100), self.url)
            found.update({int(p["id"]): p for p in answer["results"]})
            if not answer.get("next"):
                return [found[k] for k in sorted(found)]
            page += 1

    def create_project(self, **settings: Any) -> int:
        """Id of a new project made with `settings` (title, description, label_config...)."""
        with self._translated("make a project"):
            return int(self._sdk.projects.create(**settings, request_options=_ONCE).id)

    def update_project(self, project: int, **settings: Any) -> None:
        """Change a project's `settings`."""
        with self._translated("change the project"):
            self._sdk.projects.update(project, **settings, request_options=_ONCE)

    def local_folders(self, project: int) -> set[str]:
        """Folders of this machine whose pictures the project may show."""
        return {str(s["path"]) for s in _array(self._wire.get("/api/storages/localfiles/", project=project), self.url)}

    def add_local_folder(self, project: int, folder: str, title: str) -> None:
        """Let the project show pictures of `folder`."""
        body = {"project": project, "path": folder, "title": title, "use_blob_urls": True}
        self._wire.send("POST", "/api/storages/localfiles/", body)

    def tasks(self, project: int, *, page_size: int, brief: bool = False) -> list[Json]:
        """All tasks, by id: with annotations and predictions, or with `id` and `data` alone when `brief`.

        Raises:
            RemoteError: also when the pages never add up to the number of tasks the server says it has.
        """
        for _ in range(LIST_TRIES):
            found, total = self._all_pages(project, page_size, brief=brief)
            if len(found) == total:
                return [found[k] for k in sorted(found)]
        raise RemoteError(
            f"{self.url}: the server says it has {total} tasks, but lists {len(found)}",
            hint="is somebody adding or deleting tasks? try again when they are done",
        )

    def _all_pages(self, project: int, page_size: int, *, brief: bool) -> tuple[dict[int, Json], int]:
        fields = {"fields": "task_only", "include": "id,data"} if brief else {"fields": "all"}
        found: dict[int, Json] = {}
        page = 1
        while True:
            answer = _object(
                self._wire.get("/api/tasks/", project=project, page=page, page_size=page_size, query=_BY_ID, **fields),
                self.url,
            )
            total = int(answer["total"])
            found.update({int(t["id"]): t for t in answer["tasks"]})
            if page * page_size >= total:
                return found, total
            page += 1

    def task_ids_by_key(self, project: int) -> dict[str, list[Json]]:
        """Brief tasks of each `data.hint_key`, oldest first; those without one under the empty key."""
        by_key: dict[str, list[Json]] = {}
        for task in self.tasks(project, page_size=KEY_PAGE, brief=True):
            by_key.setdefault(str(task["data"].get("hint_key", "")), []).append(task)
        return by_key

    def task(self, task_id: int) -> Json:
        """One task with its annotations and predictions."""
        return _object(self._wire.get(f"/api/tasks/{task_id}/"), self.url)

    def import_tasks(self, project: int, tasks: Sequence[Json]) -> None:
        """Add tasks with their predictions: all of them, or none when refused."""
        with self._translated(f"send {len(tasks)} tasks"):
            self._sdk.projects.import_tasks(project, request=list(tasks), request_options=_ONCE)

    def delete_task(self, task_id: int) -> None:
        """Delete a task with everything in it."""
        self._wire.send("DELETE", f"/api/tasks/{task_id}/")

    def import_predictions(self, project: int, predictions: Sequence[Json]) -> None:
        """Add predictions to tasks that are there: all of them, or none when refused."""
        self._wire.send("POST", f"/api/projects/{project}/import/predictions", list(predictions))

    def create_annotation(self, task_id: int, *, unique_id: str, **answer: Any) -> bool:
        """Post an answer as this user; False when one with `unique_id` (a UUID) is already there."""
        try:
            with self._translated(f"answer task {task_id}"):
                self._sdk.annotations.create(task_id, unique_id=unique_id, **answer, request_options=_ONCE)
        except ServerRefusedError as error:
            if error.status == 409:
                return False
            raise
        return True


def _object(answer: Any, url: str) -> Json:
    if not isinstance(answer, dict):
        raise RemoteError(f"{url}: expected a JSON object, got {str(answer)[:60]}", hint="is this a Label Studio?")
    return answer


def _array(answer: Any, url: str) -> list[Json]:
    if not isinstance(answer, list):
        raise RemoteError(f"{url}: expected a JSON list, got {str(answer)[:60]}", hint="is this a Label Studio?")
    return answer


def login_checked(connection: Connection) -> str:
    """E-mail of the user whose token this is.

    Raises:
        RemoteError: the server is down or refuses the token.
        ConfigError: the token can't be one.
    """
    with Client(connection, timeout_s=30.0) as client:
        return str(client.whoami().get("email", ""))
