"""The models that can be fetched: what each is for, under which licence, from where, and how large it is.

A new model is one more entry. Its files are named by patterns (`fnmatch`), because repositories also hold files that are not
wanted, among them pickles. Only formats that hold no code are ever taken: see `is_permitted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Licence:
    """Terms under which somebody else's weights may be used. They are shown before anything is fetched."""

    name: str
    url: str
    """Where the whole text is."""
    note: str = ""
    """What of it surprises, as a sentence; empty for licences that everybody knows."""


@dataclass(frozen=True)
class HubModel:
    """One model of the hub, at one commit of its repository."""

    name: str
    """Its key, and the name of its folder."""
    title: str
    purpose: str
    """What it brings, as a clause: "finds people and their outlines"."""
    licence: Licence
    repository: str
    """OWNER/NAME on the hub."""
    revision: str
    """A commit. "main" where none is publicly known: that of the first fetch is noted, and no other is taken from then on."""
    files: tuple[str, ...]
    """Names of the files that are needed, or patterns of them; each has to match something."""
    megabytes: int
    memory_gigabytes: float
    """What a machine should have free for it, on the GPU or, without one, in main memory."""
    sha256: Mapping[str, str] = field(default_factory=dict[str, str])
    """By file: digests that are publicly known. Another content is refused, whoever states it."""

    def wants(self, path: str) -> bool:
        """Whether a file of the repository is one that the model needs."""
        return any(fnmatchcase(path, pattern) for pattern in self.files)


_DATA = frozenset((".safetensors", ".json", ".txt", ".jinja"))
"""Suffixes of files that hold numbers or text. JSON and templates are read by transformers without running code of theirs."""


def is_permitted(model: HubModel, path: str) -> bool:
    """Whether a file may lie in the model's folder: never a pickle, TorchScript or Python.

    An ONNX file, a protobuf without code, is permitted where the catalogue names it with its suffix.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or "\\" in path or any(part in ("", ".", "..") or ":" in part for part in path.split("/")):
        return False
    suffix = pure.suffix.lower()
    return suffix in _DATA or (suffix == ".onnx" and any(pattern.endswith(".onnx") for pattern in model.files))


_APACHE = Licence("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
_SAM = Licence(
    "SAM License",
    "https://github.com/facebookresearch/sam-3d-body/blob/main/LICENSE",
    "Free of charge, but not for military or nuclear purposes, espionage or weapons, nor where trade controls forbid it; "
    "no reverse engineering; publications must name it.",
)
_MIT = Licence("MIT", "https://github.com/microsoft/MoGe/blob/main/LICENSE")
_PROCESSOR = ("config.json", "preprocessor_config.json")

_MODELS = (
    HubModel(
        "rf-detr-seg",
        "RF-DETR Seg",
        "finds people and their outlines in a picture",
        _APACHE,
        "Roboflow/rf-detr-seg-medium",
        "main",
        (*_PROCESSOR, "model.safetensors"),
        142,
        2.0,
    ),
    HubModel(
        "sam-2.1-tiny",
        "SAM 2.1 Tiny",
        "keeps both people's masks apart through crossings",
        _APACHE,
        "facebook/sam2.1-hiera-tiny",
        "de431c4043854a71d8101e17995dfe596bf101a5",
        ("config.json", "*processor_config.json", "model.safetensors"),
        156,
        3.0,
        {"model.safetensors": "48c14467e5cf9e51870511feb72c89688e82dd74523142c0538b663e193ac2a7"},
    ),
    HubModel(
        "vitpose-plus-base",
        "ViTPose++ Base",
        "finds the joints of one person, also in a tight embrace",
        _APACHE,
        "usyd-community/vitpose-plus-base",
        "92be54d7a29e42fad47b6e2ca01dd9e685a61e0d",
        (*_PROCESSOR, "model.safetensors"),
        500,
        2.0,
        {"model.safetensors": "640225e4a9dd544239f1da0ae36af865a6e76e21e5f33a12656aa7b77fa5a5fa"},
    ),
    HubModel(
        "d-fine-medium",
        "D-FINE Medium",
        "finds people in a picture where RF-DETR is not installed, without their outlines",
        _APACHE,
        "ustc-community/dfine-medium-coco",
        "4ab9f5e466432f4fcf9a9a023da6aa5ecc9c9829",
        (*_PROCESSOR, "model.safetensors"),
        79,
        2.0,
    ),
    HubModel(
        "grounding-dino-tiny",
        "Grounding DINO Tiny",
        "finds the person whom words describe",
        _APACHE,
        "IDEA-Research/grounding-dino-tiny",
        "a2bb814dd30d776dcf7e30523b00659f4f141c71",
        (*_PROCESSOR, "tokenizer*.json", "vocab.txt", "model.safetensors"),
        690,
        3.0,
        {"model.safetensors": "1a2412ef99bd74bcd3c2a246fa1e48581f8889a1300c9051974741314fc042f3"},
    ),
    HubModel(
        "sam-3d-body",
        "SAM 3D Body",
        "finds body, hands and shape of each person in three dimensions",
        _SAM,
        "Comfy-Org/sam-3d-body",
        "60476aced0b8de0a0e82a318c79a85061cc97434",
        ("detection/sam_3d_body_dinov3_bf16.safetensors",),
        2831,
        8.0,
        {
            "detection/sam_3d_body_dinov3_bf16.safetensors": (
                "59fa45200c504c5b56625004d7d3385daf48c616613e88099e43bf83b3e249cf"
            )
        },
    ),
    HubModel(
        "smolvlm2-500m",
        "SmolVLM2 500M",
        "looks at the clip and says who touches what, in words",
        _APACHE,
        "HuggingFaceTB/SmolVLM2-500M-Video-Instruct",
        "7b375e1b73b11138ff12fe22c8f2822d8fe03467",
        ("*.json", "merges.txt", "model.safetensors"),
        2034,
        2.5,
        {"model.safetensors": "b9bfd456c9472c0acd5719d6e514c4b859891af205ee1a736552fd3497b8b0c3"},
    ),
    HubModel(
        "qwen3-vl-4b",
        "Qwen3-VL 4B",
        "looks at the clip like SmolVLM2, and sees and reasons better",
        _APACHE,
        "Qwen/Qwen3-VL-4B-Instruct",
        "ebb281ec70b05090aa6165b016eac8ec08e71b17",
        ("*.json", "merges.txt", "model-*.safetensors"),
        8890,
        11.0,
    ),
    HubModel(
        "moge-2",
        "MoGe-2",
        "measures distances, surfaces and the lens: floor, tilt and focal length of the camera",
        _MIT,
        "Ruicheng/moge-2-vitl-normal-onnx",
        "main",
        ("model.onnx",),
        1324,
        4.0,
        {"model.onnx": "afbc4ccc3450298f3afb35b90f015f4c4f552dea21dc6470d5f7b78b77e2d751"},
    ),
)
CATALOGUE: Mapping[str, HubModel] = {model.name: model for model in _MODELS}
