"""A report on the terminal: nothing cut, nothing said twice, no markup from names, no colour where none is wanted."""

import json
import unicodedata

import pytest
from rich.console import Console

from hint_tools.cli import console
from hint_tools.cli.console import (
    QuietProgress,
    TerminalProgress,
    print_error,
    print_error_json,
    print_json,
    print_report,
)
from hint_tools.cli.status import _print_people
from hint_tools.core.errors import ConfigError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.report import Report


def finding(number: int, suggestion: str) -> Finding:
    return Finding(code=f"x.{number}", severity=Severity.WARNING, message=f"[red]name{number}", suggestion=suggestion)


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_everything_is_there_once(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    counts = {"hands": 54, "hands without an answer": 0, "share": 1 / 3, "at": "http://127.0.0.1:1/" + "a" * 100}
    report = Report(
        stage="qc", counts=counts, findings=tuple(finding(k, "do this" if k < 3 else "do that") for k in range(4)),
        outputs=("qc/report.html",), next_command="hint push --queue",
    )  # fmt: skip
    print_report(report)
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert "\x1b" not in said
    assert "hands                    54" in lines
    assert "share                    0.3333" in lines
    assert any(line.endswith("a" * 100) for line in lines)  # can be copied
    assert [line.strip() for line in lines if "do th" in line] == ["do this", "do that"]
    assert lines.index("      do this") == lines.index("  warning x.2: [red]name2") + 1
    assert all(line == line.rstrip() for line in lines)


HOSTILE = "ev\x1b]0;PWNED\x07\x1b[2J\x9b31m\u202emil\x00\r\x7f\ud800[red]\nFORGED"
"""A title, a cleared screen, colours both ways, words turned round, half a surrogate, markup, a line of its own."""


def hostile_report():
    told = Finding(code=f"x.{HOSTILE}", severity=Severity.WARNING, message=HOSTILE, suggestion=f"hint {HOSTILE}")
    return Report(
        stage=HOSTILE, counts={HOSTILE: 1, "at": HOSTILE}, findings=(told,), outputs=(HOSTILE,), next_command=HOSTILE,
        details={"annotators": [dict(annotator=HOSTILE, first=1, median_s=1.0, last=HOSTILE, rejected=0, skipped=0,
                                     unusable=0)], "answers_per_task": {"first": {"1": 1}}},
    )  # fmt: skip


def progress_of(progress):
    with progress.task(HOSTILE, 2) as task:
        task.advance(2)
    progress.note(HOSTILE)


def shown_ways():
    return {
        "report": lambda: print_report(hostile_report()),
        "error": lambda: print_error(ConfigError(HOSTILE, hint=HOSTILE)),
        "lines": lambda: progress_of(QuietProgress()),
        "bars": lambda: progress_of(TerminalProgress()),
        "people": lambda: _print_people(Console(highlight=False), hostile_report()),
    }


@pytest.mark.parametrize("way", sorted(shown_ways()))
def test_a_name_is_shown_and_never_obeyed(capsys, monkeypatch, way):
    monkeypatch.setattr(console, "_err", Console(stderr=True, highlight=False))
    shown_ways()[way]()
    said = "".join(capsys.readouterr())
    assert "PWNED" in said
    assert "[red]" in said
    assert way == "error" or not [line for line in said.splitlines() if line.startswith("FORGED")]
    assert not {c for c in said if unicodedata.category(c) in ("Cc", "Cf", "Cs")} - {"\n"}


def test_json_keeps_names_exactly_and_in_plain_letters(capsys):
    print_json(hostile_report())
    said = capsys.readouterr().out
    assert said.isascii()
    assert said.replace("\n", "").isprintable()
    assert json.loads(said)["findings"][0]["message"] == HOSTILE
    print_error_json(ConfigError(HOSTILE, hint=HOSTILE))
    said = capsys.readouterr().out
    assert said.isascii()
    assert json.loads(said)["error"]["message"] == HOSTILE
