"""What was noticed on the way, gathered by kind: one finding a kind, with a count and some examples."""

from __future__ import annotations

from typing import Final

from hint_tools.core.findings import Finding, Severity

EXAMPLES: Final = 20


class Remarks:
    """Remarks of one stage.

    Args:
        stage: the first part of every code.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._subjects: dict[tuple[str, Severity], list[str]] = {}
        self._message: dict[str, str] = {}

    def add(self, code: str, message: str, *subjects: str, severity: Severity = Severity.WARNING) -> None:
        """Note something about `subjects`; the first message of a code is the one that is shown."""
        self._message.setdefault(code, message)
        self._subjects.setdefault((code, severity), []).extend(subjects)

    def subjects(self, code: str) -> set[str]:
        """Everything `code` was said of."""
        return {s for (c, _), subjects in self._subjects.items() if c == code for s in subjects}

    def findings(self) -> tuple[Finding, ...]:
        """One finding a code, sorted."""
        return tuple(
            Finding(
                code=f"{self._stage}.{code}",
                severity=severity,
                message=self._message[code] + (f" (and {len(ids) - 1} more like it)" if len(ids) > 1 else ""),
                subjects=tuple(sorted(set(ids))[:EXAMPLES]),
                count=max(len(ids), 1),
            )
            for (code, severity), ids in sorted(self._subjects.items())
        )
