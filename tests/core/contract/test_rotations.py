"""Conversions between rotations that the add-on and the exports share."""

from __future__ import annotations

import numpy as np

from core.contract.rotations import inverse_affine


def test_the_inverse_of_affine_matrices_also_undoes_scale_and_shear() -> None:
    matrices = np.tile(np.eye(4), (5, 3, 1, 1))
    matrices[..., :3, :] += np.random.default_rng(0).normal(0, 0.3, (5, 3, 3, 4))
    np.testing.assert_allclose(
        inverse_affine(matrices) @ matrices, np.broadcast_to(np.eye(4), (5, 3, 4, 4)), atol=1e-12
    )
