"""Measures what several takes of a clip are worth: how near the best one comes to the truth, and how much takes differ.

Rows are ways to make takes: the infiller as it is in the product (`diffusion`) and without its guidance (`no-guidance`), the
ST-GCN's prediction alone (`mean`), and that with smooth noise of the size of its sigma (`deviation`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from jaxtyping import Float

from core.body.files import load_body
from core.body.model import BodyModel
from core.fitting.camera import KnownCamera
from core.infilling.infill import InfillScene
from core.perception.detections import Detections
from core.pipeline import stages
from core.pipeline.nodes import TakeSettings, first_take_nodes, nodes_of_detections
from core.pipeline.settings import PipelineSettings
from core.pipeline.stage import Given
from core.reporting import SilentReporter
from core.smoothing.smooth import load_smoother

from ..choreography.interaction import Interaction
from . import metrics
from .benchmark_clip import OCCLUDED, VISIBLE, BenchmarkClip, Estimate
from .detection_noise.noise_model import load_noise
from .deviation import deviating_take
from .methods import run_nodes, run_product
from .pairs_2d import simulate_clip
from .scores import compare_joints, score, true_surfaces

MEASURES = (
    "hidden", "hidden, best", "int", "int, best", "contact distance", "contact distance, best", "penetration", "deepest",
    "jitter", "differ, hidden", "differ, seen",
)  # fmt: skip
"""The table's columns, mm but for the jitter (m/s³).

Means over the takes; best: of the take that is best in it. differ: mean distance of a joint, about its own pelvis, from the mean
of all takes.
"""
_AVERAGED = {"penetration_mean": "penetration", "penetration_max": "deepest", "jitter": "jitter"}
_WITH_BEST = {"mpjpe_hidden": "hidden", "int": "int", "contact_distance": "contact distance"}

Sampler = Callable[[Detections, BodyModel, int], Estimate]
"""From detections, body and seed to a take."""


def _of_product(detections: Detections, body: BodyModel, seed: int, *, without: Sequence[str] = ()) -> Estimate:
    settings = PipelineSettings().without(*without)
    return run_product(detections, body, TakeSettings(seed=seed), SilentReporter(), settings)


def _deviating(detections: Detections, body: BodyModel, seed: int) -> Estimate:
    settings = PipelineSettings()
    clip = nodes_of_detections(Given(detections, "clip"), KnownCamera(), Given(body, body.identity))
    take = first_take_nodes(clip, TakeSettings(seed=seed), settings)
    results = run_nodes(
        [clip.scene, take.prediction, take.starting_fit, take.constraints], detections, body, SilentReporter()
    )
    scene, fitted, constraints = results[clip.scene], results[take.starting_fit], results[take.constraints]
    infilled = deviating_take(
        InfillScene.of(scene, results[take.prediction], fitted), load_smoother(), settings.temperature, seed
    )
    solved = stages.solved_motion(scene, infilled, fitted, constraints, None, settings.contact_fit, SilentReporter())
    return Estimate(solved.motion_inworld, solved.camera, constraints.targets.contacts, results.seconds)


SAMPLERS: Mapping[str, Sampler] = {
    "mean": partial(_of_product, without=("infiller",)),
    "deviation": _deviating,
    "no-guidance": partial(_of_product, without=("guidance",)),
    "diffusion": _of_product,
}


def takes_table(interactions: Sequence[Interaction], samplers: Sequence[str], count: int, seed: int) -> str:
    """Means over clips of each sampler's `MEASURES`, in Markdown: `count` takes of each interaction."""
    body, noise = load_body(None), load_noise()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in samplers}
    for interaction in interactions:
        clip = simulate_clip(interaction, seed, body, noise)
        for name in samplers:
            found[name].append(measure_takes(clip, body, SAMPLERS[name], count))
    lines = [f"| | {' | '.join(MEASURES)} |", "|---" * (len(MEASURES) + 1) + "|"]
    for name, clips in found.items():
        values = [[clip[measure] for clip in clips if measure in clip] for measure in MEASURES]
        lines.append(f"| {name} | {' | '.join(f'{np.mean(each):.1f}' if each else '–' for each in values)} |")
    return "\n".join(lines)


def measure_takes(clip: BenchmarkClip, body: BodyModel, sampler: Sampler, count: int) -> dict[str, float]:
    """`MEASURES` of the takes of seeds 1 to `count` (0 stands for the most likely one); those that the clip does not define are
    left out."""
    surfaces = true_surfaces(clip, body)
    estimates = [sampler(clip.detections, body, seed) for seed in range(1, count + 1)]
    results = [score(clip, estimate, body, surfaces=surfaces).metrics for estimate in estimates]
    found: dict[str, float] = {}
    for key, name in {**_WITH_BEST, **_AVERAGED}.items():
        values = [result[key] for result in results if key in result]
        if values:
            found[name] = float(np.mean(values))
            if key in _WITH_BEST:
                found[f"{name}, best"] = min(values)
    visibility = clip.truth.visibility[:, clip.detections.frame_index]
    differ = differences([compare_joints(clip, estimate, body).incam for estimate in estimates])
    for name, kind in (("hidden", OCCLUDED), ("seen", VISIBLE)):
        if (visibility == kind).any():
            found[f"differ, {name}"] = float(differ[visibility == kind].mean() * metrics.MM)
    return found


def differences(takes: Sequence[Float[np.ndarray, "2 T J 3"]]) -> Float[np.ndarray, "2 T J"]:
    """How far, in metres, each joint is on average from the mean of all takes, each person aligned at the pelvis."""
    poses = np.stack([metrics.root_relative(joints) for joints in takes])
    return np.linalg.norm(poses - poses.mean(0), axis=-1).mean(0)
