"""How often 95 % intervals of shares, times, periods, repeats and COCO's σ cover the truth; parts of `qc.py`."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from qc_intervals import CONFIG, PICTURES, ROUNDS, SKILL, Hits, collect, misses, show
from qc_people import panel_of, submissions_as
from qc_world import Round, answer, make_world

from hint_tools.core.records import Prediction
from hint_tools.formats.coco_keypoints import CocoPose
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.coco_sigmas import match_annotations, measure_coco_sigmas
from hint_tools.qc.dawid_skene import estimate_visibility
from hint_tools.qc.drift import measure_periods
from hint_tools.qc.gold import gold_tests
from hint_tools.qc.joints import analyse_joints
from hint_tools.qc.mistakes import renaming_mistakes
from hint_tools.qc.panel import build_pairs, build_panel
from hint_tools.qc.prelabels import untouched_answers
from hint_tools.qc.profiles import build_profiles
from hint_tools.qc.repeats import measure_repeats
from hint_tools.qc.scale import geometric_median, measure
from hint_tools.qc.sigmas import measure_sigmas

SWAPS, SLIPS, UNTOUCHED, USUAL_S, DAYS = 0.05, 0.10, 0.10, 40.0, 3


def rates() -> None:
    """Shares of people's answers, their times, errors by period.

    3 people swap fingers and let joints slip, send both hands of a tenth of the pictures back untouched, and take
    longer for some pictures; an expert answers all hands. The truth of wrong names and of failed gold hands is their
    part of a round of 6,000 hands; in the errors by period nobody changes.
    """
    start = time.perf_counter()
    usual, _ = _rates_of(3000, 10**6)
    names, failing = (np.mean([e.value for e in usual[k]]) for k in ("wrong names", "gold hands failed"))
    covered: dict[int, Hits] = {}
    for pictures in PICTURES:
        rounds = []
        for seed in range(ROUNDS):
            found, periods = _rates_of(pictures, seed)
            right = {"wrong names": names, "gold hands failed": failing}
            right |= {"pre-labels untouched": UNTOUCHED, "median time": USUAL_S}
            hits = {k: misses((e, right[k]) for e in found[k]) for k in found}
            rounds.append(hits | {"error in a period": misses((e, 1.0) for e in periods)})
        covered[pictures] = collect(rounds)
    show("people's shares", covered, start)


def _rates_of(pictures: int, seed: int) -> tuple[dict[str, list[Estimate]], list[Estimate]]:
    hands, rng = 2 * pictures, np.random.default_rng(seed)
    made = answer(make_world(hands, seed), 3, 10**6 + seed, rates={"swap": SWAPS, "slip": SLIPS})
    labels = made.world.joints + rng.normal(size=(hands, 21, 2)) * 2 * made.world.sigma[..., None]
    kept = np.repeat(rng.random((pictures, 3)) < UNTOUCHED, 2, axis=0)
    slow = np.repeat(rng.normal(0, 0.3, (pictures, 3)), 2, axis=0) + rng.normal(0, 0.4, (hands, 3))
    answers = []
    for number, given in enumerate(made.submissions()):
        h, a = divmod(number, 3)
        answers.append(
            replace(
                given,
                keypoints=labels[h] if kept[h, a] else given.keypoints,
                updated_at=f"2026-01-{1 + h * DAYS // hands:02d}",
                lead_time_s=round(USUAL_S * float(np.exp(slow[h, a])), 1),
                prediction_id=f"p{h}",
            )
        )
    world, config = made.world, CONFIG.model_copy(update={"seed": seed})
    panel = build_panel(answers, world.hands, world.frames)
    predictions = {f"p{h}": _label(f"p{h}", world.hands[h].hand_id, labels[h]) for h in range(hands)}
    resampler = Resampler(panel.image, config.bootstrap, seed)
    joints = analyse_joints(panel, {h.hand_id: h for h in world.hands}, {}, config, resampler)
    untouched = untouched_answers(panel, predictions, config.rubber_stamp_px)
    mistakes = renaming_mistakes(panel, joints.renamings)
    sigmas, model = joints.sigmas, estimate_visibility(panel)
    profiles = build_profiles(panel, joints.pairs, sigmas, [], mistakes, model, untouched, resampler)
    decided = panel_of(answer(world, 1, 2 * 10**6 + seed, noise=0.5), "expert")
    common = sigmas.in_px(panel, joints.sizes.scale, personal=False)
    periods = measure_periods(panel, joints.pairs, sigmas.relative, resampler)
    return {
        "wrong names": [p.identity_rate for p in profiles],
        "gold hands failed": [t.failures for t in gold_tests(panel, decided, ["expert"], common, config.queue_z)],
        "pre-labels untouched": [p.untouched for p in profiles],
        "median time": [p.seconds for p in profiles],
    }, [e for p in periods for e in (p.error, *p.annotators.values())]


def _label(name: str, hand: str, joints: np.ndarray) -> Prediction:
    return Prediction(
        prediction_id=name, hand_id=hand, model="m", keypoints=joints, confidence=np.ones(21), hand_confidence=1.0
    )


def repeats() -> None:
    """60 hands of 120 answered a second time by three people, with half of, the same, and twice the usual error."""
    start = time.perf_counter()
    factors = {"di": 0.5, "ed": 1.0, "fy": 2.0}
    total: list[Hits] = []
    values: dict[str, list[float]] = {name: [] for name in factors}
    for seed in range(ROUNDS):
        made = answer(make_world(120, seed), 2, 10**6 + seed)
        pairs = []
        for n, (name, factor) in enumerate(factors.items()):
            twice = [
                _judged(answer(made.world, 1, 10**7 + 6 * seed + 2 * n + k, noise=factor), seed, k) for k in (0, 1)
            ]
            first, second = (submissions_as(m, name)[:60] for m in twice)
            pairs += list(zip(first, second, strict=True))
        panel = made.panel()
        size = measure(geometric_median(panel.keypoints.swapaxes(1, 2))).scale
        nothing = np.zeros(panel.visibility.shape, dtype=np.bool_)
        resampler = Resampler(panel.image, CONFIG.bootstrap, seed)
        sigmas = measure_sigmas(panel, build_pairs(panel), size, nothing, resampler)
        sizes = dict(zip(panel.hand_ids, size.tolist(), strict=True))
        found = {r.annotator: r for r in measure_repeats(pairs, sigmas, CONFIG.bootstrap, seed, sizes)}
        same = SKILL**2 + (1 - SKILL) ** 2
        hits = {f"error × {f}": misses([(found[name].error, f)]) for name, f in factors.items()}
        total.append(hits | {"same state": misses((r.same_state, same) for r in found.values())})
        for name in factors:
            values[name].append(found[name].error.value)
    show(
        "repeats: 60 hands twice; mean " + ", ".join(f"{np.mean(v):.3f}" for v in values.values()),
        {60: collect(total)},
        start,
    )


def _judged(made: Round, seed: int, number: int) -> Round:
    right = np.random.default_rng([seed, number]).random(made.said.shape) < SKILL
    made.said = np.where(right, made.said, 3 - made.said)
    return made


def coco() -> None:
    """`hint qc sigma`: two objects a picture, 17 joints, a fifth of them hidden; σ 0.05 of the area's root."""
    start = time.perf_counter()
    covered = {n: collect(_coco_of(n, seed) for seed in range(ROUNDS)) for n in PICTURES}
    show("hint qc sigma", covered, start)


def _coco_of(pictures: int, seed: int) -> Hits:
    rng = np.random.default_rng(seed)
    joints = [f"j{k}" for k in range(17)]
    people: dict[str, list[CocoPose]] = {"a": [], "b": []}
    for n in range(2 * pictures):
        truth, area = rng.uniform(0, 200, (17, 2)), float(rng.uniform(50, 150) ** 2)
        seen = np.where(rng.random(17) < 0.2, 1, 2)
        for name, poses in people.items():
            points = truth + rng.normal(size=(17, 2)) * 0.05 / np.sqrt(2) * np.sqrt(area)
            poses.append(CocoPose(f"{n // 2}.jpg", str(n), "1", points, seen, area, name))
    found = measure_coco_sigmas(match_annotations(people), joints, 400, seed)
    return {
        state: misses((s.sigma, 0.05) for s in found if s.state == state) for state in ("labelled", "visible", "hidden")
    }
