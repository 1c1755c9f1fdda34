"""The energies of the fit: pure, differentiable functions, each a mean over its residuals in the unit that it names.

P = 2 people, T frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

_CHUNK = 256
"""Frames at a time where all pairs of spheres are compared, so that memory does not grow with the clip."""
_NEIGHBOURS_SECONDS = 0.1
"""Time between two frames from which on they are not neighbours, as where frames are spread over a long clip. In a clip that has
no frames nearer than this, it is one and a half of its time steps."""


def geman_mcclure(squared: Tensor, sigma: float) -> Tensor:
    """Robust loss of squared residuals, 1 for outliers, about squared / sigma^2 near zero (Geman and McClure, 1987)."""
    return squared / (squared + sigma * sigma)


def student_t(squared: Tensor) -> Tensor:
    """Half of squared sigmas near zero, growing like their logarithm far away: nats of Student's t, four degrees of freedom."""
    return 2 * torch.log1p(squared / 4)


def accelerations(points: Tensor, time: Tensor) -> Tensor:
    """[P,T-2,N,D], the second difference of points [P,T,N,D] over time [T] in seconds, whose steps may be uneven."""
    step = time.diff().clamp_min(1e-3)[:, None, None]
    return (points.diff(dim=1) / step).diff(dim=1) / ((step[1:] + step[:-1]) / 2)


def reprojection(pixels: Tensor, observed: Tensor, weight: Tensor, covariance: Tensor) -> Tensor:
    """Projected landmarks [P,T,N,2] against observed ones, weight [P,T,N]: Mahalanobis distances by the covariances [P,T,N,2,2]
    in px², robust beyond one."""
    x, y = (pixels - observed).unbind(-1)
    a, b, d = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    distance = (d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b)
    return (weight * geman_mcclure(distance, 1.0)).mean()


def metric_landmarks(points: Tensor, observed: Tensor, weight: Tensor, sigma: float) -> Tensor:
    """Points [P,T,N,3] about the hips' middle against the detector's metric landmarks, metres."""
    residual = points - observed
    return (weight * geman_mcclure((residual * residual).sum(-1), sigma)).mean()


def acceleration(points: Tensor, time: Tensor, limit: Tensor, weight: Tensor) -> Tensor:
    """Mean over P and T of the acceleration of points [P,T,N,D], weight [P,T,N], over time [T] in seconds, summed over N.

    Squared, (unit of points / s^2)^2, up to about the limit [P,T,N] of each point, and linear beyond it (pseudo-Huber): jitter
    costs in full, but a punch or a landing is not spread over the frames around it.
    """
    if len(time) < 3:
        return points.new_zeros(())
    squared = accelerations(points, time).square().sum(-1)
    cost = 2 * squared / (torch.sqrt(1 + squared / limit[:, 1:-1].square()) + 1)
    return (weight[:, 1:-1] * cost).sum(-1).mean()


def velocity(points: Tensor, time: Tensor, weight: Tensor) -> Tensor:
    """Mean squared velocity of points [P,T,N,D], weight [P,T-1,N]."""
    if len(time) < 2:
        return points.new_zeros(())
    step = time.diff().clamp_min(1e-3)[:, None, None]
    speed = points.diff(dim=1) / step
    return (weight * (speed * speed).sum(-1)).mean()


def floor_penetration(heights: Tensor) -> Tensor:
    """Squared depth of points [P,T,N] under the floor, metres^2."""
    return heights.clamp_max(0).square().mean()


def foot_contact_height(heights: Tensor, foot_contact: Tensor) -> Tensor:
    """Squared height of the lowest point of standing feet: heights [P,T,2,S] of the soles, foot_contact [P,T,2], metres^2."""
    return (foot_contact * heights.amin(-1).square()).mean()


def foot_slide(soles: Tensor, foot_contact: Tensor, time: Tensor) -> Tensor:
    """Squared displacement per frame of soles [P,T,2,S,3] with foot_contact [P,T,2] in both frames, metres^2.

    Frames at times [T] in seconds that are far apart do not count: between them a foot may have been anywhere.
    """
    if soles.shape[1] < 2:
        return soles.new_zeros(())
    step = time.diff().min()
    near_seconds = torch.where(has_no_neighbours(time), 1.5 * step, _NEIGHBOURS_SECONDS)
    near = (time.diff() < near_seconds).to(soles)
    both = torch.minimum(foot_contact[:, 1:], foot_contact[:, :-1]) * near[:, None]
    return (both[..., None] * soles.diff(dim=1).square().sum(-1)).mean()


