"""Runs MoGe-2 (Wang et al., arXiv 2507.02546), a model of the hub: metric points and normals of everything in a picture.

Its ONNX file gives points up to a shift along the optical axis, and a scale (docs/onnx.md of github.com/microsoft/MoGe). Shift
and focal length follow from where each point is seen, as section 3.1 of MoGe (arXiv 2410.19115) describes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ..contract.errors import UserError

MODEL = "moge-2"
_FILE = "model.onnx"
_TOKENS = 1800
"""Tokens of the vision transformer, the middle of the range that the model was trained for; more is slower and finer."""
_LONG_SIDE = 672
"""px; what the tokens resolve."""
_TICK_SECONDS = 0.1
_GRID = 48
"""Points in each direction from which the focal length is found."""
_OUTLIER = 0.005
"""Picture diagonals that a point may be off its pixel; farther ones count less."""
_FOCALS = (0.3, 6.0)
"""Picture diagonals between which it is sought."""


@dataclass(frozen=True)
class PointMap:
    """What a picture shows in three dimensions, in the camera's frame (x right, y down, z forward)."""

    points: Float[np.ndarray, "H W 3"]
    """metres"""
    normals: Float[np.ndarray, "H W 3"]
    """Unit, facing the camera; zeros where the model gives none."""
    valid: Bool[np.ndarray, "H W"]
    """False for the sky and what else has no distance."""
    focal: float
    """Picture diagonals."""


class MogeModel:
    """A loaded model. UserError `model-damaged` where the file is none of MoGe-2."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        import torch

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        available = onnxruntime.get_available_providers()
        providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
        try:
            self._session: Any = onnxruntime.InferenceSession(str(folder / _FILE), options, providers=providers)
        except Exception as error:  # onnxruntime's own types, which have no common base
            raise UserError(
                "model-damaged",
                f"{folder / _FILE} cannot be loaded: {_first_line(error)}.",
                "Download the model again.",
            ) from error
        inputs = {each.name for each in self._session.get_inputs()}
        outputs = {each.name for each in self._session.get_outputs()}
        if "image" not in inputs or not {"points", "mask", "metric_scale"} <= outputs:
            raise UserError(
                "model-damaged", f"{folder / _FILE} is not a network of MoGe-2.", "Download the model again."
            )
        self._takes_tokens = "num_tokens" in inputs
        self._outputs = [name for name in ("points", "normal", "mask", "metric_scale") if name in outputs]

    def predict(
        self, picture: UInt8[np.ndarray, "h w 3"], while_running: Callable[[], None] = lambda: None
    ) -> PointMap | None:
        """The points of an RGB picture, at most 672 px wide or high; None where no focal length explains them.

        `while_running` is called several times a second; what it raises stops the network and is raised from here.
        """
        import cv2

        scale = min(1.0, _LONG_SIDE / max(picture.shape[:2]))
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        feed: dict[str, np.ndarray] = {"image": small.astype(np.float32).transpose(2, 0, 1)[None] / 255}
        if self._takes_tokens:
            feed["num_tokens"] = np.array(_TOKENS, np.int64)
        found = self._run(feed, while_running)
        points = found["points"][0]
        return point_map(
            points,
            found["normal"][0] if "normal" in found else np.zeros_like(points),
            found["mask"][0] > 0.5,
            float(found["metric_scale"].reshape(-1)[0]),
        )

    def _run(self, feed: dict[str, np.ndarray], while_running: Callable[[], None]) -> dict[str, np.ndarray]:
        import onnxruntime

        options = onnxruntime.RunOptions()
        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(self._session.run, self._outputs, feed, options)
            try:
                while not running.done():
                    wait([running], timeout=_TICK_SECONDS)
                    while_running()
            except BaseException:
                options.terminate = True
                raise
            outputs = running.result()
        return dict(zip(self._outputs, (np.asarray(each, np.float32) for each in outputs)))


def point_map(
    points: Float[np.ndarray, "H W 3"],
    normals: Float[np.ndarray, "H W 3"],
    valid: Bool[np.ndarray, "H W"],
    metric_scale: float,
) -> PointMap | None:
    """The point map of a network's answer, whose points lack a shift along z and a scale. None where it makes no sense."""
    finite: np.ndarray = np.all(np.isfinite(points), axis=-1) & np.all(np.isfinite(normals), axis=-1)
    valid = valid & finite
    solved = focal_and_shift(np.where(finite[..., None], points, 0), valid)
    if solved is None or not np.isfinite(metric_scale) or metric_scale <= 0:
        return None
    focal, shift = solved
    placed = np.where(finite[..., None], points, 0) + np.array([0, 0, shift], np.float32)
    valid = valid & (placed[..., 2] > 0)
    placed = np.where(valid[..., None], placed * metric_scale, 0).astype(np.float32)
    lengths = np.linalg.norm(normals, axis=-1, keepdims=True)
    unit = np.where(finite[..., None] & (lengths > 1e-6), normals / np.maximum(lengths, 1e-6), 0)
    away = (unit * placed).sum(-1, keepdims=True) > 0
    return PointMap(placed, np.where(away, -unit, unit).astype(np.float32), valid, focal)


