"""How each figure of the report is computed, in a line each: part of the report itself."""

from __future__ import annotations

from typing import Final

METHODS: Final[tuple[tuple[str, str], ...]] = (
    ("hand size", "Square root of the area of the box around the consensus joints; never an annotator's own box."),
    ("mean distance", "Mean distance of two annotators' joints over the hand size, mistakes included."),
    (
        "within 0.05, 0.10, 0.15",
        "Part of the joints at most so far apart, of max(width, height) of the hand, as in HInt's benchmark.",
    ),
    (
        "within ¼ palm",
        "Part of the joints within a quarter of the distance from wrist to middle MCP, HInt's own measure.",
    ),
    (
        "95 %",
        "Over images, not joints, which err together: bootstrap-t for means, percentiles for medians, Wilson's for "
        "shares, of as many joints as are worth independent ones.",
    ),
    ("σ", "sqrt(median(d²) / (4 ln 2)) over pairs that agree on the joint's state; wrongly named fingers left out."),
    ("rms", "sqrt(mean(d²) / 4) over the same pairs; COCO's σ is sqrt(2) times that."),
    ("error, × average", "f_a² + f_b² = median(d²/σ²) / (2 ln 2) for every two annotators; no interval for two alone."),
    ("raw agreement", "Chance that two people give one joint the same state, mean over joints."),
    ("AC1", "Gwet's first-order agreement coefficient, two categories, any number of people."),
    ("alpha", "Krippendorff's alpha for nominal data."),
    (
        "wrong names of fingers",
        "A naming of five fingers, each forward or reversed, that lowers the truncated sum of d²/σ² enough.",
    ),
    ("consensus", "Huber's weighted mean from the geometric median; weights 1/σ² by joint, state and annotator."),
    (
        "OKS, %",
        "COCO's similarity with the measured σ, over the 0.8 that two average people reach who err by σ alone; the "
        "same point is 125 %. Above 100 %: people, or joints, more precise than the σ they are held to; joints both "
        "left on the pre-label.",
    ),
    ("kappa", "Fleiss' kappa, over joints judged at least twice."),
    (
        "visibility; occluded or visible joints called so",
        "Dawid and Skene's estimate by expectation maximisation; for visibility the rest of the finger counts, too.",
    ),
    ("habits", "Mean offset from the mean of the others in the hand's own frame, pulled towards zero by its noise."),
    ("gold hands", "Wald's sequential test between failure rates of 5 % and 20 %."),
    ("changes", "CUSUM test on each annotator's distance to the others, picture by picture."),
    (
        "better, worse since an earlier round",
        "Newcombe's interval of a difference, by both rounds' own, leaves zero out; Holm's procedure over all figures.",
    ),
    (
        "chance of a mistake",
        "Bayes' theorem over all that may be wrong with an answer, at rates and with hands as hard as the round shows.",
    ),
)
"""(figure, method)."""
