"""`hint prelabel`: a first guess of every hand's joints, and hands for frames that came without any."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.ids import content_id
from hint_tools.core.progress import track
from hint_tools.core.records import Frame, Hand, Prediction
from hint_tools.core.report import Report
from hint_tools.prelabel.answers import KnownAnswers
from hint_tools.prelabel.backends import HandAnswer
from hint_tools.prelabel.choice import make_backend, make_detector
from hint_tools.prelabel.config import PrelabelConfig
from hint_tools.prelabel.found import Earlier, sort_earlier
from hint_tools.prelabel.frame_work import FrameResult, FrameWorker
from hint_tools.store.atomic import write_json
from hint_tools.store.project import MODEL_FILE, Project
from hint_tools.store.tables import DETECTED_HANDS, FRAMES, HANDS, LEDGER, PREDICTIONS

STAGE = "prelabel"
SURE_SIDE = 0.9
"""Side confidence from which a disagreement with the source is worth a word."""
MAX_SUBJECTS = 20
"""Examples a finding names; it counts all."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What there is to do: frames in order, hands by frame, earlier finds, hands whose frame is gone."""

    frames: list[Frame]
    given: dict[str, list[Hand]]
    earlier: Earlier
    orphans: list[Hand]
    sent: frozenset[str]

    def n_given(self) -> int:
        return sum(map(len, self.given.values()))


