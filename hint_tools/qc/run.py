"""`hint qc`: from submissions to agreement, mistakes, σ, consensus, queue and a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hint_tools.core import progress
from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.limits import check_box
from hint_tools.core.quoted_names import plain, quoted
from hint_tools.core.records import Frame, Hand, Status
from hint_tools.core.report import Report
from hint_tools.qc.analysis import Analysis, Beside, analyse
from hint_tools.qc.answers import Candidates, choose_submissions, planned_repeats
from hint_tools.qc.bias import bias_findings
from hint_tools.qc.config import QcConfig
from hint_tools.qc.drift import drift_findings
from hint_tools.qc.earlier import read_earlier
from hint_tools.qc.gates import check_gates, gate_findings
from hint_tools.qc.gold import gold_findings
from hint_tools.qc.kinds import KINDS
from hint_tools.qc.mistakes import name_of
from hint_tools.qc.occlusion import occlusion_findings
from hint_tools.qc.odd_values import source_side_findings
from hint_tools.qc.page import further_pages, sections
from hint_tools.qc.panel import Panel, build_panel
from hint_tools.qc.person_page import distances_to_consensus
from hint_tools.qc.pictures import Pictures
from hint_tools.qc.profiles import stamp_findings
from hint_tools.qc.queue_page import REPORT_FILE
from hint_tools.qc.results import RESULTS, qc_json, sigmas_json
from hint_tools.qc.round_changes import Comparison, compare_rounds, round_findings
from hint_tools.qc.round_figures import RoundFigures, round_figures
from hint_tools.qc.spreadsheets import spreadsheets
from hint_tools.qc.summary import figures, headline
from hint_tools.qc.wording import several
from hint_tools.report.page import Link, write_report
from hint_tools.store.atomic import write_json, write_text
from hint_tools.store.project import Project
from hint_tools.store.tables import CONSENSUS, DETECTED_HANDS, FITS, FRAMES, HANDS, PREDICTIONS, QUEUE, SUBMISSIONS

REPORT, SIGMAS = f"qc/{REPORT_FILE}", "qc/sigmas.json"
_EXAMPLES = 10
_NAMED = 5
"""Annotators up to which all are named under the report's headline; every one has a section in it."""


def run(config: QcConfig, project: Project) -> Report:
    """Analyse all current submissions; write consensus, queue, `qc/qc.json`, `qc/sigmas.json`, `qc/report.html`.

    Raises:
        ConfigError: an earlier round is not there.
        DataError: nothing was pulled yet, no answer can be used, a table has what it can't have, or an earlier round's
            file is another one.
        EnvironmentFault: a file can't be written, or another command is writing.
    """
    earlier = read_earlier(config.earlier, project.root)
    hands, frames = project.hands(), project.read_if_any(FRAMES)
    candidates = choose_submissions(project.read(SUBMISSIONS), frozenset(h.hand_id for h in hands), config.experts)
    if not (candidates.taken or candidates.deciding):
        raise DataError(
            f"{project.table_path(SUBMISSIONS)}: no answer can be used; dropped: {_listed(candidates)}",
            hint="hint pull",
        )
    panel = build_panel(candidates.taken, hands, frames)
    by_id = {h.hand_id: h for h in hands}
    for answer in (*candidates.taken, *candidates.deciding):
        check_box(by_id[answer.hand_id].box, answer.hand_id)
    predictions = {p.prediction_id: p for p in project.read_if_any(PREDICTIONS)}
    _announce(panel)
    twins = {h.hand_id: h.repeat_of for h in hands if h.repeat_of}
    beside = Beside(
        decided=build_panel(candidates.deciding, hands, frames),
        repeats=(*candidates.repeats, *planned_repeats(candidates.taken, twins)),
        frames={f.frame_id: f for f in frames},
        fits={f.hand_id: f for f in project.read_if_any(FITS)},
        later={number: build_panel(answers, hands, frames) for number, answers in candidates.later.items()},
    )
    analysis = analyse(panel, by_id, predictions, config, beside)
    this = round_figures(analysis, config)
    rounds = compare_rounds(earlier, this) if earlier else None
    findings = [
        *candidates.findings,
        *source_side_findings(hands),
        *_findings(analysis),
        *_people_findings(analysis),
        *(round_findings(rounds) if rounds else ()),
    ]
    counts = _counts(candidates, analysis, len(hands))
    if not config.dry_run:
        findings += _write(analysis, counts, config, project, hands, frames, this, rounds)
    gates = gate_findings(check_gates(analysis, config))
    return Report(
        stage="qc",
        counts={**counts, **figures(analysis)},
        findings=tuple(findings + gates),
        outputs=() if config.dry_run else (REPORT, RESULTS, SIGMAS),
        next_command="hint push --queue" if analysis.queue else "hint fit",
        details={} if config.dry_run else {"report": REPORT, "results": RESULTS},
        gate_failed=bool(gates),
    )


def _announce(panel: Panel) -> None:
    """Say what is compared, where anything is."""
    if panel.hand_ids:
        progress.note(
            f"{several(int(panel.answered.sum()), 'answer')} of {several(len(panel.annotators), 'annotator')} "
            f"to {several(len(panel.hand_ids), 'hand')}"
        )


