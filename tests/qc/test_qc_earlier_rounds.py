"""`hint qc --earlier`: what changed between projects, what did not, and what is no earlier round."""

import json
import math
import re
import shutil

import pytest
from qc_rounds import make_round
from test_qc_command import typed
from test_qc_run import project_of

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.qc.bootstrap import Estimate, wilson_ends
from hint_tools.qc.config import QcConfig
from hint_tools.qc.earlier import read_earlier
from hint_tools.qc.results import QC_VERSION
from hint_tools.qc.round_changes import chance_of, compare_rounds, standard_errors_apart
from hint_tools.qc.round_figures import PERSON_FIGURES, ROUND_FIGURES, RoundFigures, Scale
from hint_tools.qc.rounds_page import rounds_section, since_earlier
from hint_tools.qc.run import run

CONFIG = QcConfig(bootstrap=60, report_hands=0)
NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """A pilot whose people err twice as much as those of two later rounds that are alike."""
    folder = tmp_path_factory.mktemp("rounds")
    made = {"pilot": (5, 2), "first": (6, 1), "second": (7, 1)}
    for name, (seed, noise) in made.items():
        run(CONFIG, project_of(folder / name, make_round(40, 3, seed=seed, noise=noise)))
    return folder


def again(folder, name, *earlier):
    """The project once more, beside earlier ones: report, page and qc.json."""
    made = {"first": (6, 1), "second": (7, 1), "pilot": (5, 2)}
    seed, noise = made[name]
    project = project_of(folder / f"again-{name}-{len(earlier)}", make_round(40, 3, seed=seed, noise=noise))
    config = CONFIG.model_copy(update={"earlier": tuple(folder / e for e in earlier)})
    report = run(config, project)
    page = (project.root / "qc/report.html").read_text(encoding="utf-8")
    return report, page, json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"))


def words_of(page):
    return re.sub(r"<[^>]*>", "", page)


def test_what_got_better_is_told_on_the_first_screen_and_in_a_table(projects):
    report, page, results = again(projects, "first", "pilot")
    told = {c["figure"]: c["verdict"] for c in results["rounds"]["compared"] if c["annotator"] is None}
    assert told["distance"] == told["sigma_visible"] == told["within_0.05"] == "better"
    assert told["raw_occlusion"] is None  # alike in both
    assert "worse" not in {c["verdict"] for c in results["rounds"]["compared"]}
    assert "Since pilot: two people are nearer to each other" in words_of(page)
    assert 'id="rounds"' in page
    assert {c["annotator"] for c in results["rounds"]["compared"] if c["verdict"] and c["figure"] == "sigma"} == {
        "ana", "bo", "cy"
    }  # fmt: skip
    assert not [f for f in report.findings if f.code == "qc.round-worse"]


def test_what_got_worse_is_a_finding_with_both_values(projects):
    report, page, _ = again(projects, "pilot", "first")
    worse = [f for f in report.findings if f.code == "qc.round-worse"]
    assert {"ana", "bo", "cy"} <= {s for f in worse for s in f.subjects}
    distance = next(f for f in worse if "distance of two people" in f.message)
    assert re.fullmatch(r"all: distance .*: 0\.\d{3} \(95 %: .*\), in first 0\.\d{3} \(95 %: .*\)", distance.message)
    assert "Since first: two people are farther from each other" in words_of(page)
    assert not report.gate_failed


def test_of_like_rounds_nothing_is_said(projects):
    report, page, results = again(projects, "second", "pilot", "first")
    assert {c["verdict"] for c in results["rounds"]["compared"]} == {None}  # the pilot is shown, not compared with
    assert [r["round"] for r in results["rounds"]["earlier"]] == ["pilot", "first"]
    assert "Since first: no figure changed beyond doubt." in words_of(page)
    assert "Of no annotator did a figure change beyond doubt." in words_of(page)
    assert not [f for f in report.findings if f.code == "qc.round-worse"]


def test_without_an_earlier_round_nothing_is_said_of_rounds(projects):
    page = (projects / "first/qc/report.html").read_text(encoding="utf-8")
    assert 'id="rounds"' not in page
    assert "Since " not in words_of(page)
    results = json.loads((projects / "first/qc/qc.json").read_text(encoding="utf-8"))
    assert results["rounds"] == {"earlier": [], "compared": []}
    raw = results["occlusion"]["intervals"]["raw"]
    assert raw[0] == pytest.approx(results["occlusion"]["raw"])
    assert raw[1] < raw[0] <= raw[2]


def test_figures_that_an_earlier_round_could_not_measure_are_dashes(projects, tmp_path):
    pair = project_of(tmp_path / "pair", make_round(40, 2, seed=6))
    run(CONFIG, pair)
    (read,) = read_earlier((pair.root,), tmp_path)
    assert math.isnan(read.people["ana"]["sensitivity"].value)  # of two people alone nobody can say who errs
    _, page, results = again(projects, "second", pair.root)
    compared = {(c["annotator"], c["figure"]): c for c in results["rounds"]["compared"]}
    assert compared["ana", "sensitivity"]["before"] == [None, None, None]
    assert compared["ana", "sensitivity"]["chance"] is None
    assert compared[None, "queued"]["chance"] is None  # three answers tell more of each other than two
    assert "hands have 3.0 answers instead of 2.0" in words_of(page)
    assert compared[None, "distance"]["chance"] > 0.001


