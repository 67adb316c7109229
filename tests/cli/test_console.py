"""A report on the terminal: nothing cut, nothing said twice, no markup from names, no colour where none is wanted."""

import pytest

from hint_tools.cli.console import print_report
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
