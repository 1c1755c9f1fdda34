"""The text and pixels that SmolVLM2 and Qwen3-VL take, made by hand: their own processors need torchvision and num2words.

Formats are those of transformers' `processing_smolvlm`, `image_processing_pil_smolvlm`, `processing_qwen3_vl` and
`image_processing_pil_qwen2_vl`, with which the tests compare them. Pictures are square and have the size that the model takes,
so that nothing has to be resized, split or padded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..contract.json_reading import parse_json
from .question import Message, Picture

_HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Normalisation:
    """Of pixels in 0-1, by channel."""

    mean: tuple[float, ...] = _HALF
    std: tuple[float, ...] = _HALF

    @classmethod
    def of_folder(cls, folder: Path) -> Normalisation:
        """As the model's preprocessor_config.json has it; that of both models where it says nothing. ValueError, OSError."""
        path = folder / "preprocessor_config.json"
        record = parse_json(path.read_bytes()) if path.is_file() else {}
        mean, std = record.get("image_mean", _HALF), record.get("image_std", _HALF)
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f"its normalisation is {json.dumps([mean, std])}")
        return cls(tuple(map(float, mean)), tuple(map(float, std)))

    def apply(self, pictures: Sequence[Picture]) -> Float[Tensor, "K 3 s s"]:
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return (pixels - mean) / std


class Family(Protocol):
    """How conversations are put to models of one kind."""

    @property
    def end_tokens(self) -> tuple[str, ...]:
        """Tokens that end an answer."""
        ...

    def picture_size(self, config: Any) -> int:
        """Width and height of the pictures, px."""
        ...

    def text(self, conversation: Sequence[Message], config: Any) -> str:
        """The conversation as the model was trained to read it, up to where its answer begins."""
        ...

    def pixel_inputs(self, pixels: Float[Tensor, "K 3 s s"], config: Any) -> dict[str, Tensor]:
        """The model's inputs for normalised pictures."""
        ...

    def token_inputs(self, input_ids: Tensor, config: Any) -> dict[str, Tensor]:
        """Further inputs that follow from the tokens."""
        ...


class SmolVlm:
    """SmolVLM and SmolVLM2: each picture is one square of `image_size`, which takes `picture_tokens` tokens."""

    end_tokens = ("<end_of_utterance>",)
    _AROUND, _IMAGE, _GLOBAL = "<fake_token_around_image>", "<image>", "<global-img>"

    def picture_size(self, config: Any) -> int:
        return int(config.vision_config.image_size)

    def picture_tokens(self, config: Any) -> int:
        vision = config.vision_config
        return (vision.image_size // vision.patch_size) ** 2 // config.scale_factor**2

    def text(self, conversation: Sequence[Message], config: Any) -> str:
        picture = f"{self._AROUND}{self._GLOBAL}{self._IMAGE * self.picture_tokens(config)}{self._AROUND}"
        turns: list[str] = []
        for message in conversation:
            begins_with_picture = not isinstance(message.content[0], str)
            content = "".join(part if isinstance(part, str) else picture for part in message.content)
            turns.append(
                f"{message.role.capitalize()}{':' if begins_with_picture else ': '}{content}<end_of_utterance>\n"
            )
        return f"<|im_start|>{''.join(turns)}Assistant:"

    def pixel_inputs(self, pixels: Float[Tensor, "K 3 s s"], config: Any) -> dict[str, Tensor]:
        return {"pixel_values": pixels[None]}

    def token_inputs(self, input_ids: Tensor, config: Any) -> dict[str, Tensor]:
        return {}


class Qwen3Vl:
    """Qwen3-VL: pictures as rows of flattened patches, which are grouped by the squares that become one token."""

    end_tokens = ("<|im_end|>", "<|endoftext|>")
    _IMAGE = "<|image_pad|>"
    _PICTURE_SIZE = 512

    def picture_size(self, config: Any) -> int:
        """The multiple of a token's width nearest to 512 px."""
        vision = config.vision_config
        unit = vision.patch_size * vision.spatial_merge_size
        return max(round(self._PICTURE_SIZE / unit), 1) * unit

    def picture_tokens(self, config: Any) -> int:
        vision = config.vision_config
        return (self.picture_size(config) // (vision.patch_size * vision.spatial_merge_size)) ** 2

    def text(self, conversation: Sequence[Message], config: Any) -> str:
        picture = f"<|vision_start|>{self._IMAGE * self.picture_tokens(config)}<|vision_end|>"
        turns = [
            f"<|im_start|>{message.role}\n"
            f"{''.join(part if isinstance(part, str) else picture for part in message.content)}<|im_end|>\n"
            for message in conversation
        ]
        return f"{''.join(turns)}<|im_start|>assistant\n"

    def pixel_inputs(self, pixels: Float[Tensor, "K 3 s s"], config: Any) -> dict[str, Tensor]:
        vision = config.vision_config
        patch, merge, times = vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size
        count, channels, side, _ = pixels.shape
        cells = side // (patch * merge)
        grid = pixels.view(count, channels, cells, merge, patch, cells, merge, patch)
        rows = grid.permute(0, 2, 5, 3, 6, 1, 4, 7)  # picture, cell, place in the cell, channel, pixel of the patch
        # a picture is a film that stands still
        film = rows[..., None, :, :].expand(*rows.shape[:-2], times, patch, patch)
        patches = film.reshape(count * (side // patch) ** 2, channels * times * patch * patch)
        sizes = torch.tensor([[1, side // patch, side // patch]] * count)
        return {"pixel_values": patches, "image_grid_thw": sizes}

    def token_inputs(self, input_ids: Tensor, config: Any) -> dict[str, Tensor]:
        return {"mm_token_type_ids": (input_ids == config.image_token_id).int()}