def has_no_neighbours(time: Tensor) -> Tensor:
    """Whether all frames at times [T] in seconds are as far apart as in a clip of at most 10 frames per second; bool."""
    return time.diff().min() > 0.999 * _NEIGHBOURS_SECONDS


def outside_limits(angles: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Squared excess of axis-angles [P,T,21,3] over their bounds [21,3], radians^2."""
    return ((low - angles).clamp_min(0) + (angles - high).clamp_min(0)).square().sum(-1).mean()


def contact_gap(points_a: Tensor, points_b: Tensor, softness: float = 0.01) -> Tensor:
    """Distance [F] in metres of the nearest points of two clouds of points [F,N,3] and [F,M,3].

    The gradient is that of a smooth minimum, so that all pairs are pulled that are about as near; its value would be a little too
    small.
    """
    # one kernel for all pairs: with intermediate differences [F,N,M,3] contacts took nearly half of the last fit's time
    squared = torch.cdist(points_a, points_b, compute_mode="donot_use_mm_for_euclid_dist").square()
    distance = (squared + 1e-8).sqrt().flatten(1)
    smooth = -softness * torch.logsumexp(-distance / softness, 1)
    return smooth + (distance.amin(1) - smooth).detach()


def sphere_penetration(centres: Tensor, radii: Tensor, pairs: Tensor) -> Tensor:
    """Squared depth in metres^2 by which the two people's spheres are inside each other, summed over pairs, mean over frames.

    centres [2,T,S,3], radii [2,S], pairs int64 [N,3]: frame, sphere of person 0, sphere of person 1 (see `near_pairs`).
    """
    frame, first, second = pairs.unbind(1)
    apart = (centres[0, frame, first] - centres[1, frame, second]).square().sum(-1)
    depth = (radii[0, first] + radii[1, second] - (apart + 1e-8).sqrt()).clamp_min(0)
    return depth.square().sum() / centres.shape[1]


def near_pairs(centres: Tensor, radii: Tensor, margin: float) -> Tensor:
    """int64 [N,3] of the pairs of spheres (frame, of person 0, of person 1) whose surfaces are less than `margin` apart."""
    found = []
    for start in range(0, centres.shape[1], _CHUNK):
        apart = torch.cdist(centres[0, start : start + _CHUNK], centres[1, start : start + _CHUNK])
        near = (apart < radii[0][:, None] + radii[1][None] + margin).nonzero()
        found.append(near + near.new_tensor([start, 0, 0]))
    return torch.cat(found)


def depth_order(depth: Tensor, front: Tensor, margin: float) -> Tensor:
    """Violation of who is in front: depth [P,T] of the two, front [T] -1 (person 0 nearer) to 1, metres beyond the margin."""
    behind = depth[0] - depth[1]  # positive where person 1 is nearer
    return (front.abs() * (margin - front.sign() * behind).clamp_min(0)).mean()


def prior_joints(joints: Tensor, expected: Tensor, sigma_along: Tensor, sigma_across: Tensor, width: float) -> Tensor:
    """Joints [P,T,22,3] in the camera's frame, about their pelvis, against expected ones; robust beyond `width` sigmas.

    A joint has one sigma [P,T,22] along the ray from the camera through its expected place, and another one across the ray; the
    residual is a Mahalanobis distance.
    """
    residual = (joints - joints[:, :, :1]) - (expected - expected[:, :, :1])
    return geman_mcclure(_mahalanobis(residual, expected, sigma_along, sigma_across), width).mean()


def prior_relative(joints: Tensor, expected: Tensor, sigma_along: Tensor, sigma_across: Tensor, width: float) -> Tensor:
    """The second person's pelvis relative to the first's, joints [2,T,22,3], against the expected one; see `prior_joints`."""
    residual = (joints[1, :, 0] - joints[0, :, 0]) - (expected[1, :, 0] - expected[0, :, 0])
    along, across = (sigma[:, :, 0].square().sum(0).sqrt() for sigma in (sigma_along, sigma_across))
    return geman_mcclure(_mahalanobis(residual, expected[:, :, 0].sum(0), along, across), width).mean()


def _mahalanobis(residual: Tensor, ray: Tensor, sigma_along: Tensor, sigma_across: Tensor) -> Tensor:
    """Squared distances [...] in sigmas of residuals [...,3], along rays [...,3] of any length and across them."""
    along = (residual * torch.nn.functional.normalize(ray, dim=-1)).sum(-1)
    across_squared = (residual.square().sum(-1) - along.square()).clamp_min(0)
    return (along / sigma_along).square() + across_squared / sigma_across.square()