def _write(
    analysis: Analysis,
    counts: dict[str, int | float | str],
    config: QcConfig,
    project: Project,
    hands: Sequence[Hand],
    frames: Sequence[Frame],
    this: RoundFigures,
    rounds: Comparison | None,
) -> list[Finding]:
    """Write everything; what the pictures had to say."""
    by_frame, by_hand = {f.frame_id: f for f in frames}, {h.hand_id: h for h in hands}
    pictures = Pictures(project, by_frame, by_hand, distances_to_consensus(analysis))
    unanswered = len(hands) - len(analysis.consensus)
    body = sections(analysis, config, pictures, unanswered, rounds)
    names = analysis.panel.annotators
    annotators = several(len(names), "annotator") + (f": {', '.join(names)}" if len(names) <= _NAMED else "")
    headed, further = f"Annotation quality of {project.name}", further_pages(analysis, config, pictures)
    with project.lock():
        project.write(CONSENSUS, analysis.consensus)
        project.write(QUEUE, analysis.quoted_queue)
        write_json(project.path(SIGMAS), sigmas_json(analysis.sigmas))
        results = qc_json(analysis, counts, check_gates(analysis, config), this, rounds)
        write_json(project.path(RESULTS), results)
        write_report(
            project.path(REPORT),
            headed,
            annotators,
            headline(analysis, unanswered),
            body,
        )
        for name, text in spreadsheets(analysis, by_hand, by_frame).items():
            write_text(project.path("qc") / name, text)
        for name, (what, page) in further.items():
            back = Link("Back to the report", REPORT_FILE)
            write_report(project.path("qc") / name, f"{headed}: {what}", "", {}, page, back)
        for old in (*project.path("qc").glob("queue-*.html"), *project.path("qc").glob("annotators-*.html")):
            if old.name not in further and old.is_file():
                old.unlink()
        project.stamp(
            "qc",
            reads=(SUBMISSIONS, HANDS, DETECTED_HANDS, FRAMES, PREDICTIONS),
            writes=(CONSENSUS, QUEUE),
            looks_at=(FITS,),
        )
    return _unreadable(pictures.unreadable)


def _unreadable(pictures: Mapping[str, str]) -> list[Finding]:
    """A finding about pictures, frame -> what is wrong with it."""
    if not pictures:
        return []
    return [
        Finding(
            code="qc.image-unreadable",
            severity=Severity.WARNING,
            message=f"{several(len(pictures), 'picture')} of the report can't be read ({pictures[min(pictures)]})",
            suggestion="hint sample makes missing pictures again; everything else in the report is complete",
            subjects=tuple(sorted(pictures)[:_EXAMPLES]),
            count=len(pictures),
        )
    ]


def _counts(candidates: Candidates, analysis: Analysis, n_hands: int) -> dict[str, int | float | str]:
    panel = analysis.panel
    total = len(candidates.taken) + len(candidates.deciding) + sum(candidates.dropped.values())
    status = Counter(c.status for c in analysis.consensus)
    return {
        "submissions": total,
        "taken": len(candidates.taken),
        "deciding": len(candidates.deciding),
        **candidates.dropped,
        "annotators": len(panel.annotators),
        "hands": len(analysis.consensus),
        "hands without an answer": n_hands - len(analysis.consensus),
        "hands with joints twice or more": int((panel.has_joints.sum(axis=1) >= 2).sum()),
        "hands rejected": sum(c.rejected for c in analysis.consensus),
        **{f"consensus {s.value}": status[s] for s in Status},
        "mistakes": len(analysis.mistakes),
        "queue": len(analysis.queue),
    }


def _findings(analysis: Analysis) -> list[Finding]:
    """One finding for each kind of mistake and annotator; qc.json has every single one."""
    panel = analysis.panel
    grouped: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for mistake in analysis.mistakes:
        who = tuple(sorted({name_of(panel, mistake.hand, k) for k in mistake.slots}))
        grouped.setdefault((mistake.kind, who), []).append(mistake.hand)
    order = list(KINDS)
    queued = {q.hand_id for q in analysis.queue}
    found = []
    for kind, who in sorted(grouped, key=lambda key: (order.index(key[0]), key[1])):
        hands = grouped[kind, who]
        back = any(panel.hand_ids[h] in queued for h in hands)
        whose = plain(" or ".join(map(quoted, who)))
        found.append(
            Finding(
                code=f"qc.{kind}",
                severity=Severity.INFO if KINDS[kind].hint else Severity.WARNING,
                message=f"{whose}: {KINDS[kind].means}, in {several(len(hands), 'answer')}",
                suggestion=f"see {REPORT}" + ("; hint push --queue sends the hands back" if back else ""),
                subjects=tuple(panel.hand_ids[h] for h in hands[:_EXAMPLES]),
                count=len(hands),
            )
        )
    return found


def _people_findings(analysis: Analysis) -> list[Finding]:
    """What is to be said to or about annotators."""
    panel = analysis.panel
    return [
        *occlusion_findings(panel, analysis.habits),
        *bias_findings(panel, [b for p in analysis.profiles for b in p.biases]),
        *stamp_findings(panel, analysis.profiles),
        *gold_findings(panel, analysis.gold),
        *drift_findings(panel, analysis.changes),
    ]


def _listed(candidates: Candidates) -> str:
    dropped = Counter(candidates.dropped)
    return ", ".join(f"{n} {reason}" for reason, n in sorted(dropped.items()) if n) or "none, the table is empty"
