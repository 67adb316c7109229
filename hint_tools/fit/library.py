"""Where a fit begins: poses seen from everywhere, matched to the keypoints without any descent.

One picture of 21 points can be explained by several hands (a finger bent towards the camera or away
from it). So several starting points are taken, from views that differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from hint_tools.fit.problem import MIN_DEPTH_M, Observations, Problem, State
from hint_tools.mano.topology import N_BETAS

SIZE = 6000
SPREAD = 0.9
"""Entries are drawn a little narrower than the prior: the far ends are reached by descent."""
SEED = 0
_CANDIDATES_PER_HYPOTHESIS = 6
_NO_SIZE = 1e-6
"""A hand seen this small (over its own metres, over the focal length) is all keypoints in one place."""
SAME_VIEW_COS = 0.94
"""Views within 20 degrees of each other count as one."""


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Prepared poses.

    Args:
        z: (m, k) whitened poses.
        root: (m, 3, 3) orientations, uniform.
        points: (m, 21, 3) joints with the wrist at the origin, m.
    """

    z: Tensor
    root: Tensor
    points: Tensor

    @classmethod
    def of(cls, problem: Problem, size: int = SIZE) -> Library:
        """`size` entries; the same every time."""
        rng = np.random.default_rng(SEED)
        dtype = problem.skeleton.dtype
        z = torch.tensor(rng.standard_normal((size, problem.prior.size)) * SPREAD, dtype=dtype)
        root = torch.tensor(Rotation.random(size, random_state=rng).as_matrix(), dtype=dtype)
        state = State(root, torch.zeros(size, 3, dtype=dtype), z, torch.zeros(size, N_BETAS, dtype=dtype))
        return cls(z=z, root=root, points=problem.place(state).points)

    def hypotheses(self, seen: Observations, count: int) -> State:
        """`count` starting points for each of n hands, (n * count) rows, a hand's best first.

        Image and entry are compared as complex numbers: the best turn, scale and shift in the plane is
        one complex regression, so matching all with all is a few matrix products (Kendall 1984).
        """
        weight = _precision(seen)
        image = torch.complex(seen.keypoints[..., 0], seen.keypoints[..., 1]) / seen.focal_px[:, None]
        image = torch.where(weight > 0, image, torch.zeros_like(image))
        share = (weight / weight.sum(1, keepdim=True)).to(image.dtype)
        flat = torch.complex(self.points[..., 0], self.points[..., 1])
        image_mean = (share * image).sum(1, keepdim=True)
        flat_mean = share @ flat.T
        cross = (share * (image - image_mean)) @ flat.conj().T
        energy = (share.real @ flat.abs().square().T - flat_mean.abs().square()).clamp_min(1e-12)
        chosen = self._diverse(-(cross.abs().square() / energy), count)
        hand = torch.arange(len(image)).repeat_interleave(count)
        entry = chosen.reshape(-1)
        similarity = cross[hand, entry] / energy[hand, entry]
        offset = image_mean[hand, 0] - similarity * flat_mean[hand, entry]
        depth_of_center = (share.real[hand] * self.points[entry][..., 2]).sum(1)
        return self._started(entry, similarity, offset, depth_of_center)

    def _diverse(self, misfit: Tensor, count: int) -> Tensor:
        """Entries (n, count) that fit best, from views that differ as far as possible."""
        candidates = misfit.topk(count * _CANDIDATES_PER_HYPOTHESIS, largest=False, sorted=True)
        view = self.root[:, 2][candidates.indices]
        near = (view @ view.transpose(1, 2)) > SAME_VIEW_COS
        rank = torch.arange(near.shape[1]).expand(len(misfit), -1)
        blocked = torch.zeros_like(rank)
        picks = []
        for _ in range(count):
            # a taken candidate is out for good, one of a taken view only after all others
            pick = (rank + blocked).argmin(dim=1)
            picks.append(candidates.indices.gather(1, pick[:, None]))
            rows = torch.arange(len(misfit))
            blocked = blocked + near[rows, pick] * near.shape[1]
            blocked[rows, pick] += near.shape[1] ** 2
        return torch.cat(picks, dim=1)

    def _started(self, entry: Tensor, similarity: Tensor, offset: Tensor, depth_of_center: Tensor) -> State:
        size = similarity.abs()
        turn = torch.where(size > _NO_SIZE, similarity / size.clamp_min(_NO_SIZE), torch.ones_like(similarity))
        zero, one = torch.zeros_like(turn.real), torch.ones_like(turn.real)
        rows = [turn.real, -turn.imag, zero, turn.imag, turn.real, zero, zero, zero, one]
        in_plane = torch.stack(rows, dim=-1).reshape(-1, 3, 3)
        depth = 1 / size.clamp_min(_NO_SIZE)
        wrist_depth = (depth - depth_of_center).clamp_min(MIN_DEPTH_M)
        wrist = torch.stack([offset.real * depth, offset.imag * depth, wrist_depth], dim=-1)
        z = self.z[entry]
        return State(in_plane @ self.root[entry], wrist, z.clone(), z.new_zeros(len(z), N_BETAS))


def _precision(seen: Observations) -> Tensor:
    """Weight (n, 21) of each keypoint: mean inverse variance, 1/px²."""
    return seen.whitening.square().sum(dim=(-1, -2)) / 2
