"""Tiny random networks of the real classes, saved as the hub's models are, so that they are loaded by the product's own code."""

# parameters of transformers' configurations are typed in part only
# pyright: reportCallIssue=false

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from core.hub.store import folder_of
from tests.core.hub.installing import seal

COCO = {0: "background", 1: "person", 2: "bicycle"}


def _save(name: str, network: Any, constants: dict[str, Any]) -> Path:
    folder = folder_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(constants))
    return seal(name)


def _labels(names: dict[int, str]) -> dict[str, Any]:
    return {"id2label": names, "label2id": {name: index for index, name in names.items()}}


def save_rf_detr() -> Path:
    import transformers

    torch.manual_seed(0)
    backbone = transformers.RfDetrDinov2Config(
        hidden_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=48,
        patch_size=12,
        num_windows=2,
        out_features=["stage2", "stage4"],
    )
    config = transformers.RfDetrConfig(
        backbone_config=backbone,
        d_model=32,
        num_queries=6,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        decoder_n_points=2,
        group_detr=2,
        intermediate_size=32,
        **_labels(COCO),
    )
    constants = {
        "size": {"height": 48, "width": 48},
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    return _save("rf-detr-seg", transformers.RfDetrForInstanceSegmentation(config), constants)


def save_d_fine() -> Path:
    import transformers

    torch.manual_seed(0)
    backbone = transformers.HGNetV2Config(
        hidden_sizes=[16, 20, 30, 40],
        stage_in_channels=[16, 16, 20, 30],
        stage_mid_channels=[16] * 4,
        stage_out_channels=[16, 20, 30, 40],
        stage_num_blocks=[1] * 4,
        stage_numb_of_layers=[1] * 4,
        stem_channels=[3, 8, 16],
        out_features=["stage2", "stage3", "stage4"],
    )
    config = transformers.DFineConfig(
        backbone_config=backbone,
        encoder_hidden_dim=32,
        encoder_in_channels=[20, 30, 40],
        feat_strides=[8, 16, 32],
        encoder_ffn_dim=64,
        encoder_attention_heads=2,
        d_model=32,
        num_queries=10,
        decoder_in_channels=[32] * 3,
        decoder_ffn_dim=64,
        num_feature_levels=3,
        decoder_n_points=2,
        decoder_layers=2,
        decoder_attention_heads=2,
        num_denoising=0,
        **_labels({0: "person", 1: "bicycle"}),
    )
    return _save(
        "d-fine-medium",
        transformers.DFineForObjectDetection(config),
        {"size": {"height": 64, "width": 64}, "do_normalize": False},
    )


def save_vitpose(keypoints: int = 17) -> Path:
    import transformers

    torch.manual_seed(0)
    backbone = transformers.VitPoseBackboneConfig(
        image_size=[256, 192],
        patch_size=[16, 16],
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        out_indices=[2],
        out_features=["stage2"],
        num_experts=6,
        part_features=6,
    )
    labels = {number: f"keypoint {number}" for number in range(keypoints)}
    config = transformers.VitPoseConfig(
        backbone_config=backbone, num_labels=keypoints, use_simple_decoder=False, **_labels(labels)
    )
    return _save(
        "vitpose-plus-base", transformers.VitPoseForPoseEstimation(config), {"size": {"height": 256, "width": 192}}
    )


def save_sam2() -> Path:
    import transformers
    from transformers.models.sam2_video.configuration_sam2_video import (
        Sam2VideoMaskDecoderConfig,
        Sam2VideoPromptEncoderConfig,
    )

    torch.manual_seed(0)
    side = 128
    backbone = transformers.Sam2HieraDetConfig(
        hidden_size=16,
        num_attention_heads=1,
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[16, 32, 64, 128],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[4, 4, 4, 4],
        global_attention_blocks=[3],
        image_size=[side, side],
        window_positional_embedding_background_size=[7, 7],
    )
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[128, 64, 32, 16],
        fpn_hidden_size=128,
        backbone_feature_sizes=[[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
    )
    config = transformers.Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(hidden_size=128, image_size=side),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(
            hidden_size=128, num_attention_heads=2, mlp_dim=32, iou_head_hidden_dim=16
        ),
        image_size=side,
        memory_attention_hidden_size=128,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=32,
        memory_encoder_hidden_size=128,
        memory_encoder_output_channels=64,
        memory_fuser_num_layers=1,
        memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=32,
        mask_downsampler_embed_dim=128,
        memory_attention_rope_feat_sizes=[side // 16, side // 16],
    )
    return _save("sam-2.1-tiny", transformers.Sam2VideoModel(config), {"size": {"height": side, "width": side}})


def save_all() -> None:
    """Every model of the 2D stage, in the folder of SOCIALMIRROR_MODELS."""
    save_rf_detr()
    save_vitpose()
    save_sam2()


def save_grounding_dino() -> Path:
    import transformers

    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "the", "a", "dancer", "in", "red", "blue", "man"]
    folder = folder_of("grounding-dino-tiny")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)
    backbone = transformers.SwinConfig(
        image_size=64,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=2,
        out_indices=[2, 3, 4],
    )
    text = transformers.BertConfig(
        vocab_size=128, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=backbone,
        text_config=text,
        d_model=32,
        num_queries=9,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        num_feature_levels=4,
        decoder_n_points=2,
        encoder_n_points=2,
    )
    constants = {"size": {"shortest_edge": 64, "longest_edge": 96}}
    return _save("grounding-dino-tiny", transformers.GroundingDinoForObjectDetection(config), constants)
