"""People's own bodies: the common body's mesh with another shape, from outside what its shape parameters can express."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from core.body.model import BodyModel
from core.contract.errors import UserError


def bodies_from_templates(body: BodyModel, arrays: Mapping[str, np.ndarray]) -> tuple[BodyModel, ...]:
    """`templates` [N,V,3] and `joint_templates` [N,55,3] -> N bodies whose shape parameters do nothing."""
    templates, joints = (np.asarray(arrays[name], np.float32) for name in ("templates", "joint_templates"))
    if templates.shape[1:] != body.v_template.shape or joints.shape[1:] != body.J_template.shape:
        raise UserError(
            "bodies-unfit",
            f"The bodies have {templates.shape[1]} vertices, the body in use has {len(body.v_template)}.",
            "Use bodies that were made for this body.",
        )
    return tuple(
        replace(
            body,
            v_template=torch.from_numpy(template),
            J_template=torch.from_numpy(places),
            shapedirs=torch.zeros_like(body.shapedirs),
            J_shapedirs=torch.zeros_like(body.J_shapedirs),
            identity=f"{body.identity}, own body {number}",
        )
        for number, (template, places) in enumerate(zip(templates, joints))
    )
