"""Tiny SmolVLM2 and Qwen3-VL models with random weights, saved as the hub's models are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

SMOL_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>",
)  # fmt: skip
QWEN_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
PREPROCESSOR = '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}'


def save_tokenizer(folder: Path, special: tuple[str, ...]) -> dict[str, int]:
    """A tokenizer of single bytes; the ids of its special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {character: index for index, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(special))
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=special[0],
        eos_token=special[0],
        additional_special_tokens=list(special[1:]),
    )
    wrapped.save_pretrained(folder)
    return {token: 256 + index for index, token in enumerate(special)}  # after the bytes


def save_smolvlm(folder: Path) -> Path:
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration

    folder.mkdir(parents=True)
    ids = save_tokenizer(folder, SMOL_TOKENS)
    torch.manual_seed(0)
    padding: dict[str, Any] = {"pad_token_id": 256}  # its own default is beyond our vocabulary; the type lacks it
    config = SmolVLMConfig(
        text_config={
            "model_type": "llama", "vocab_size": 256 + len(ids), "hidden_size": 32, "intermediate_size": 48,
            "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
            "pad_token_id": 256, "bos_token_id": 256, "eos_token_id": 256,
        },
        vision_config={
            "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
            "image_size": 64, "patch_size": 16,
        },
        image_token_id=ids["<image>"], scale_factor=2, **padding,
    )  # fmt: skip
    SmolVLMForConditionalGeneration(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(PREPROCESSOR)
    return folder


def save_qwen3_vl(folder: Path) -> Path:
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    folder.mkdir(parents=True)
    ids = save_tokenizer(folder, QWEN_TOKENS)
    torch.manual_seed(0)
    end = ids["<|endoftext|>"]
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": 256 + len(ids), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2], "mrope_interleaved": True,
            },
            "pad_token_id": end, "eos_token_id": end, "bos_token_id": end,
        },
        vision_config={
            "depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "patch_size": 16,
            "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 32, "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
    )  # fmt: skip
    Qwen3VLForConditionalGeneration(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(PREPROCESSOR)
    return folder
