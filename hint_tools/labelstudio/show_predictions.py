"""Tasks that are on the server already get the newest prediction."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from hint_tools.core.errors import DataError
from hint_tools.core.records import LedgerEntry
from hint_tools.formats.labelstudio import prediction_of
from hint_tools.labelstudio.client import Client, Json
from hint_tools.labelstudio.delivery import SEND_TRIES, chunks
from hint_tools.labelstudio.ledger import Listing
from hint_tools.labelstudio.remarks import Remarks
from hint_tools.labelstudio.tasks import Planned, build_prediction
from hint_tools.labelstudio.wire import ServerDoubtfulError

_PAUSE_S = 1.0


class PredictionUpdate:
    """Brings predictions up to date.

    Args:
        client: the server.
        remote: the project's number there.
        chunk: predictions a request.
        remarks: where to note predictions that can't be sent.
    """

    def __init__(self, client: Client, remote: int, chunk: int, remarks: Remarks) -> None:
        self._client = client
        self._remote = remote
        self._chunk = chunk
        self._remarks = remarks

    def run(self, planned: Sequence[Planned], before: Mapping[str, LedgerEntry], there: Listing) -> int:
        """How many tasks got a newer prediction.

        Args:
            planned: the tasks of this push.
            before: the ledger: which prediction each task shows.
            there: what the server lists.

        Raises:
            RemoteError: the server is down or refuses.
        """
        stale = [
            p for p in planned
            if p.prediction and p.key in there and _shown(before, there, p.key) != p.prediction.prediction_id
        ]  # fmt: skip
        left = self._lacking(stale, there)
        updated = len(left)
        for attempt in range(SEND_TRIES):
            try:
                for chunk in chunks(left, self._chunk):
                    self._client.import_predictions(self._remote, [body for _, body in chunk])
                break
            except ServerDoubtfulError:
                if attempt == SEND_TRIES - 1:
                    raise
                time.sleep(_PAUSE_S)
                left = self._lacking([p for p, _ in left], there)
        return updated

    def _lacking(self, items: Sequence[Planned], there: Listing) -> list[tuple[Planned, Json]]:
        """Those whose task does not hold its prediction, asked of the server itself, each with what to send."""
        if not items:
            return []
        held: dict[str, set[str]] = {}
        for task in self._client.tasks(self._remote, page_size=self._chunk):
            key = str(task["data"].get("hint_key", ""))
            held.setdefault(key, set()).update(prediction_of(p["result"]) for p in task["predictions"])
        lacking = []
        for item in items:
            prediction = item.prediction
            if prediction is None or prediction.prediction_id in held.get(item.key, set()):
                continue
            try:
                body = build_prediction(prediction, item)
            except DataError as error:
                self._remarks.add("prediction-unusable", error.message, item.hand.hand_id)
                continue
            lacking.append((item, {"task": int(there[item.key][0]["id"]), **body}))
        return lacking

    def choose_model(self, shown: str, planned: Sequence[Planned]) -> None:
        """Annotators get the predictions of the model this push is about.

        Raises:
            RemoteError: the server is down or refuses.
        """
        unusable = self._remarks.subjects("prediction-unusable")
        models = {p.prediction.model for p in planned if p.prediction and p.hand.hand_id not in unusable}
        wanted = max(models, default="")
        if wanted and shown != wanted:
            self._client.update_project(self._remote, model_version=wanted)


def _shown(before: Mapping[str, LedgerEntry], there: Listing, key: str) -> str:
    entry = before.get(key)
    return entry.prediction_id if entry else str(there[key][0]["data"].get("prediction_id", ""))
