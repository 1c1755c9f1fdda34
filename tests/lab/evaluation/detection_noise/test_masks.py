"""Errors of masks: leaks, missed parts and dilation have the size that is asked for, and lie where real ones lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lab.evaluation.detection_noise.masks import MaskErrors, apply_mask_errors


def test_leaks_missed_parts_and_dilation():
    own, other = np.zeros((90, 160), np.uint8), np.zeros((90, 160), np.uint8)
    own[20:70, 40:80], other[20:70, 80:120] = 255, 255
    skeleton = np.zeros((90, 160), bool)
    skeleton[40:45, 60:110] = True
    none = MaskErrors(dilation=0.0, leak=0.0, miss=0.0, edge_width=1.0)
    unchanged = apply_mask_errors(own, other, skeleton, none)
    assert ((unchanged > 127) != (own > 127)).mean() < 0.02

    leaking = apply_mask_errors(own, other, skeleton, replace(none, leak=0.2)) > 127
    assert abs(leaking[other > 0].mean() - 0.2) < 0.01
    assert leaking[42, 81:109].all(), "it leaks along the skeleton"

    missing = apply_mask_errors(own, other, skeleton, replace(none, miss=0.1)) > 127
    assert abs(missing[own > 0].mean() - 0.9) < 0.02
    assert missing[21:69, 41:70].all() and not missing[30, 79], "it misses what is nearest to the other"

    dilated = apply_mask_errors(own, np.zeros_like(own), skeleton, replace(none, dilation=3.0)) > 127
    assert dilated[19, 60] and dilated[18, 60] and not dilated[15, 60]
