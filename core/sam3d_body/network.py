"""The network of SAM 3D Body: a DINOv3 backbone, and one promptable decoder for bodies and another one for right hands."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from .crops import CROP, CropGeometry
from .heads import CAMERA, PREDICTION, CameraHead, Placed, PoseHead
from .layers import Decoder, Perceptron
from .prompts import KEYPOINT_COUNT, NO_POINT, PATCH, PositionEncoding, PromptEncoder, RayEncoder
from .rig import Rig, RigSizes

HEAD_WIDTH = 64
"""Channels of a head of the backbone's attention."""
_PRECISION = {"cuda": torch.bfloat16, "mps": torch.float16, "cpu": torch.float32}
_CONDITION = 3
_HIPS = (9, 10)
"""Keypoints."""
_NEAREST = 1e-5
"""metres before the camera from which on a keypoint is taken to be in the picture."""


@dataclass(frozen=True)
class Sizes:
    """What differs between files of the same layout."""

    features: int
    """Channels of the backbone."""
    backbone_layers: int
    backbone_inner: int
    registers: int
    tokens: int
    """Channels of the decoders' tokens."""
    attention: int
    decoder_inner: int
    decoder_layers: int
    rig: RigSizes


@dataclass(frozen=True)
class PointPrompts:
    """N points of each of B people."""

    places: Float[Tensor, "B N 2"]
    """In 0-1 of the crop."""
    labels: Int[Tensor, "B N"]
    """Numbers of keypoints, or NO_POINT."""

    @classmethod
    def none(cls, count: int, device: torch.device) -> PointPrompts:
        return cls(
            torch.zeros(count, 1, 2, device=device), torch.full((count, 1), NO_POINT, dtype=torch.long, device=device)
        )


@dataclass(frozen=True)
class DecoderOutput:
    """What a decoder says of B crops."""

    placed: Placed
    """After the last layer."""
    hand_boxes: Float[Tensor, "B 2 4"]
    """Of the left and the right hand: middle x, y, width and height in 0-1 of the crop."""


