"""Make people whose bodies our shape space cannot express, for rendered clips: benchmarks/heldout_bodies.npz.

From the same source as the default body (see `build_body.py` and core/body/data/LICENSE.md), in its order of vertices and with
its joint regressor, but each with traits that the fitted population did not vary. The file: `templates` [N,V,3] and
`joint_templates` [N,55,3] metres in the rest pose, `names` [N], `heights` [N] metres, `betas` [N,16] of the nearest body of the
shape space, and how far that one is from the person: `residual_mm` [N,3], mean, 95 % and greatest distance of vertices, and
`joint_residual_mm` [N], mean over the 22 body joints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.contract.files import write_npz
from core.contract.skeleton import BODY_JOINTS

from ..paths import ROOT
from . import people, rest_pose, skinning
from .build_body import rounded, say, to_rest_pose
from .source import Shape, Source, load_source, shapes

DEFAULT_BODY = ROOT / "core" / "body" / "data" / "SMPLX_NEUTRAL.npz"

Traits = dict[str, float]
PEOPLE: dict[str, tuple[float, Traits, Traits]] = {
    # name: (height in metres; Anny's other phenotypes, of which gender 0 is a man and 1 a woman; local changes of -1 to 1,
    # beyond the population's or not varied in it)
    "tall slim man": (
        1.95,
        {"gender": 0, "age": 0.70, "weight": 0.25, "muscle": 0.35, "proportions": 0.7, "african": 1},
        {"measure-waist-circ-incr": -0.6, "lowerarm-scale-vert-incr": 0.5, "neck-scale-vert-incr": 0.8,
         "hand-fingers-length-incr": 0.7, "leg-valgus-incr": 0.4},
    ),
    "stocky man": (
        1.67,
        {"gender": 0, "age": 0.80, "weight": 0.78, "muscle": 0.8, "proportions": 0.2, "caucasian": 1},
        {"measure-neck-circ-incr": 0.9, "upperarm-shoulder-muscle-incr": 0.9, "torso-muscle-dorsi-incr": 0.8,
         "measure-calf-circ-incr": 0.7, "upperleg-scale-horiz-incr": 0.4, "head-fat-incr": 0.6},
    ),
    "heavy man": (
        1.77,
        {"gender": 0, "age": 0.84, "weight": 1.0, "muscle": 0.3, "proportions": 0.4, "caucasian": 1},
        {"stomach-pregnant-incr": 0.9, "stomach-tone-incr": -0.9, "neck-double-incr": 0.9, "torso-scale-depth-incr": 0.5,
         "measure-waist-circ-incr": 0.7, "upperarm-fat-incr": 0.7},
    ),
    "athletic man": (
        1.80,
        {"gender": 0, "age": 0.68, "weight": 0.5, "muscle": 1.0, "proportions": 0.9, "asian": 1},
        {"torso-vshape-incr": 1.0, "torso-muscle-pectoral-incr": 1.0, "upperarm-muscle-incr": 0.9,
         "upperleg-muscle-incr": 0.9, "lowerarm-muscle-incr": 0.8, "measure-waist-circ-incr": -0.5},
    ),
    "old man": (
        1.69,
        {"gender": 0, "age": 1.0, "weight": 0.45, "muscle": 0.15, "proportions": 0.3, "caucasian": 1},
        {"head-age-incr": 0.9, "neck-trans-forward": 0.9, "head-trans-forward": 0.7,
         "stomach-tone-incr": -0.7, "ear-scale-incr": 0.9},
    ),
    "boy": (
        1.53,
        {"gender": 0.1, "age": 0.48, "weight": 0.42, "muscle": 0.4, "proportions": 0.5, "asian": 1},
        {"hand-scale-incr": 0.5, "foot-scale-incr": 0.7, "measure-lowerleg-height-incr": 0.3},
    ),
    "broad man": (
        1.86,
        {"gender": 0, "age": 0.75, "weight": 0.66, "muscle": 0.55, "proportions": 0.5, "african": 1},
        {"measure-shoulder-dist-incr": 0.9, "hip-scale-vert-incr": 0.7, "measure-waisttohip-dist-incr": 0.5,
         "lowerarm-scale-horiz-incr": 0.6, "leg-valgus-incr": -0.6},
    ),
    "tall woman": (
        1.83,
        {"gender": 1, "age": 0.70, "weight": 0.42, "muscle": 0.5, "proportions": 0.8, "caucasian": 1},
        {"measure-upperleg-height-incr": 0.6, "lowerlegs-height-incr": 0.5, "hip-waist-up": 0.7,
         "measure-hips-circ-incr": -0.4, "head-scale-horiz-incr": -0.5},
    ),
    "small woman": (
        1.50,
        {"gender": 1, "age": 0.69, "weight": 0.35, "muscle": 0.4, "proportions": 0.6, "asian": 1},
        {"head-scale-vert-incr": 0.5, "hand-scale-incr": -0.7, "foot-scale-incr": -0.7, "leg-valgus-incr": 0.6,
         "measure-shoulder-dist-incr": -0.7},
    ),
    "heavy woman": (
        1.66,
        {"gender": 1, "age": 0.80, "weight": 0.98, "muscle": 0.35, "proportions": 0.4, "cupsize": 0.8,
         "african": 1},
        {"upperleg-fat-incr": 0.9, "upperarm-fat-incr": 0.9, "measure-hips-circ-incr": 0.8, "stomach-tone-incr": -0.8,
         "buttocks-volume-incr": 0.9, "neck-double-incr": 0.6},
    ),
    "pregnant woman": (
        1.68,
        {"gender": 1, "age": 0.70, "weight": 0.5, "muscle": 0.4, "proportions": 0.5, "cupsize": 0.7,
         "caucasian": 1},
        {"stomach-pregnant-incr": 1.0, "breast-volume-vert-up": 0.5, "hip-trans-forward": -0.4, "stomach-navel-out": 0.8},
    ),
    "old woman": (
        1.57,
        {"gender": 1, "age": 1.0, "weight": 0.6, "muscle": 0.2, "proportions": 0.3, "cupsize": 0.6,
         "caucasian": 1},
        {"head-age-incr": 0.9, "neck-trans-forward": 0.8, "head-trans-forward": 0.6, "torso-scale-vert-incr": -0.7,
         "stomach-tone-incr": -0.6, "leg-valgus-incr": -0.5},
    ),
    "girl": (
        1.57,
        {"gender": 0.9, "age": 0.50, "weight": 0.4, "muscle": 0.4, "proportions": 0.5, "cupsize": 0.2,
         "african": 1},
        {"measure-lowerleg-height-incr": 0.4, "lowerarm-scale-vert-incr": 0.4, "neck-scale-horiz-incr": -0.4},
    ),
    "muscular woman": (
        1.71,
        {"gender": 1, "age": 0.70, "weight": 0.55, "muscle": 1.0, "proportions": 0.7, "cupsize": 0.2,
         "asian": 1},
        {"upperarm-shoulder-muscle-incr": 0.9, "torso-muscle-dorsi-incr": 0.9, "upperleg-muscle-incr": 0.8,
         "lowerleg-muscle-incr": 0.8, "measure-waist-circ-incr": -0.4},
    ),
}  # fmt: skip


def build_file(out: Path, cache: Path | None) -> None:
    """Write the bodies and print how far each is from the shape space."""
    with np.load(DEFAULT_BODY) as archive:
        body = {name: archive[name] for name in ("v_template", "shapedirs", "J_regressor", "base_mesh_index", "f")}
    found = outside(load_source(cache), body)
    write_npz(out, found, compress=True)
    for index, name in enumerate(PEOPLE):
        mean, most, worst = found["residual_mm"][index]
        say(
            f"{name:16s} {found['heights'][index]:.2f} m; from the nearest body {mean:4.1f} mm, 95 % {most:4.1f}, at most "
            f"{worst:5.1f}, joints {found['joint_residual_mm'][index]:4.1f}; largest beta "
            f"{np.abs(found['betas'][index]).max():.1f}"
        )
    say(f"all: {found['residual_mm'][:, 0].mean():.1f} mm, joints {found['joint_residual_mm'].mean():.1f} mm")
    say(f"wrote {out}, {out.stat().st_size / 1e6:.1f} MB")


def outside(source: Source, body: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of the file."""
    average = shapes(source, people.AVERAGE, people.PROPORTIONS)[0]
    weights = skinning.skinning_weights(source, average.vertices, rest_pose.joints_in_source(source, average))
    number = {base: index for index, base in enumerate(source.base_vertices.tolist())}
    order = np.array([number[base] for base in body["base_mesh_index"].tolist()])
    templates, joints = [], []
    for height, phenotypes, changes in PEOPLE.values():
        shape = _of_height(source, height, _phenotypes(phenotypes), _changes(changes, source.model.local_change_labels))
        vertices = to_rest_pose(source, shape, weights).vertices[order]
        # joints by the default body's own definition, so that none differs by definition alone
        at = body["J_regressor"].astype(float) @ vertices
        templates.append(vertices - at[0] + rest_pose.PELVIS)
        joints.append(at - at[0] + rest_pose.PELVIS)
    vertices, places = np.stack(templates), np.stack(joints)
    betas, residual, joint_residual = nearest_bodies(body, vertices, places)
    return {
        "templates": rounded(vertices, 15),
        "joint_templates": rounded(places, 20),
        "names": np.array(list(PEOPLE)),
        "heights": np.ptp(vertices[..., 1], 1).astype(np.float32),
        "betas": betas.astype(np.float32),
        "residual_mm": residual.astype(np.float32),
        "joint_residual_mm": joint_residual.astype(np.float32),
    }


