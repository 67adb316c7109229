"""One annotation of the server -> its raw JSON, kept for good, and a `Submission`."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hint_tools.core.ids import content_id
from hint_tools.core.records import LedgerEntry, Submission
from hint_tools.formats.labelstudio import prediction_of
from hint_tools.formats.labelstudio_answers import Problem, parse_result
from hint_tools.labelstudio.client import Json
from hint_tools.labelstudio.ledger import picture_of

SKIPPED: Final = "skipped"
"""The annotator gave no answer; that is not the same as rejecting the hand."""
_FLEETING: Final = frozenset({"created_ago", "created_username"})
"""Change from one listing to the next without anybody touching the annotation."""


@dataclass(frozen=True, slots=True)
class PulledAnswer:
    """One annotation as it stands now.

    Args:
        raw: its JSON, canonical, without what changes by itself.
        submission: what it says.
        problems: what is odd about it.
    """

    raw: bytes
    submission: Submission
    problems: tuple[Problem, ...]


def raw_json(annotation: Json) -> bytes:
    """The canonical JSON of an annotation: the same annotation, the same bytes."""
    kept = {k: v for k, v in annotation.items() if k not in _FLEETING}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_answer(
    annotation: Json, entry: LedgerEntry, users: Mapping[int, str], predictions: Mapping[int, str]
) -> PulledAnswer:
    """What an annotation says.

    Args:
        annotation: as the server lists it.
        entry: the ledger's row of its task.
        users: e-mail by user id.
        predictions: our prediction id by the server's.
    """
    raw = raw_json(annotation)
    digest = hashlib.sha256(raw).hexdigest()
    author = _user(annotation.get("completed_by"))
    annotator = users.get(author, f"user-{author}")
    number = int(annotation["id"])
    parsed = parse_result(annotation.get("result"), picture_of(entry))
    skipped = bool(annotation.get("was_cancelled"))
    problems = list(_editor_problems(annotation, author, users))
    problems += [Problem(SKIPPED, f"{annotator} skipped the task", fatal=True)] if skipped else list(parsed.problems)
    lead_time = annotation.get("lead_time")
    arrays: dict[str, Any] = {"keypoints": parsed.keypoints, "visibility": parsed.visibility, "box": parsed.box}
    submission = Submission(
        submission_id=content_id("submission", entry.task_key, annotator, number, digest),
        hand_id=entry.hand_id,
        task_key=entry.task_key,
        annotator=annotator,
        annotation_id=number,
        side=parsed.side,
        rejected=bool(parsed.reject_reasons) and not skipped,
        reject_reason=SKIPPED if skipped else ",".join(parsed.reject_reasons),
        lead_time_s=float(lead_time) if isinstance(lead_time, int | float) else math.nan,
        prediction_id=_origin(annotation, predictions),
        created_at=str(annotation.get("created_at") or ""),
        updated_at=str(annotation.get("updated_at") or ""),
        valid=parsed.usable and not skipped and not parsed.reject_reasons,
        raw_sha256=digest,
        **arrays,
    )
    return PulledAnswer(raw, submission, tuple(problems))


def _editor_problems(annotation: Json, author: int, users: Mapping[int, str]) -> list[Problem]:
    editor = _user(annotation.get("updated_by"))
    if editor in {author, 0}:
        return []
    message = f"written by {users.get(author, author)}, changed by {users.get(editor, editor)}"
    return [Problem("changed-by-another", message, fatal=False)]


def _user(value: Any) -> int:
    """A user's id, which some listings give as an object; 0 when there is none."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, int) else 0


def _origin(annotation: Json, predictions: Mapping[int, str]) -> str:
    """The prediction an answer started from; empty when it was drawn from nothing."""
    parent = annotation.get("parent_prediction")
    known = predictions.get(parent, "") if isinstance(parent, int) else ""
    return known or prediction_of(annotation.get("result"))
