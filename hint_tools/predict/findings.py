"""What went wrong with some of the hands or pictures, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hint_tools.core.findings import Finding, Severity
from hint_tools.predict.picture import Tally

_EXAMPLES = 20


def findings_of(tally: Tally, unreadable: Mapping[str, str], missing: int) -> tuple[Finding, ...]:
    """A finding for each kind of thing that was left out or assumed.

    Args:
        tally: of the hands.
        unreadable: picture -> what is wrong with it.
        missing: hands of a release without an image.
    """
    kinds = (
        ("box-unusable", Severity.ERROR, tally.bad_box, "hands have no box with an extent", "mend the boxes"),
        ("not-finite", Severity.ERROR, tally.not_finite, "hands got answers that are not numbers", "--precision fp32"),
        (
            "side-assumed",
            Severity.WARNING,
            tally.side_assumed,
            "hands are of unknown side; one was assumed",
            "give the side with the boxes, or choose --unknown-side",
        ),
    )
    found = [_finding(code, severity, f"{len(s)} {what}", fix, s) for code, severity, s, what, fix in kinds if s]
    if unreadable:
        first = next(iter(unreadable.values()))
        message = f"{len(unreadable)} pictures can't be used; the first: {first}"
        found.append(_finding("image-unusable", Severity.ERROR, message, "mend or remove them", sorted(unreadable)))
    if missing:
        message = f"{missing} hands of the release were left out: their images are missing"
        found.append(Finding("predict.images-missing", Severity.WARNING, message, "put them in place", (), missing))
    return tuple(found)


def _finding(code: str, severity: Severity, message: str, suggestion: str, subjects: Sequence[str]) -> Finding:
    return Finding(f"predict.{code}", severity, message, suggestion, tuple(subjects[:_EXAMPLES]), len(subjects))
