"""SAM 2.1's masks of two people through a clip, each of whom is shown to it in one frame and then followed by its memory.

The clip goes through it frame by frame; of what it remembers only what it still looks at is kept (Ravi et al., "SAM 2", 2024: the
frames with prompts, the last few frames, pointers to the last sixteen), so memory does not grow with the clip. transformers'
processor needs torchvision; what it does with pictures, boxes and clicks is a few lines here.
"""

# transformers' models are typed by strings
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from ..recording import Recorder, picture_checksum
from .pictures import Preparation
from .running import HubModelKind, HubNetwork, model_damaged

MASK_SIDE = 256
"""Side of the masks, which show the whole picture whatever its shape."""
_BOX_CORNERS, _CLICK, _NOT_HERE = (2, 3), 1, 0
"""Labels of SAM's points."""
_LEAST_SCORE = 0.0
"""Logit from which somebody is in the frame at all."""


@dataclass(frozen=True)
class MaskPrompt:
    """One person shown to the network in a frame."""

    box: Float32[np.ndarray, " 4"]
    """Left, top, right, bottom in px."""
    clicks: Float[np.ndarray, "n 2"]
    """px, on the person."""
    not_here: Float[np.ndarray, "m 2"]
    """px, on somebody else who is within the box."""


@dataclass(frozen=True)
class PairMasks:
    """The masks of two people in one frame."""

    packed: UInt8[np.ndarray, " B"]
    """Compressed, see `unpacked`."""
    score: Float32[np.ndarray, " 2"]
    """Logit of each being in the frame at all."""

    @classmethod
    def of(cls, masks: UInt8[np.ndarray, "2 S S"], score: Float32[np.ndarray, " 2"]) -> PairMasks:
        return cls(np.frombuffer(zlib.compress(np.ascontiguousarray(masks).tobytes(), 1), np.uint8), score)

    def unpacked(self) -> UInt8[np.ndarray, "2 S S"]:
        """0-255 in the whole picture, the two exclusive; S = MASK_SIDE."""
        return np.frombuffer(zlib.decompress(self.packed.tobytes()), np.uint8).reshape(2, MASK_SIDE, MASK_SIDE)


class MaskSession(Protocol):
    """Follows two people through successive frames of one direction of time."""

    def advance(self, image: UInt8[np.ndarray, "H W 3"], prompts: Sequence[MaskPrompt] | None) -> PairMasks:
        """The masks in the next frame; the first one needs prompts for both."""
        ...


class MaskNetwork(Protocol):
    """Follows the masks of two people through a clip."""

    def session(self) -> MaskSession: ...

    def take_less(self) -> None:
        """Go on with less memory, in a new session. NoMemory where there is no way."""
        ...

    def free(self) -> None: ...


def _load(folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import Sam2VideoModel

    return Sam2VideoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=dtype)


# Half precision of 16 bits with a short exponent overflows in its encoder: the published way to run it is bfloat16.
SAM2 = HubModelKind("sam-2.1-tiny", "SAM 2.1", _load, half=torch.bfloat16, batch=1)


class Sam2:
    """The mask network of the hub."""

    def __init__(self, network: HubNetwork) -> None:
        self._network = network

    def session(self) -> MaskSession:
        """UserError `model-damaged`, NoMemory."""
        return _Sam2Session(self._network)

    def take_less(self) -> None:
        self._network.take_less()

    def free(self) -> None:
        self._network.free()