@dataclass(slots=True)
class _Outcome:
    """What came of all frames."""

    found: list[Hand] = field(default_factory=list)
    answers: list[tuple[Hand, HandAnswer]] = field(default_factory=list)
    unanswered: list[tuple[Hand, str]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(frame id, what is wrong)."""
    fresh: int = 0
    empty_frames: int = 0

    def take(self, frame: Frame, result: FrameResult, n_hands: int) -> None:
        self.found += result.found
        self.answers += result.answers
        self.unanswered += result.unanswered
        self.fresh += result.fresh
        if result.problem:
            self.problems.append((frame.frame_id, result.problem))
        elif n_hands == 0 and not result.found:
            self.empty_frames += 1


def run(config: PrelabelConfig, project: Project | None) -> Report:
    """Predict every hand; find hands in frames that have none. Writes `predictions` and `detected_hands`.

    Raises:
        DataError: nothing was sampled, or a network file is not what it should be.
        ConfigError: no project, or a file the settings name is missing.
        EnvironmentFault: a package or the embedded weights are missing, or another command is writing.
    """
    if config.download_only:
        return _download(config)
    if project is None:
        raise ConfigError("pre-labelling needs a project", hint="run the command inside one, or name it: --project DIR")
    plan = _plan(config, project)
    if config.dry_run:
        counts: dict[str, int | float | str] = {
            "frames": len(plan.frames),
            "hands given": plan.n_given(),
            "frames to search": len(plan.earlier.search),
        }
        return Report(stage=STAGE, counts=counts, next_command="hint prelabel")
    with project.lock():
        return _work(config, project, plan)


def _download(config: PrelabelConfig) -> Report:
    from hint_tools.prelabel.weights import ensure_hand_weights, weights_folder

    if config.dry_run:
        return Report(stage=STAGE, counts={"weights folder": str(weights_folder())}, next_command="hint prelabel")
    weights = ensure_hand_weights()
    counts: dict[str, int | float | str] = {"weights": weights.digest, "weights folder": str(weights.palm.parent)}
    return Report(stage=STAGE, counts=counts, next_command="hint prelabel")


def _plan(config: PrelabelConfig, project: Project) -> _Plan:
    frames = project.read(FRAMES)
    known = {frame.frame_id for frame in frames}
    hands = project.read_if_any(HANDS)
    given: dict[str, list[Hand]] = defaultdict(list)
    for hand in hands:
        given[hand.frame_id].append(hand)
    orphans = [hand for hand in hands if hand.frame_id not in known]
    # read, but not stamped as read: what was sent since must not make this stage's tables stale
    sent = frozenset(entry.hand_id for entry in project.read_if_any(LEDGER))
    earlier = sort_earlier(
        frames,
        hands,
        project.read_if_any(DETECTED_HANDS),
        sent,
        detect=config.resolved_detector() != "none",
        redetect=config.redetect,
    )
    return _Plan(frames, dict(given), earlier, orphans, sent)


def _work(config: PrelabelConfig, project: Project, plan: _Plan) -> Report:
    backend = make_backend(config)
    detector = make_detector(config) if plan.earlier.search else None
    outcome = _Outcome()
    with project.journal(STAGE) as journal:
        worker = FrameWorker(project, backend, detector, KnownAnswers(journal.entries))
        for frame in track(plan.frames, "pre-labelling"):
            given, kept = plan.given.get(frame.frame_id, []), plan.earlier.kept.get(frame.frame_id, [])
            result = worker.work(frame, given, kept, search=frame.frame_id in plan.earlier.search)
            if result.entry:
                journal.append({"frame": frame.frame_id, **result.entry})
            outcome.take(frame, result, len(given) + len(kept))
        findings = list(journal.findings)
    outcome.unanswered += [(hand, "frame") for hand in plan.orphans]
    _account(plan, outcome)
    _write(project, plan, outcome, backend.name, detector.name if detector else "")
    findings += _findings(outcome)
    return Report(
        stage=STAGE,
        counts=_counts(plan, outcome),
        findings=tuple(findings),
        outputs=(MODEL_FILE,),
        next_command="hint push",
        details={"model": backend.name, "detector": detector.name if detector else ""},
    )


def _account(plan: _Plan, outcome: _Outcome) -> None:
    """Every hand was answered or is counted with a reason."""
    kept = sum(len(hands) for frame_id, hands in plan.earlier.kept.items() if frame_id in _frame_ids(plan))
    expected = plan.n_given() + kept + len(outcome.found)
    got = len(outcome.answers) + len(outcome.unanswered)
    if got != expected:
        raise DataError(f"prelabel lost count of hands: expected {expected} answered or explained, got {got}")


def _frame_ids(plan: _Plan) -> set[str]:
    return {frame.frame_id for frame in plan.frames}


def _write(project: Project, plan: _Plan, outcome: _Outcome, model: str, detector: str) -> None:
    kept = [hand for hands in plan.earlier.kept.values() for hand in hands]
    detected = [*kept, *outcome.found]
    current = {hand.hand_id for hand in detected} | {h.hand_id for hands in plan.given.values() for h in hands}
    rows = {
        row.prediction_id: row
        for row in project.read_if_any(PREDICTIONS)
        if row.hand_id in current or row.hand_id in plan.sent
    }
    rows.update((row.prediction_id, row) for row in _predictions(outcome.answers, model))
    project.write(DETECTED_HANDS, detected)
    project.write(PREDICTIONS, rows.values())
    write_json(project.path(MODEL_FILE), {"model": model, "detector": detector})
    project.stamp(STAGE, reads=(FRAMES, HANDS), writes=(DETECTED_HANDS, PREDICTIONS))


def _predictions(answers: Iterable[tuple[Hand, HandAnswer]], model: str) -> list[Prediction]:
    return [
        Prediction(
            prediction_id=content_id("prediction", hand.hand_id, model),
            hand_id=hand.hand_id,
            model=model,
            keypoints=answer.keypoints,
            confidence=answer.confidence,
            hand_confidence=answer.hand_confidence,
            side=answer.side,
            side_confidence=answer.side_confidence,
        )
        for hand, answer in answers
    ]


def _counts(plan: _Plan, outcome: _Outcome) -> dict[str, int | float | str]:
    reasons = Counter(reason for _, reason in outcome.unanswered)
    return {
        "frames": len(plan.frames),
        "hands given": plan.n_given(),
        "hands found before": sum(map(len, plan.earlier.kept.values())),
        "hands found": len(outcome.found),
        "hands answered": len(outcome.answers),
        "of them now": outcome.fresh,
        "unanswered, picture unreadable": reasons["image"],
        "unanswered, box not finite": reasons["box"],
        "unanswered, no such frame": reasons["frame"],
        "frames without a hand": outcome.empty_frames,
        "frames unreadable": len(outcome.problems),
        "found hands superseded": plan.earlier.superseded,
    }


def _findings(outcome: _Outcome) -> list[Finding]:
    findings = []
    if outcome.problems:
        example = outcome.problems[0][1]
        message = f"{len(outcome.problems)} pictures can't be used; the first: {example}"
        subjects = [frame_id for frame_id, _ in outcome.problems]
        findings.append(_finding("image-unusable", Severity.ERROR, message, "hint sample", subjects))
    for reason, code, what in (
        ("box", "box-not-finite", "a box that is not finite"),
        ("frame", "frame-missing", "no frame"),
    ):
        subjects = [hand.hand_id for hand, why in outcome.unanswered if why == reason]
        if subjects:
            message = f"{len(subjects)} hands have {what}; they have no pre-label"
            findings.append(_finding(code, Severity.ERROR, message, "hint sample", subjects))
    sides = [hand.hand_id for hand, answer in outcome.answers if _disagrees(hand, answer)]
    if sides:
        message = f"{len(sides)} hands look like the other side than their source says"
        findings.append(_finding("side-disagrees", Severity.INFO, message, "have annotators look at the side", sides))
    return findings


def _disagrees(hand: Hand, answer: HandAnswer) -> bool:
    told = hand.side is not None and answer.side is not None and hand.side != answer.side
    return told and answer.side_confidence >= SURE_SIDE and answer.hand_confidence >= 0.5


def _finding(code: str, severity: Severity, message: str, suggestion: str, subjects: Sequence[str]) -> Finding:
    shown = tuple(sorted(subjects)[:MAX_SUBJECTS])
    return Finding(f"prelabel.{code}", severity, message, suggestion, shown, len(subjects))
