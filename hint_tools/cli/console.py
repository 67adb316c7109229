"""What a person sees: progress on stderr, a report on stdout; or one JSON object for scripts."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from hint_tools.core.errors import ExitCode, HintError
from hint_tools.core.findings import Finding, Severity, count_by_severity
from hint_tools.core.printable import one_line, printable
from hint_tools.core.progress import Task
from hint_tools.core.report import Report

QUIET_INTERVAL_S = 10.0
"""Without a terminal, one line of progress at most this often."""
SHOWN_FINDINGS = 12
_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}

_err = Console(stderr=True, highlight=False)


class TerminalProgress:
    """Bars on a terminal."""

    @contextmanager
    def task(self, label: str, total: int | None) -> Iterator[Task]:
        """A bar that is gone when the work is done, leaving one line."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        started = time.monotonic()
        with Progress(*columns, console=_err, transient=True) as bars:
            number = bars.add_task(one_line(label), total=total)

            class _Bar:
                done = 0

                def advance(self, n: int = 1) -> None:
                    self.done += n
                    bars.advance(number, n)

            bar = _Bar()
            yield bar
        _err.print("[green]✓[/green] ", end="")
        show(_err, f"{label}: {bar.done} in {time.monotonic() - started:.1f} s")

    def note(self, message: str) -> None:
        """One line above the bars."""
        show(_err, message)


class QuietProgress:
    """Plain lines, seldom, for logs and CI."""

    @contextmanager
    def task(self, label: str, total: int | None) -> Iterator[Task]:
        """A line now and then, and one at the end."""
        started = time.monotonic()

        class _Lines:
            done = 0
            told, told_done = started, 0

            def advance(self, n: int = 1) -> None:
                self.done += n
                now = time.monotonic()
                if now - self.told >= QUIET_INTERVAL_S:
                    # of the last stretch: what an earlier run had done was counted at once
                    pace = (self.done - self.told_done) / (now - self.told)
                    self.told, self.told_done = now, self.done
                    of = f"/{total}" if total else ""
                    left = f", about {(total - self.done) / pace:.0f} s left" if total and pace else ""
                    _plain(f"  {label}: {self.done}{of} after {now - started:.0f} s{left}")

        lines = _Lines()
        yield lines
        _plain(f"  {label}: {lines.done} in {time.monotonic() - started:.1f} s")

    def note(self, message: str) -> None:
        """One line."""
        _plain(message)


def _plain(message: str) -> None:
    print(one_line(message), file=sys.stderr, flush=True)  # noqa: T201


def show(out: Console, text: str, style: str = "", end: str = "\n") -> None:
    """Text in one line, as it is: no word of it is markup, no character of it moves the cursor, nothing is cut."""
    out.print(one_line(text), markup=False, soft_wrap=True, style=style, end=end)


def progress_listener() -> TerminalProgress | QuietProgress:
    """Bars where a person watches, lines elsewhere."""
    return TerminalProgress() if _err.is_terminal else QuietProgress()


def exit_code(report: Report) -> ExitCode:
    """1 when a gate failed, else 0."""
    return ExitCode.GATE if report.gate_failed else ExitCode.OK


def print_json(report: Report) -> None:
    """One versioned object on stdout."""
    _dump(
        {
            "schema": f"hint.{report.stage}/1",
            "ok": not report.gate_failed,
            "exit_code": int(exit_code(report)),
            "counts": report.counts,
            "findings": [_finding_json(f) for f in report.findings],
            "outputs": list(report.outputs),
            "next": report.next_command,
            "details": report.details,
        }
    )


def print_error_json(error: HintError) -> None:
    """An error as one versioned object on stdout."""
    described = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
    _dump({"schema": "hint.error/1", "ok": False, "exit_code": int(error.exit_code), "error": described})


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "suggestion": finding.suggestion,
        "subjects": list(finding.subjects),
        "count": finding.count,
    }


def _dump(value: Any) -> None:
    sys.stdout.write(json.dumps(_finite(value), indent=2, default=str, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    """NaN and infinity as null: JSON has no word for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def print_report(report: Report) -> None:
    """The report for a person: counts, findings, files, next command."""
    out = Console(highlight=False)
    show(out, report.stage, "bold")
    width = max(map(len, report.counts), default=0)
    for name, value in report.counts.items():
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        # zeros are there so that every input is accounted for; they need not be read
        show(out, f"{name:<{width}}  {shown}", "dim" if value == 0 else "")
    _print_findings(out, report.findings)
    for path in report.outputs:
        show(out, f"  → {path}")
    if report.next_command:
        out.print("next: ", end="")
        show(out, report.next_command, "bold")


def _print_findings(out: Console, findings: tuple[Finding, ...]) -> None:
    if not findings:
        return
    counted = count_by_severity(findings)
    out.print("findings: " + ", ".join(f"{n} {s}" for s, n in counted.items() if n))
    order = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    shown = sorted(findings, key=lambda f: order.index(f.severity))
    for finding, following in zip_longest(shown[:SHOWN_FINDINGS], shown[1:SHOWN_FINDINGS]):
        out.print(f"  [{_STYLE[finding.severity]}]{finding.severity.value}[/] ", end="")
        show(out, f"{finding.code}: {finding.message}")
        # what is suggested for several in a row is said once, below the last of them
        if finding.suggestion and (following is None or following.suggestion != finding.suggestion):
            show(out, f"      {finding.suggestion}", "dim")
    if len(shown) > SHOWN_FINDINGS:
        out.print(f"  … and {len(shown) - SHOWN_FINDINGS} more (--json shows all)")


def print_error(error: HintError) -> None:
    """The error for a person, on stderr."""
    _err.print("[bold red]error:[/bold red] ", end="")
    _err.print(printable(error.message), markup=False, soft_wrap=True)  # of settings, one problem a line
    if error.hint:
        show(_err, f"try:   {error.hint}", "bold")
