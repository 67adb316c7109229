"""What whoever looks again at a hand is told: why, and what was answered before, without saying by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

from hint_tools.core.ids import order_key
from hint_tools.core.quoted_names import bare, plain, with_names
from hint_tools.core.records import QueueItem, Submission
from hint_tools.core.times import moment

MOST_SHOWN: Final = 6
"""Earlier answers shown; more would be too small to be told apart."""
_LONGEST: Final = 700
"""Characters of a reason on the screen."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """One earlier answer.

    Args:
        label: what it is called on the screen.
        answer: what was answered.
    """

    label: str
    answer: Submission


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What is shown beside the clean picture.

    Args:
        reason: plain text of one paragraph.
        earlier: at most `MOST_SHOWN` answers.
    """

    reason: str
    earlier: tuple[Earlier, ...]


def second_looks(
    queue: Iterable[QueueItem], submissions: Iterable[Submission], *, names: bool = False
) -> dict[str, SecondLook]:
    """What to show for each queued hand, by hand id.

    Args:
        queue: the hands.
        submissions: all answers; each person's last one to a hand is shown.
        names: call the answers by their annotators, instead of by letters that change from hand to hand.
    """
    of_hand: dict[str, dict[str, Submission]] = {}
    for row in sorted(submissions, key=lambda s: (moment(s.updated_at), s.annotation_id, s.submission_id)):
        if not row.superseded and (row.valid or row.rejected):
            of_hand.setdefault(row.hand_id, {})[row.annotator] = row
    looks = {}
    for item in queue:
        given = of_hand.get(item.hand_id, {})
        order = sorted(given, key=lambda who: order_key(0, "second look", item.hand_id, who))
        called = {who: who if names else letter(k) for k, who in enumerate(order)}
        reason = plain(item.reason) if names else blinded(item.reason, called)
        if len(order) > MOST_SHOWN:
            reason += f" ({len(order) - MOST_SHOWN} more answers are not shown.)"
        shown = tuple(Earlier(called[who], given[who]) for who in order[:MOST_SHOWN])
        looks[item.hand_id] = SecondLook(one_paragraph(reason), shown)
    return looks


def letter(place: int) -> str:
    """A, B, ... Z, A2, B2, ..."""
    turn, index = divmod(place, len(ascii_uppercase))
    return ascii_uppercase[index] + (str(turn + 1) if turn else "")


def blinded(text: str, called: Mapping[str, str]) -> str:
    """`text` with every name quoted in it replaced; that of anybody without a letter by "somebody else".

    Args:
        text: with names as `core.quoted_names` writes them.
        called: name -> letter.
    """
    letters = {bare(name): label for name, label in called.items()}
    return with_names(text, lambda name: letters.get(name, "somebody else"))


def one_paragraph(text: str) -> str:
    """Printable text without line breaks, of at most `_LONGEST` characters."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