def test_the_same_bytes_on_a_second_run(projects, tmp_path):
    project = project_of(tmp_path / "p", make_round(40, 3, seed=8))
    config = CONFIG.model_copy(update={"earlier": (projects / "pilot", projects / "first/qc/qc.json")})
    written = []
    for _ in range(2):
        run(config, project)
        written.append({f.name: f.read_bytes() for f in (project.root / "qc").iterdir()})
    assert written[0] == written[1]


def broken(change):
    def write(file):
        document = json.loads(file.read_text(encoding="utf-8"))
        change(document)
        file.write_text(json.dumps(document), encoding="utf-8")

    return write


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: f.unlink(), "without qc/qc.json"),
        (lambda f: f.write_text("{", encoding="utf-8"), "expected the JSON of `hint qc`"),
        (lambda f: f.write_text("[1]", encoding="utf-8"), "expected a file of format 'hint-qc', got None"),
        (broken(lambda d: d.update(format="hint-sigmas")), "expected a file of format 'hint-qc', got 'hint-sigmas'"),
        (broken(lambda d: d.update(version=1)), f"expected version {QC_VERSION} of its layout, got 1"),
        (broken(lambda d: d.pop("figures")), "none called 'figures'"),
        (broken(lambda d: d["figures"]["all"].update(distance=[1, 2])), r"distance = \[1, 2\] instead of"),
        (broken(lambda d: d["figures"]["all"].update(queued=[7, 6, 8])), r"queued = \[7, 6, 8\] instead of a share"),
        (broken(lambda d: d["figures"]["annotators"]["bo"].update(seconds=["1", 1, 1])), "bo: seconds = '1' instead"),
        (broken(lambda d: d["figures"].update(annotators=[])), "'list' object has no attribute"),
    ],
)
def test_a_file_of_something_else_is_named_with_the_command_that_mends_it(projects, tmp_path, spoil, words):
    other = tmp_path / "the pilot"
    shutil.copytree(projects / "pilot", other)
    spoil(other / "qc/qc.json")
    with pytest.raises(DataError, match=words) as caught:
        read_earlier((other,), tmp_path / "own")
    assert caught.value.hint == f"hint qc --project '{other}'"


