"""The readers of files and messages from outside, each with damaged inputs and a judgement of what it accepts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from core.contract.edits import Edits
from core.contract.errors import UserError
from core.contract.messages import decode, encode, message
from core.contract.reconstruction import Reconstruction, load, load_info
from core.contract.requests import ReconstructRequest, RefineRequest, message_fields, request_from_message
from core.export import ExportSettings, export_reconstruction
from core.perception.detections import Detections
from core.pipeline.cache import Cache, CacheEntry

from . import examples, mutations, soundness

_KEY = "0" * 64


@dataclass(frozen=True)
class Target:
    """One reader."""

    name: str
    title: str
    """What it reads, for the table."""
    inputs: st.SearchStrategy[bytes]
    """Damaged inputs."""
    read: Callable[[Path, bytes], Any]
    """Reads an input, which it may write into an empty folder; raises UserError to refuse it."""
    problem: Callable[[Any], str | None]
    """What is wrong with a value that was accepted, or None."""


def _reconstruction_arrays() -> dict[str, dict[str, np.ndarray]]:
    made = examples.reconstruction()
    return {
        "reconstruction.npz": {item.name: getattr(made.motion, item.name) for item in fields(made.motion)},
        "body.npz": {item.name: getattr(made.body, item.name) for item in fields(made.body)},
    }


def write_part(folder: Path, name: str, data: bytes) -> Path:
    """A whole reconstruction in which one file has this content, and the record its digest: as a forger would write it."""
    examples.write_takes(folder)
    file = folder / name
    old = file.read_bytes()
    file.write_bytes(data)
    for record in (folder / "reconstruction.json", *folder.glob("takes/*.json")):
        if record != file:
            text = record.read_text(encoding="utf-8")
            was, now = (hashlib.sha256(part).hexdigest() for part in (old, data))
            record.write_text(text.replace(was, now), encoding="utf-8")
    return folder


def _read_part(name: str) -> Callable[[Path, bytes], Reconstruction]:
    return lambda folder, data: load(write_part(folder / "result", name, data))


def _read_and_export(folder: Path, data: bytes) -> Reconstruction:
    """The folder as the command line uses it: loaded, its takes read, exported."""
    result = write_part(folder / "result", "reconstruction.json", data)
    made = load(result)
    for take in made.info.takes:
        load_info(result, take.id)
    for name in ("amass", "bvh"):
        export_reconstruction(result, ExportSettings(name), folder / "exported")
    return made


def _read_take(folder: Path, data: bytes) -> Any:
    return load_info(write_part(folder / "result", f"takes/{examples.TAKES[1]}.json", data), examples.TAKES[1])


def _read_cache(folder: Path, data: bytes) -> Detections:
    """An entry with this content, under the name that its digest gives it: as a forger would write it."""
    file = _write_cache(folder)
    name, digest = file.stem.rsplit("-", 1)
    file.unlink()
    (folder / f"{name}-{hashlib.sha256(data).hexdigest()[: len(digest)]}.npz").write_bytes(data)
    entry = Cache(folder).read(Detections, "perception", _KEY)
    if entry is None:
        raise UserError("not-cached", "The entry is not used.", "")
    return entry.result


def _write_cache(folder: Path) -> Path:
    Cache(folder).write("perception", _KEY, CacheEntry(examples.detections(), ("A warning.",), 1.5))
    (file,) = folder.glob("perception-*.npz")
    return file


def _cache_arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(_write_cache(folder), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _read_edits(folder: Path, data: bytes) -> Edits:
    file = folder / "edits.json"
    file.write_bytes(data)
    return Edits.read(file)


def _read_message(folder: Path, data: bytes) -> Any:
    record = decode(data.decode("utf-8", "replace"))
    if record["type"] in ("reconstruct", "refine"):
        fields_of = {**record, "edits": None} if record["type"] == "refine" else record
        kind = ReconstructRequest if record["type"] == "reconstruct" else RefineRequest
        return asdict(request_from_message(kind, fields_of))
    return record


def _messages() -> list[dict[str, Any]]:
    request = ReconstructRequest(
        clip=Path("clip.mp4"), fov=50.0, people=(0, 1), frames="10:60", seed=3, prompt="They hug."
    )
    return [
        message(1, "reconstruct", out="out", **message_fields(request)),
        message(2, "refine", folder="out", edits="edits.json", **message_fields(RefineRequest(seed=4))),
        message(3, "cancel", job=1),
        message(4, "repair", parts=["caches"], torch_index=None),
    ]


def _read_checkpoint(folder: Path, data: bytes) -> Any:
    from core.smoothing.smooth import load_smoother

    file = folder / "sequence-smoother.safetensors"
    file.write_bytes(data)
    return load_smoother(file).network


def _read_body(folder: Path, data: bytes) -> Any:
    from core.body.files import load_body

    file = folder / "SMPLX_NEUTRAL.npz"
    file.write_bytes(data)
    return load_body(file)


def _read_recording(suffix: str) -> Callable[[Path, bytes], Any]:
    def read(folder: Path, data: bytes) -> Any:
        from lab.mocap.readers import amass, asfamc, bvh

        (folder / "07").mkdir()
        file = folder / "07" / f"07_01{'_poses' if suffix == '.npz' else ''}{suffix}"
        file.write_bytes(data)
        if suffix == ".amc":
            (folder / "07" / "07.asf").write_text(examples.ASF)
        if suffix == ".asf":
            file.rename(folder / "07" / "07.asf")
            (folder / "07" / "07_01.amc").write_text(examples.AMC)
        return {".bvh": bvh, ".npz": amass}.get(suffix, asfamc).read(folder)

    return read


def targets(scratch: Path) -> tuple[Target, ...]:
    """All readers; `scratch` is a folder in which examples are made."""
    from core.checkpoint import weights_file
    from core.smoothing.smooth import KIND

    arrays = _reconstruction_arrays()
    folder = scratch / "result"
    examples.write_takes(folder)
    record = json.loads((folder / "reconstruction.json").read_text(encoding="utf-8"))
    take = json.loads((folder / "takes" / f"{examples.TAKES[1]}.json").read_text(encoding="utf-8"))
    lines = [mutations.damaged_json(json.loads(encode(one))) for one in _messages()]
    recordings = soundness.problem_of_numbers
    return (
        Target("motion", "reconstruction.npz", mutations.damaged_npz(arrays["reconstruction.npz"]),
               _read_part("reconstruction.npz"), soundness.problem_of_reconstruction),
        Target("body", "body.npz", mutations.damaged_npz(arrays["body.npz"]),
               _read_part("body.npz"), soundness.problem_of_reconstruction),
        Target("record", "reconstruction.json, loaded and exported", mutations.damaged_json(record),
               _read_and_export, soundness.problem_of_reconstruction),
        Target("take", "takes/ID.json", mutations.damaged_json(take), _read_take, soundness.problem_of_info),
        Target("cache", "cache/STAGE-KEY.npz", mutations.damaged_npz(_cache_arrays(scratch / "cache")),
               _read_cache, soundness.problem_of_detections),
        Target("edits", "edits (JSON)", mutations.damaged_json(examples.edits()), _read_edits, soundness.problem_of_edits),
        Target("messages", "messages to the worker", st.one_of(lines), _read_message, soundness.problem_of_numbers),
        Target("checkpoint", "weights (safetensors)", mutations.damaged_bytes(weights_file(KIND).read_bytes()),
               _read_checkpoint, soundness.problem_of_network),
        Target("licensed body", "SMPLX_NEUTRAL.npz", mutations.damaged_npz(examples.body_file()),
               _read_body, soundness.problem_of_body),
        Target("bvh", "BVH (lab)", mutations.damaged_text(examples.BVH), _read_recording(".bvh"), recordings),
        Target("asf", "ASF (lab)", mutations.damaged_text(examples.ASF), _read_recording(".asf"), recordings),
        Target("amc", "AMC (lab)", mutations.damaged_text(examples.AMC), _read_recording(".amc"), recordings),
        Target("amass", "AMASS npz (lab)", mutations.damaged_npz(examples.amass()), _read_recording(".npz"), recordings),
    )  # fmt: skip
