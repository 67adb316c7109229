"""Does a state dict fit a network? What is missing, unexpected or misshaped, in one message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.hamer.layouts import HEAD

_REPLACEABLE = ("discriminator.", "mano.", "initialized")
"""Parts a checkpoint may leave out: the hand model comes from its own file, the rest is of no use after training."""
_OURS = ("backbone.", "discriminator.", HEAD)
"""Parts that may hold no more than expected. The hand model may (other versions of smplx keep other buffers), and
modules of other people's making, such as HTM's textures, are left alone."""
_HAND = "mano."
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class KeyReport:
    """Where a state dict and a network differ, by parameter name, each sorted.

    Args:
        missing: the network has them, the state dict does not.
        unexpected: the state dict has them, the network does not.
        misshaped: both have them, in different shapes; with expected and got.
        not_finite: NaN or infinite numbers are among their values.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshaped: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()

    def require_fit(self, source: str, *, backbone_alone: bool = False) -> None:
        """Return when the state dict can be used.

        Args:
            source: where it comes from, for messages.
            backbone_alone: everything but the backbone may be missing, and anything may come with it.

        Raises:
            DataError: it can't; every kind of difference is counted, with examples.
        """
        problems = {
            "missing": _outside(self.missing, (*_REPLACEABLE, HEAD) if backbone_alone else _REPLACEABLE),
            "unexpected": () if backbone_alone else tuple(n for n in self.unexpected if n.startswith(_OURS)),
            "misshaped": self.misshaped,
            "not finite": self.not_finite,
        }
        if any(problems.values()):
            told = "; ".join(f"{len(names)} {kind} ({_some(names)})" for kind, names in problems.items() if names)
            raise DataError(
                f"{source}: does not fit the network: {told}",
                hint="load it with the configuration it was trained with",
            )

    def findings(self, source: str, *, backbone_alone: bool = False) -> tuple[Finding, ...]:
        """What was filled in or ignored, when the state dict fits; as `require_fit`."""
        hand, other = (self.unexpected, ()) if backbone_alone else _split(self.unexpected)
        told = (
            ("hamer.keys-filled", Severity.INFO, self.missing, "are not in it; the hand model and fresh values take "
             "their place"),
            ("hamer.keys-ignored", Severity.INFO, hand, "have no place in this network and were ignored"),
            ("hamer.modules-ignored", Severity.WARNING, other, "belong to modules this network does not have; without "
             "them it may answer otherwise than its authors' code"),
        )  # fmt: skip
        return tuple(
            Finding(code, severity, f"{source}: {len(names)} arrays {what} ({_some(names)})", "", names, len(names))
            for code, severity, names, what in told
            if names
        )


def compare(expected: Mapping[str, Tensor], got: Mapping[str, Tensor]) -> KeyReport:
    """Where the state dict `got` differs from the `expected` one of a network."""
    both = sorted(expected.keys() & got.keys())
    return KeyReport(
        missing=tuple(sorted(expected.keys() - got.keys())),
        unexpected=tuple(sorted(got.keys() - expected.keys())),
        misshaped=tuple(
            f"{n}: expected {list(expected[n].shape)}, got {list(got[n].shape)}"
            for n in both
            if expected[n].shape != got[n].shape
        ),
        not_finite=tuple(n for n in both if got[n].is_floating_point() and not got[n].isfinite().all()),
    )


def _outside(names: tuple[str, ...], prefixes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(n for n in names if not n.startswith(prefixes))


def _split(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of the hand model, and the others."""
    return tuple(n for n in names if n.startswith(_HAND)), _outside(names, (_HAND,))


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