class Branch(nn.Module):
    """One of the two decoders with its heads and embeddings."""

    def __init__(self, sizes: Sizes, *, hand: bool) -> None:
        super().__init__()
        tokens, features = sizes.tokens, sizes.features
        self.init_pose, self.init_camera = nn.Embedding(1, PREDICTION), nn.Embedding(1, CAMERA)
        self.init_to_token_mhr = nn.Linear(_CONDITION + PREDICTION + CAMERA, tokens)
        self.prev_to_token_mhr = nn.Linear(PREDICTION + CAMERA, tokens)
        self.ray_cond_emb = RayEncoder(features)
        self.decoder = Decoder(tokens, features, sizes.attention, sizes.decoder_inner, sizes.decoder_layers)
        self.head_pose = PoseHead(tokens, sizes.rig.vertices, hand=hand)
        self.head_camera = CameraHead(tokens, hand=hand)
        self.keypoint_embedding = nn.Embedding(KEYPOINT_COUNT, tokens)
        self.keypoint_posemb_linear = Perceptron((2, tokens, tokens))
        self.keypoint_feat_linear = nn.Linear(features, tokens)
        self.keypoint3d_embedding = nn.Embedding(KEYPOINT_COUNT, tokens)
        self.keypoint3d_posemb_linear = Perceptron((3, tokens, tokens))

    def start(self) -> Float[Tensor, "1 522"]:
        """The estimate that predictions are changes of."""
        return torch.cat([self.init_pose.weight, self.init_camera.weight], -1)

    def placed(self, tokens: Float[Tensor, "B N C"], rig: Rig, crop: CropGeometry) -> Placed:
        token = self.decoder.norm_final(tokens)[:, 0]
        pose = self.head_pose(token, self.init_pose.weight, rig)
        return self.head_camera(token, self.init_camera.weight, pose, crop)

    def keypoint_updates(
        self, found: Placed, picture: Float[Tensor, "B C h w"], crop: CropGeometry
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What a layer's estimate tells the next layer: [B,70,C] each of the keypoints' looks and places, and places in 3D."""
        places = crop.in_crop(found.keypoints)
        visible = ((places.abs() <= 0.5).all(-1) & (found.depth >= _NEAREST))[..., None]
        looks = functional.grid_sample(picture, 2 * places[:, :, None], align_corners=False)[..., 0].mT
        points = found.pose.keypoints
        centred = points - points[:, list(_HIPS)].mean(1, keepdim=True)
        return (
            self.keypoint_feat_linear(looks * visible),
            self.keypoint_posemb_linear(places) * visible,
            self.keypoint3d_posemb_linear(centred),
        )


class Sam3dBody(nn.Module):
    """See the module. Names of parts are those of the public file; `layout` maps the two."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.backbone = _backbone(sizes)
        self.rig = Rig(sizes.rig)
        self.prompt_encoder = PromptEncoder(sizes.features)
        self.prompt_to_token = nn.Linear(sizes.features, sizes.tokens)
        self.hand_pe_layer = PositionEncoding(sizes.features)
        self.hand_box_embedding = nn.Embedding(2, sizes.tokens)
        self.bbox_embed = Perceptron((sizes.tokens, sizes.tokens, sizes.tokens, 4))
        self.body = Branch(sizes, hand=False)
        self.hand = Branch(sizes, hand=True)

    @property
    def device(self) -> torch.device:
        return self.prompt_to_token.weight.device

    def placed_on(self, device: torch.device) -> Sam3dBody:
        """The network on a device, the backbone in half precision where the device has it; the decoders keep single precision.

        It gets the frequencies of its rotary positions (Simeoni et al., DINOv3, 2025), which no file holds.
        """
        rope = self.backbone.rope_embeddings
        frequencies = 1 / rope.base ** torch.arange(0, 1, 4 / rope.head_dim, dtype=torch.float32)
        rope.inv_freq = frequencies  # may have had no memory so far
        network = self.to(device)
        network.backbone.to(_PRECISION.get(device.type, torch.float32))
        rope.inv_freq = frequencies.to(device)  # half precision is too coarse for them
        return network

    def features(self, pictures: Float[Tensor, "B 3 512 512"]) -> Float[Tensor, "B C 32 32"]:
        """The backbone's, in its own precision, then in single precision for the decoders."""
        found = self.backbone(pixel_values=pictures).last_hidden_state
        side = CROP // PATCH
        return found[:, -side * side :].float().mT.unflatten(-1, (side, side))

    def with_masks(
        self, features: Float[Tensor, "B C h w"], masks: Float[Tensor, "B 1 512 512"], known: Float[Tensor, " B"]
    ) -> Float[Tensor, "B C h w"]:
        return features + self.prompt_encoder.mask(masks, known)

    def decode(
        self,
        branch: Branch,
        features: Float[Tensor, "B C h w"],
        crop: CropGeometry,
        prompts: PointPrompts,
        before: Placed | None = None,
    ) -> DecoderOutput:
        """One pass of a decoder. `before`: the estimate of an earlier pass that point prompts correct."""
        side = features.shape[-1]
        encoding = self.hand_pe_layer if branch is self.hand else self.prompt_encoder.pe_layer
        picture_positions = encoding.grid(side)
        picture = branch.ray_cond_emb(features, crop.rays())
        flat = picture.flatten(2).mT
        tokens, positions = self._first_tokens(branch, crop, prompts, before)
        keypoints, keypoints3d = slice(-2 * KEYPOINT_COUNT, -KEYPOINT_COUNT), slice(-KEYPOINT_COUNT, None)
        found: Placed | None = None
        for layer in branch.decoder.layers:
            if found is not None:
                looks, places, places3d = branch.keypoint_updates(found, picture, crop)
                tokens, positions = tokens.clone(), positions.clone()
                tokens[:, keypoints] += looks
                positions[:, keypoints] = places
                positions[:, keypoints3d] = places3d
            tokens = layer(tokens, flat, positions, picture_positions)
            found = branch.placed(tokens, self.rig, crop)
        hands = slice(-2 * KEYPOINT_COUNT - 2, -2 * KEYPOINT_COUNT)
        boxes = self.bbox_embed(branch.decoder.norm_final(tokens)[:, hands]).sigmoid()
        assert found is not None  # a decoder has layers, see `layout.read_sizes`
        return DecoderOutput(found, boxes)

    def _first_tokens(
        self, branch: Branch, crop: CropGeometry, prompts: PointPrompts, before: Placed | None
    ) -> tuple[Tensor, Tensor]:
        """Tokens [B,N,C] of the pose, the estimate before, the prompts, the hands and the keypoints; and their positions."""
        count = len(crop.size)
        start = branch.start().expand(count, -1)
        pose = branch.init_to_token_mhr(torch.cat([crop.condition, start], -1))[:, None]
        earlier = start if before is None else torch.cat([_kept(before), before.camera], -1)
        told = torch.cat(
            [
                branch.prev_to_token_mhr(earlier)[:, None],
                self.prompt_to_token(self.prompt_encoder.points(prompts.places, prompts.labels)),
            ],
            1,
        )
        learned = torch.cat(
            [self.hand_box_embedding.weight, branch.keypoint_embedding.weight, branch.keypoint3d_embedding.weight]
        ).expand(count, -1, -1)
        tokens = torch.cat([pose, told, learned], 1)
        return tokens, torch.cat([torch.zeros_like(pose), told, torch.zeros_like(learned)], 1)


def _kept(before: Placed) -> Float[Tensor, "B 519"]:
    """The prediction without the face, which the network was never told."""
    prediction = before.pose.prediction.clone()
    prediction[:, -72:] = 0
    return prediction


def _backbone(sizes: Sizes) -> Any:
    """transformers' DINOv3 as in the ViT-H+ of the paper, in the given size."""
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    return DINOv3ViTModel(
        DINOv3ViTConfig(
            patch_size=PATCH,
            image_size=CROP,
            hidden_size=sizes.features,
            intermediate_size=sizes.backbone_inner,
            num_hidden_layers=sizes.backbone_layers,
            num_attention_heads=sizes.features // HEAD_WIDTH,
            num_register_tokens=sizes.registers,
            hidden_act="silu",
            use_gated_mlp=True,
            key_bias=False,
        )
    )
