"""Two people walk up, shake hands, hug and part: the sample clip's script."""

from __future__ import annotations

import math

from .script import Actor, Embrace, Handshake, Script, Step


def handshake_and_hug() -> Script:
    """160 frames at 25 a second. The people meet at the world's origin along X."""
    hug = (98, 127)
    high = {"spot": (0.10, 0.06), "fingers": (-0.6, -0.8), "elbow": (0.25, 0.27, 0.07), "way": (0.43, 0.20, 0.24)}
    low = {"spot": (-0.06, -0.10), "fingers": (0.95, 0.3), "elbow": (-0.28, -0.15, 0.10), "way": (-0.44, -0.12, 0.20)}
    first = Actor(
        betas=(0.55, 0.6, -0.4, 0.5, 0.3, -0.6, 0.4, 0.2),
        heading=0.0,
        turnout=math.radians(9),
        feet={"left": (-1.06, 0.10), "right": (-1.04, -0.10)},
        steps=(
            Step("left", 4, 16, -0.70, 0.09),
            Step("right", 15, 28, -0.42, -0.10),
            Step("left", 27, 37, -0.56, 0.09),
            Step("left", 72, 84, -0.17, 0.045),
            Step("right", 83, 93, -0.21, -0.15),
            Step("right", 132, 143, -0.53, -0.14),
            Step("left", 142, 154, -0.56, 0.06),
        ),
        embraces=(Embrace("right", *hug, **high), Embrace("left", *hug, **low)),
    )
    second = Actor(
        betas=(-0.35, -0.8, 0.7, -0.5, 0.4, 0.5, -0.3, 0.6),
        heading=math.pi,
        turnout=math.radians(7),
        feet={"left": (1.03, -0.09), "right": (1.05, 0.09)},
        steps=(
            Step("right", 6, 18, 0.68, 0.09),
            Step("left", 17, 30, 0.42, -0.08),
            Step("right", 29, 40, 0.54, 0.10),
            Step("left", 76, 87, 0.22, -0.065),
            Step("right", 85, 95, 0.18, 0.15),
            Step("left", 134, 145, 0.52, -0.05),
            Step("right", 144, 155, 0.54, 0.14),
        ),
        embraces=(Embrace("right", *hug, **high), Embrace("left", *hug, **low)),
    )
    handshake = Handshake(start=35, end=61, place=(0.0, 0.0, 0.99), pumps=2, lift=0.03)
    return Script(160, 25.0, (first, second), handshake, hug)