def test_what_is_no_earlier_round_is_refused(projects, tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere: expected a project folder .* got nothing there"):
        read_earlier((tmp_path / "nowhere",), tmp_path)
    with pytest.raises(ConfigError, match="expected another project than the one at hand"):
        read_earlier((projects / "pilot",), projects / "pilot")
    with pytest.raises(ConfigError, match="expected each round once, got it 2 times"):
        read_earlier((projects / "pilot", projects / "pilot/qc/qc.json"), tmp_path)


def test_rounds_of_one_name_are_told_apart(projects, tmp_path):
    shutil.copytree(projects / "pilot", tmp_path / "lab/pilot")
    found = read_earlier((projects / "pilot", tmp_path / "lab/pilot", projects / "first"), tmp_path)
    assert [r.name for r in found] == ["pilot (1)", "pilot (2)", "first"]


def test_typed_and_in_hint_toml(projects, tmp_path):
    project = project_of(tmp_path / "p", make_round(30, 2, seed=9))
    at = ("--project", str(project.root), "--bootstrap", "50", "--report-hands", "0")
    assert typed(*at, "--earlier", str(projects / "pilot"), "--earlier", str(projects / "first")).exit_code == 0
    results = json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"))
    assert [r["round"] for r in results["rounds"]["earlier"]] == ["pilot", "first"]
    with (project.root / "hint.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[qc]\nearlier = ["{projects / "pilot"}"]\n')
    assert typed(*at).exit_code == 0
    results = json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"))
    assert [r["round"] for r in results["rounds"]["earlier"]] == ["pilot"]
    missing = typed(*at, "--earlier", str(tmp_path / "nowhere"))
    assert missing.exit_code == 3
    told = typed("--help").output
    assert told.index("Report and intervals") < told.index("--earlier") < told.index("Gates: exit code 1")


def of(value, low, high):
    return Estimate(value, low, high, 0)


def test_two_shares_meet_where_their_newcombe_interval_meets_zero():
    n, z = 80, 2.5
    low, high = 0.05, 0.22
    one, other = (of(p, *wilson_ends(p, n, 1.959964)) for p in (low, high))
    found = standard_errors_apart(one, other, Scale.SHARE)
    half = math.hypot(wilson_ends(low, n, found)[1] - low, high - wilson_ends(high, n, found)[0])
    assert half == pytest.approx(high - low)
    assert found > z
    assert standard_errors_apart(other, one, Scale.SHARE) == pytest.approx(found)
    assert standard_errors_apart(one, one, Scale.SHARE) == 0.0
    none = of(0.0, *wilson_ends(0.0, n, 1.959964))
    assert 2 < standard_errors_apart(none, of(0.1, *wilson_ends(0.1, n, 1.959964)), Scale.SHARE) < 3


def test_other_figures_are_compared_by_the_ends_that_face_each_other():
    assert standard_errors_apart(of(1.0, 0.9, 1.3), of(2.0, 1.6, 2.1), Scale.DIFFERENCE) == pytest.approx(
        1.959964 * 1.0 / 0.5
    )
    assert standard_errors_apart(of(1.0, 0.5, 2.0), of(2.0, 1.0, 4.0), Scale.RATIO) == pytest.approx(
        1.959964 / math.sqrt(2)
    )
    for unknown in (NOTHING, of(1.0, math.nan, math.nan), of(1.0, 0.0, 2.0)):
        assert math.isnan(standard_errors_apart(unknown, of(2.0, 1.9, 2.1), Scale.RATIO))


def test_of_few_pictures_large_differences_are_less_improbable():
    assert chance_of(1.959964, 20) == pytest.approx(0.05)
    assert chance_of(1.959964, 5000) == pytest.approx(0.05)
    assert chance_of(3.5, 5000) == pytest.approx(math.erfc(3.5 / math.sqrt(2)), rel=0.1)
    assert chance_of(3.5, 20) > 2 * chance_of(3.5, 5000)
    assert math.isnan(chance_of(math.nan, 20))


def a_round(name, *, answers=3.0, people=("ana",), **figures):
    usual = {f.key: of(0.5, 0.4, 0.6) for f in ROUND_FIGURES}
    own = {f.key: of(0.5, 0.4, 0.6) for f in PERSON_FIGURES}
    return RoundFigures(name, 400, answers, usual | figures, {name: dict(own) for name in people})


def test_the_more_figures_are_compared_the_more_it_takes():
    slightly = of(0.66, 0.56, 0.76)  # 2.2 standard errors
    alone = {f.key: NOTHING for f in ROUND_FIGURES} | {"sigma_visible": of(0.5, 0.4, 0.6)}
    few = compare_rounds(
        [a_round("a", people=(), **alone)], a_round("b", people=(), **alone | {"sigma_visible": slightly})
    )
    assert [(c.figure.key, c.verdict) for c in few.certain()] == [("sigma_visible", "worse")]
    many = compare_rounds([a_round("a")], a_round("b", sigma_visible=slightly))
    assert many.certain() == []


def test_what_grows_with_the_answers_is_compared_only_where_hands_have_as_many():
    far = {"queued": of(0.9, 0.88, 0.92), "mistaken": of(0.9, 0.88, 0.92)}
    same = compare_rounds([a_round("a")], a_round("b", **far))
    assert {c.figure.key: c.verdict for c in same.certain()} == {"queued": "worse", "mistaken": "worse"}
    more = compare_rounds([a_round("a", answers=2.0)], a_round("b", **far))
    assert more.certain() == []
    (section,) = rounds_section(more)
    assert "hands have 3.0 answers instead of 2.0" in section.blocks[0].caption


def test_a_person_is_compared_with_the_last_round_they_were_in():
    rounds = [a_round("a", people=("ana", "bo")), a_round("b", people=("bo",))]
    found = compare_rounds(rounds, a_round("c", people=("ana", "bo", "new")))
    assert {c.annotator: c.since for c in found.compared} == {None: "b", "ana": "a", "bo": "b"}
    rounds[1].people["bo"].update(sensitivity=NOTHING)  # two people alone: nobody could say who errs
    found = compare_rounds(rounds, a_round("c", people=("bo",)))
    assert {c.figure.key: c.since for c in found.compared if c.annotator}["sensitivity"] == "a"
    assert {c.figure.key: c.since for c in found.compared if c.annotator}["specificity"] == "b"


def test_the_first_screen_has_three_sentences_at_most():
    lower, higher = of(0.1, 0.09, 0.11), of(0.9, 0.89, 0.91)
    changed = {"distance": lower, "sigma_visible": lower, "sigma_occluded": lower, "queued": lower,
               "raw_occlusion": lower, "gwet_ac1": lower}  # fmt: skip
    after = a_round("now", people=(), **changed)
    people = {"ana": dict.fromkeys((f.key for f in PERSON_FIGURES), higher)}
    said = since_earlier(compare_rounds([a_round("pilot")], RoundFigures("now", 400, 3.0, after.figures, people)))
    assert len(said) == 3
    assert said[0][1].text == (
        "two people are nearer to each other, visible joints are placed more precisely, occluded joints are placed "
        "more precisely and 1 more figure is better"
    )
    assert said[1][1].text.startswith("people agree less often on what is hidden")
    assert said[2].startswith("ana places joints less precisely than in pilot and ana gives more wrong names than in")


def test_names_and_gaps_do_no_harm(projects):
    sparse = a_round("<b>", people=("<script>", ""), **{f.key: NOTHING for f in ROUND_FIGURES})
    found = compare_rounds([sparse], sparse)
    assert [c.certain for c in found.compared] == [False] * len(found.compared)
    (section,) = rounds_section(found)
    assert section.blocks[0].formatted[0][1:] == ("–", "–", "–")
    assert since_earlier(found)[0][0] == "Since <b>: "
