"""Explains to the user why the hub did not give a model."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.errors import UserError
from ..contract.redaction import redact
from ..network_failures import network_failure
from .catalogue import HubModel
from .store import models_folder


def explain_failure(model: HubModel, told: Mapping[str, Any], lines: Sequence[str]) -> UserError:
    """The UserError for what `transfer` told of a failure, and for the lines that it wrote."""
    kind, page = told.get("error", "other"), f"https://huggingface.co/{model.repository}"
    by_hand = (
        f"Or copy the files from another machine and run `python -m core models download {model.name} --from FOLDER`."
    )
    if kind == "disk":
        number = int(told.get("errno") or 0)
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return UserError(
                "disk-full", f"The disk is full: {model.title} was not downloaded.", "Free some space and try again."
            )
        return UserError(
            "not-writable",
            f"{models_folder()} cannot be written ({os.strerror(number)}).",
            "Choose another folder by SOCIALMIRROR_MODELS.",
        )
    if kind == "offline":
        return UserError(
            "hub-offline",
            f"{model.title} was not downloaded: HF_HUB_OFFLINE forbids to use the network.",
            f"Unset it. {by_hand}",
        )
    if kind == "gated":
        return UserError(
            "hub-gated",
            f"The hub gives {model.title} only to those who have accepted its terms.",
            f"Sign in at {page} and accept them there; then make a token (https://huggingface.co/settings/tokens) and set "
            "HF_TOKEN to it, or run `hf auth login`.",
        )
    if kind == "not-found":
        return UserError(
            "hub-not-found",
            f"The hub does not have {model.repository} at {model.revision}.",
            f"Look at {page}; where it needs a login, set HF_TOKEN. A mirror (HF_ENDPOINT) may not have it. {by_hand}",
        )
    if kind == "refused":
        return UserError(
            "hub-refused", f"The hub did not give {model.title}: {_first_line(told)}.", f"Try again later. {by_hand}"
        )
    cause = network_failure([*lines, str(told.get("text", ""))])
    return UserError(
        "hub-unreachable",
        f"{model.title} could not be downloaded: {cause or _first_line(told)}.",
        f"Check the connection and download it again; what has come already is used. {by_hand}",
    )


def _first_line(told: Mapping[str, Any]) -> str:
    text = redact(str(told.get("text", ""))).strip().splitlines()
    return text[0].rstrip(".") if text else "the download ended without a reason"
