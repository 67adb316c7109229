"""The verbs and their one-line summaries, known without importing any of them."""

from __future__ import annotations

from typing import Final

SUMMARIES: Final[dict[str, str]] = {
    "demo": "Run a whole round on a synthetic world, scored by exact truth.",
    "init": "Make a project folder.",
    "sample": "Choose frames and hands of a dataset or folder; extract them.",
    "prelabel": "Predict 21 keypoints a hand; find hands where none are given.",
    "server": "A real Label Studio on this machine: up, down, status, install.",
    "login": "Keep the token of a Label Studio of your own.",
    "push": "Send hands and predictions to Label Studio.",
    "pull": "Bring back every annotation of every annotator.",
    "qc": "Measure agreement, name mistakes, make consensus and queue.",
    "fit": "Fit MANO to the consensus, with uncertainty.",
    "release": "Freeze and check datasets: build, verify, rebuild.",
    "train": "Train HaMeR on a release.",
    "hamer": "Look into HaMeR checkpoints, convert them: info, convert.",
    "predict": "Meshes, keypoints and cameras of the hands in your pictures.",
    "benchmark": "Score a checkpoint on all, visible and occluded joints.",
    "run": "Run the stages of a pipeline file, resumed where it stopped.",
    "status": "Say what is done, what is stale and what comes next.",
    "doctor": "Check this machine; say the command that mends each finding.",
}