class _Sam2Session:
    def __init__(self, hub: HubNetwork) -> None:
        from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

        self._hub = hub
        config = hub.network.config
        side = config.image_size
        self._side = int(side if isinstance(side, int) else side[0])
        try:
            preparation = Preparation.of_folder(hub.folder, Preparation((self._side, self._side)))
        except (ValueError, OSError) as error:
            raise model_damaged(hub.kind.title, hub.folder, str(error)) from error
        # the network takes pictures of one size, whatever the constants beside it say of others
        self._preparation = Preparation((self._side, self._side), None, preparation.mean, preparation.std)
        self._remembered = max(config.num_maskmem, config.max_object_pointers_in_encoder) + 1
        self._state: Any = Sam2VideoInferenceSession(
            inference_device=hub.device,
            inference_state_device=hub.device,
            video_storage_device=hub.device,
            dtype=hub.dtype,
        )
        self._step = 0

    def advance(self, image: UInt8[np.ndarray, "H W 3"], prompts: Sequence[MaskPrompt] | None) -> PairMasks:
        height, width = image.shape[:2]
        self._state.video_height, self._state.video_width = height, width
        if prompts is not None:
            self._show(prompts, (width, height))
        picture = self._preparation.prepared([image], self._hub.device, self._hub.dtype)
        with self._hub.cancellable() as network:
            found = network(inference_session=self._state, frame=picture[0], frame_idx=self._step)
            probability = exclusive_masks(found.pred_masks.float()[:, 0].nan_to_num())
            score = found.object_score_logits.float().reshape(-1).nan_to_num()
        self._forget()
        self._step += 1
        masks = np.stack(
            [
                cv2.resize(each, (MASK_SIDE, MASK_SIDE), interpolation=cv2.INTER_LINEAR)
                for each in probability.cpu().numpy()
            ]
        )
        return PairMasks.of((255 * masks).round().astype(np.uint8), score.cpu().numpy().astype(np.float32))

    def _show(self, prompts: Sequence[MaskPrompt], picture_size: tuple[int, int]) -> None:
        for person, prompt in enumerate(prompts):
            points, labels = prompt_points(prompt, picture_size, self._side)
            number = self._state.obj_id_to_idx(person)
            told = {
                "point_coords": torch.from_numpy(points)[None, None],
                "point_labels": torch.from_numpy(labels)[None, None],
            }
            self._state.add_point_inputs(number, self._step, told)
        self._state.obj_with_new_inputs = list(range(len(prompts)))

    def _forget(self) -> None:
        """Let go of what the network does not look at again: old frames, and masks in full size."""
        self._state.processed_frames.pop(self._step, None)
        oldest = self._step - self._remembered
        for outputs in self._state.output_dict_per_obj.values():
            others = outputs["non_cond_frame_outputs"]
            for step in [step for step in others if step < oldest]:
                del others[step]
            for output in (*others.values(), *outputs["cond_frame_outputs"].values()):
                output.pop("high_res_masks", None)
        for tracked in self._state.frames_tracked_per_obj.values():
            for step in [step for step in tracked if step < oldest]:
                del tracked[step]


def prompt_points(
    prompt: MaskPrompt, picture_size: tuple[int, int], side: int
) -> tuple[Float32[np.ndarray, "k 2"], np.ndarray]:
    """Points and labels int32 [k] as the network takes them: the box's corners first, in px of its square input.

    SAM's prompt encoder knows a box as two points of their own kinds.
    """
    points = np.concatenate([prompt.box.reshape(2, 2), prompt.clicks, prompt.not_here]).astype(np.float32)
    kinds = [*_BOX_CORNERS, *[_CLICK] * len(prompt.clicks), *[_NOT_HERE] * len(prompt.not_here)]
    return points * (side / np.array(picture_size, np.float32)), np.array(kinds, np.int32)


def exclusive_masks(logits: Float[torch.Tensor, "2 h w"]) -> Float[torch.Tensor, "2 h w"]:
    """0-1: where both claim a pixel it is only the likelier one's, as no pixel shows two people."""
    probability = logits.sigmoid()
    return torch.where(logits >= logits.flip(0), probability, probability * (1 - probability.flip(0)))


def masks_along(
    network: MaskNetwork,
    frames: Callable[[], Iterable[tuple[int, UInt8[np.ndarray, "H W 3"]]]],
    prompts: dict[int, Sequence[MaskPrompt]],
    recorder: Recorder,
    is_memory_error: Callable[[Exception], bool],
) -> Iterable[tuple[int, PairMasks]]:
    """The masks in each of the frames (step and picture), which can be gone through again; the first one has prompts.

    Answers that are recorded already are not asked for again. The network's memory is of all frames before: where the record
    ends, or the GPU's memory does, a new session sees them once more.
    """
    session: MaskSession | None = None
    for number, (step, image) in enumerate(frames()):

        def ask(number: int = number, step: int = step, image: np.ndarray = image) -> PairMasks:
            nonlocal session
            while True:
                try:
                    if session is None:
                        session = network.session()
                        for earlier, (at, seen) in enumerate(frames()):
                            if earlier == number:
                                break
                            session.advance(seen, prompts.get(at))
                    return session.advance(image, prompts.get(step))
                except Exception as error:
                    if not is_memory_error(error):
                        raise
                session = None
                network.take_less()

        yield step, recorder.answer(f"masks {step} {picture_checksum(image)}", PairMasks, ask)
