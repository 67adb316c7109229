"""Random people: MakeHuman's own phenotype targets mixed at random."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from open_hand.source import MakeHuman

Floats = npt.NDArray[np.float64]

_RACES = ("african", "asian", "caucasian")
_HAND_TARGETS = (("scale", 0.1), ("fingers-length", 0.3), ("fingers-diameter", 0.5), ("fingers-distance", 0.25))
"""Targets sculpted for the hand, and how far people spread along them."""
_WRIST_TARGET, _WRIST_SPREAD = "measure-wrist-circ", 0.25


def average_person(source: MakeHuman) -> Floats:
    """Vertices (n, 3) of a person in the middle of every scale, dm."""
    return _phenotype(source, 0.5, 0.5, 0.5, 0.5, np.full(3, 1 / 3))


def random_person(source: MakeHuman, rng: np.random.Generator) -> Floats:
    """Vertices (n, 3) of a random adult, dm."""
    age = np.clip(rng.normal(0.55, 0.1), 0.42, 1)
    muscle, weight = np.clip(rng.normal(0.5, (0.22, 0.25)), 0, 1)
    person = _phenotype(source, rng.uniform(), float(age), float(muscle), float(weight), rng.dirichlet(np.ones(3)))
    for name, spread in _HAND_TARGETS:
        person += _pushed(source, f"r-hand-{name}", float(np.clip(rng.normal(0, spread), -1, 1)))
    return person + _pushed(source, _WRIST_TARGET, float(np.clip(rng.normal(0, _WRIST_SPREAD), -0.5, 0.5)))


def _pushed(source: MakeHuman, name: str, amount: float) -> Floats:
    return abs(amount) * source.targets[f"{name}-{'incr' if amount > 0 else 'decr'}"]


def _phenotype(source: MakeHuman, male: float, age: float, muscle: float, weight: float, races: Floats) -> Floats:
    """The macro targets are corners of a grid; a person is a blend of the corners around it."""
    genders = {"male": male, "female": 1 - male}
    ages = {"child": max(0.0, 1 - 2 * age), "young": 1 - abs(2 * age - 1), "old": max(0.0, 2 * age - 1)}
    person = source.vertices.copy()
    for (gender, a), (years, b) in itertools.product(genders.items(), ages.items()):
        blend = {f"{race}-{gender}-{years}": share for race, share in zip(_RACES, races, strict=True)}
        for (fit, c), (mass, d) in itertools.product(
            _three(muscle, "muscle").items(), _three(weight, "weight").items()
        ):
            blend[f"universal-{gender}-{years}-{fit}-{mass}"] = c * d
        for name, share in blend.items():
            if a * b * share > 0 and name in source.targets:
                person += a * b * share * source.targets[name]
    return person


def _three(value: float, name: str) -> dict[str, float]:
    """How much of the low, middle and high corner a value in [0, 1] takes."""
    return {
        f"min{name}": max(0.0, 1 - 2 * value),
        f"average{name}": 1 - abs(2 * value - 1),
        f"max{name}": max(0.0, 2 * value - 1),
    }