def focal_and_shift(points: Float[np.ndarray, "H W 3"], valid: Bool[np.ndarray, "H W"]) -> tuple[float, float] | None:
    """The focal length in picture diagonals, and what has to be added to z, so that points lie on their pixels' rays.

    For each shift the best focal length is known in closed form; the shift is found by search, with outliers weighted down.
    """
    from scipy.optimize import minimize_scalar

    height, width = valid.shape
    rows = np.unique(np.linspace(0, height - 1, _GRID).astype(int))
    columns = np.unique(np.linspace(0, width - 1, _GRID).astype(int))
    grid = np.ix_(rows, columns)
    chosen, kept = points[grid].astype(np.float64), valid[grid]
    if kept.sum() < 50:
        return None
    diagonal = float(np.hypot(width, height))
    u = np.broadcast_to((columns + 0.5 - width / 2) / diagonal, kept.shape)[kept]
    v = np.broadcast_to(((rows + 0.5 - height / 2) / diagonal)[:, None], kept.shape)[kept]
    seen, (x, y, z) = np.stack([u, v], 1), chosen[kept].T
    spread = max(float(np.ptp(z)), float(np.abs(chosen[kept][:, :2]).max()), 1e-6)

    def projected(log_gap: float) -> tuple[np.ndarray, float, float]:
        shift = spread * float(np.exp(log_gap)) - float(z.min())
        flat = np.stack([x, y], 1) / (z + shift)[:, None]
        squares = (flat * flat).sum(1)
        focal = float(np.median((flat * seen).sum(1) / np.maximum(squares, 1e-12)))  # half of the points may be wrong
        for _ in range(5):  # iteratively reweighted least squares
            error = np.linalg.norm(focal * flat - seen, axis=1)
            weight = 1 / (1 + (error / _OUTLIER) ** 2)
            focal = float((weight * (flat * seen).sum(1)).sum() / max((weight * squares).sum(), 1e-12))
        squared = (np.linalg.norm(focal * flat - seen, axis=1) / _OUTLIER) ** 2
        return squared / (1 + squared), focal, shift  # Geman and McClure (1987): what is far off counts as much as any

    gaps = np.linspace(-6, 4, 41)
    best = float(gaps[int(np.argmin([projected(gap)[0].mean() for gap in gaps]))])
    found = minimize_scalar(lambda gap: projected(gap)[0].mean(), bounds=(best - 0.25, best + 0.25), method="bounded")
    _, focal, shift = projected(float(found.x))
    return (focal, shift) if _FOCALS[0] <= focal <= _FOCALS[1] else None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