def _of_height(source: Source, height: float, phenotypes: dict[str, Any], changes: dict[str, Any]) -> Shape:
    """The person whose phenotype of height (0-1) makes them so many metres tall."""

    def person(trait: float) -> Shape:
        return shapes(source, {**phenotypes, "height": trait}, changes)[0]

    low, high = 0.0, 1.0
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (low, middle) if np.ptp(person(middle).vertices[:, 1]) > height else (middle, high)
    return person(low)


def nearest_bodies(
    body: dict[str, np.ndarray], vertices: np.ndarray, joints: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Betas [N,16] of any size that come nearest to people [N,V,3] by area, pelvis on pelvis, and what is left in mm:
    of vertices (mean, 95 %, greatest) [N,3] and of body joints (mean) [N]."""
    regressor, mean = body["J_regressor"].astype(float), body["v_template"].astype(float)
    directions = body["shapedirs"][..., :16].astype(float)
    mean_joints, joint_directions = regressor @ mean, np.einsum("jv,vdk->jdk", regressor, directions)
    about, moving = mean - mean_joints[0], directions - joint_directions[0]
    area = _vertex_areas(mean, body["f"].astype(int))
    weight = np.repeat(np.sqrt(area), 3)
    matrix = moving.reshape(-1, moving.shape[-1]) * weight[:, None]
    offsets = vertices - joints[:, :1] - about
    betas = np.linalg.lstsq(matrix, (offsets.reshape(len(vertices), -1) * weight).T, rcond=None)[0].T
    left = np.linalg.norm(offsets - np.einsum("vdk,nk->nvd", moving, betas), axis=-1) * 1000
    own = joints - joints[:, :1]
    fitted = mean_joints - mean_joints[0] + np.einsum("jdk,nk->njd", joint_directions - joint_directions[0], betas)
    joint_left = np.linalg.norm(own - fitted, axis=-1)[:, : len(BODY_JOINTS)] * 1000
    mean_left = (left * area).sum(1) / area.sum()
    return betas, np.stack([mean_left, np.percentile(left, 95, 1), left.max(1)], 1), joint_left.mean(1)


def _vertex_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    first, second, third = vertices[faces].transpose(1, 0, 2)
    each = np.linalg.norm(np.cross(second - first, third - first), axis=1) / 6
    return np.bincount(faces.ravel(), np.repeat(each, 3), len(vertices))


def _phenotypes(traits: Traits) -> dict[str, Any]:
    ancestries = dict.fromkeys(("african", "asian", "caucasian"), 0.0)
    return {**people.AVERAGE, "firmness": 0.5, **ancestries, **traits}


def _changes(traits: Traits, known: list[str]) -> dict[str, Any]:
    """Both sides of what has sides, on top of the default body's mean proportions."""
    changes: dict[str, Any] = dict(people.PROPORTIONS)
    for name, value in traits.items():
        names = [name] if name in known else [f"{side}-{name}" for side in "lr"]
        missing = set(names) - set(known)
        if missing:
            raise KeyError(f"Anny has no local change {missing}")
        changes |= dict.fromkeys(names, value)
    return changes
