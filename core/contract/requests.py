"""The requests that a user makes of the core, `reconstruct` and `refine`, with the description of each of their fields.

The command line's options (`core/cli.py`), the fields of the worker's messages (`request_from_message`, `message_fields`), the
checks before a job starts (`check`) and the requests of the add-on (`socialmirror_blender/requests.py`) all follow from the
fields of these records. So a new setting is added in three places:

1. Here: a field of `TakesRequest` (both requests), `ReconstructRequest` or `RefineRequest`, with its help text and its check.
2. In `core/pipeline/`: the stage, or the record in `settings.py`, that uses it.
3. In the add-on: a property of the same name in `properties.py`, which its panel draws. The add-on sends every property that
   has the name of a field.

`options.py` has the types of values. Only the standard library is imported here, because `python -m core doctor` runs before any
package is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from .annotators import ANNOTATORS, AUTO, KEY_VARIABLE, SERVER, server_address
from .edits import Edits
from .errors import UserError
from .fields import shown
from .limits import MAX_FRAME_INDEX, MAX_SEED, MAX_TRACKS
from .marks import PersonMark
from .options import (
    EDITS,
    FRAMES,
    INTEGER,
    MARKS,
    NUMBER,
    PATH,
    PATHS,
    PEOPLE,
    TEXT,
    check_path,
    in_range,
    one_of,
    option,
    option_of,
    parse_frames,
)

DEVICES = ("auto", "cpu", "cuda", "mps")
PERCEPTION = ("auto", "embedded", "hub")
CAMERA_MODELS = ("auto", "off")
LIFTING = ("auto", "embedded", "sam-3d-body")
DEFAULT_SMOOTHNESS = 0.7
"""How strongly takes are smoothed by default, in 0-1."""
MAX_TAKES = 8
"""Maximal number of takes of one job."""
MIN_FOV, MAX_FOV = 5, 150
"""Horizontal field of view, degrees."""
MAX_CAMERA_PITCH, MAX_CAMERA_ROLL = 90, 180
"""Degrees in either direction."""
MIN_CAMERA_HEIGHT, MAX_CAMERA_HEIGHT = 0.05, 50.0
"""Metres over the floor."""

Request = TypeVar("Request", bound="TakesRequest")


def _check_people(people: tuple[int, int]) -> UserError | None:
    first, second = people
    if first == second:
        return UserError("bad-people", "Both people have the same number.", "Choose two different people.")
    if min(people) < 0:
        return UserError("bad-people", f"There is no person {min(people)}.", "People are counted from 0.")
    if max(people) >= MAX_TRACKS:
        return UserError("bad-people", f"There is no person {shown(max(people))}.", "Choose people of the clip.")
    return None


def _check_paths(paths: tuple[Path, ...]) -> UserError | None:
    return next((problem for problem in map(check_path("file"), paths) if problem is not None), None)


def _check_description(text: str) -> UserError | None:
    if text.strip():
        return None
    return UserError("bad-people", "A person's description is empty.", "Describe the person, as “the dancer in red”.")


def _check_annotator_url(text: str) -> UserError | None:
    try:
        server_address(text)
    except UserError as error:
        return error
    return None


def _check_model_name(name: str) -> UserError | None:
    if 0 < len(name) <= 200 and name.isprintable():
        return None
    return UserError("bad-annotator", f"{shown(name)} is no name of a model.", "Write the name as the server lists it.")


def _check_frames(text: str) -> UserError | None:
    try:
        first, last = parse_frames(text)
    except ValueError:
        return UserError(
            "bad-range", f"{shown(text)} is not a range of frames.", "Write the first and last frame as 10:110."
        )
    start, end = first or 0, MAX_FRAME_INDEX if last is None else last
    if start < 0 or end < 0:
        problem, hint = "has a negative frame", "Frames are counted from 0, the clip's first one."
    elif max(start, end) > MAX_FRAME_INDEX:
        problem, hint = f"has a frame number above {MAX_FRAME_INDEX}", "Choose frames that are in the clip."
    elif start > end:
        problem, hint = "is an empty range of frames", "Choose a last frame that is not before the first."
    else:
        return None
    return UserError("bad-range", f"{shown(text)} {problem}.", hint)


@dataclass(frozen=True, kw_only=True)
class TakesRequest:
    """The fields of both requests: how takes are made."""

    prompt: str | None = option(None, TEXT, "description of what the two people do", metavar="TEXT")
    takes: int = option(
        1,
        INTEGER,
        "number of takes to make; the best one becomes active (default: 1)",
        metavar="N",
        check=in_range("bad-takes", "number of takes", 1, MAX_TAKES),
    )
    seed: int = option(
        0,
        INTEGER,
        "random seed of the first take; each further take adds 1 (default: 0)",
        metavar="N",
        check=in_range("bad-seed", "seed", 0, MAX_SEED),
    )
    smoothness: float | None = option(
        None,
        NUMBER,
        f"how strongly the motion is smoothed, 0 to 1 (default: {DEFAULT_SMOOTHNESS}; refine: that of the active take)",
        metavar="S",
        check=in_range("bad-smoothness", "smoothness", 0, 1),
    )
    fov: float | None = option(
        None,
        NUMBER,
        "horizontal field of view of the camera in degrees (default: estimated; refine: that of the active take)",
        metavar="DEG",
        check=in_range("bad-fov", "horizontal field of view", MIN_FOV, MAX_FOV),
    )
    camera_pitch: float | None = option(
        None,
        NUMBER,
        "degrees by which the camera looks down, negative up (default: as for --fov)",
        metavar="DEG",
        check=in_range("bad-camera", "pitch of the camera", -MAX_CAMERA_PITCH, MAX_CAMERA_PITCH),
    )
    camera_roll: float | None = option(
        None,
        NUMBER,
        "degrees by which the camera is turned clockwise, seen from behind it (default: as for --fov)",
        metavar="DEG",
        check=in_range("bad-camera", "roll of the camera", -MAX_CAMERA_ROLL, MAX_CAMERA_ROLL),
    )
    camera_height: float | None = option(
        None,
        NUMBER,
        "height of the camera over the floor in metres (default: as for --fov)",
        metavar="M",
        check=in_range("bad-camera", "height of the camera in metres", MIN_CAMERA_HEIGHT, MAX_CAMERA_HEIGHT),
    )
    device: str = option(
        "auto",
        TEXT,
        "device to compute on (default: the fastest available one)",
        choices=DEVICES,
        check=one_of("bad-device", "device", DEVICES),
    )

    def check(self) -> None:
        """Raise the UserError of the first field whose value is not valid."""
        for item in fields(self):
            value = getattr(self, item.name)
            error = None if value is None else option_of(item).check(value)
            if error is not None:
                raise error
        if self.seed + self.takes - 1 > MAX_SEED:
            raise UserError(
                "bad-seed",
                f"The seed {self.seed} leaves no room for {self.takes} takes.",
                f"Choose a seed up to {MAX_SEED - self.takes + 1}.",
            )


@dataclass(frozen=True)
class ReconstructRequest(TakesRequest):
    """Reconstruct two people of a clip."""

    clip: Path = option(MISSING, PATH, "video file", metavar="CLIP", positional=True, check=check_path("clip"))
    frames: str = option(
        ":",
        FRAMES,
        "first and last frame, counted from 0 (default: the whole clip)",
        metavar="A:B",
        check=_check_frames,
    )
    people: tuple[int, int] | None = option(
        None,
        PEOPLE,
        "numbers of the two people to reconstruct, e.g. 0,1 (default: the two most prominent ones)",
        metavar="I,J",
        check=_check_people,
    )
    body: Path | None = option(
        None,
        PATH,
        "licensed SMPL-X file or its folder (default: the free body)",
        metavar="PATH",
        check=check_path("body"),
    )
    perception: str = option(
        "auto",
        TEXT,
        "networks that detect the people: embedded, hub (docs/models.md), or auto, which is hub where its models are installed "
        "and there is a GPU (default: auto)",
        choices=PERCEPTION,
        check=one_of("bad-perception", "perception", PERCEPTION),
    )
    people_at: tuple[PersonMark, PersonMark] | None = option(
        None,
        MARKS,
        "clicks on the two people to reconstruct, FRAME:X,Y;FRAME:X,Y in pixels, or boxes FRAME:LEFT,TOP,RIGHT,BOTTOM",
        metavar="MARKS",
    )
    person_a: str | None = option(
        None,
        TEXT,
        "description of the first person to reconstruct, as 'the dancer in red' (needs the model grounding-dino-tiny)",
        metavar="TEXT",
        check=_check_description,
    )
    person_b: str | None = option(
        None, TEXT, "description of the second person to reconstruct", metavar="TEXT", check=_check_description
    )
    initial: tuple[Path, ...] | None = option(
        None,
        PATHS,
        "motion of both people from another tool to go on from: one file, or A.npz;B.npz (docs/motion-from-elsewhere.md)",
        metavar="FILES",
        check=_check_paths,
    )
    lifting: str = option(
        "auto",
        TEXT,
        "what lifts the people to 3D: sam-3d-body is downloaded once (docs/models.md) and wants a GPU "
        "(default: auto, sam-3d-body where it is installed and there is a GPU, else embedded)",
        choices=LIFTING,
        check=one_of("bad-lifting", "lifting", LIFTING),
    )
    camera_model: str = option(
        "auto",
        TEXT,
        "whether MoGe-2 helps to estimate the camera: auto, where it is installed, or off (docs/models.md)",
        choices=CAMERA_MODELS,
        check=one_of("bad-camera", "model for the camera", CAMERA_MODELS),
    )
    annotator: str = option(
        AUTO,
        TEXT,
        "vision-language model that says what the two do (default: auto, one that is on this machine if there is one)",
        choices=ANNOTATORS,
        check=one_of("bad-annotator", "annotator", ANNOTATORS),
    )
    annotator_url: str | None = option(
        None,
        TEXT,
        "address of an OpenAI-compatible server for `--annotator server`, to which pictures of the clip are sent; its key is "
        f"taken from {KEY_VARIABLE}",
        metavar="URL",
        check=_check_annotator_url,
    )
    annotator_model: str | None = option(
        None,
        TEXT,
        "name of the server's model (default: the first that it lists)",
        metavar="NAME",
        check=_check_model_name,
    )

    @property
    def described(self) -> tuple[str, str] | None:
        """The descriptions of both people."""
        return (
            None if self.person_a is None or self.person_b is None else (self.person_a.strip(), self.person_b.strip())
        )

    def check(self) -> None:
        """Also the UserError `bad-lifting` where two initial motions are asked for, `bad-annotator` for a server without an
        address or an address without a server, so that nobody has to guess whether anything is sent, and `bad-people` where only
        one of the people is described, or both are chosen in another way besides.
        """
        super().check()
        if self.initial and self.lifting not in ("auto", "embedded"):
            raise UserError(
                "bad-lifting",
                "The motion is to come from another tool's file and from SAM 3D Body.",
                "Leave one of the two out.",
            )
        if (self.annotator == SERVER) != (self.annotator_url is not None):
            raise UserError(
                "bad-annotator",
                "The annotator's server has no address."
                if self.annotator == SERVER
                else f"An address of an annotator's server is given, but the annotator is {self.annotator!r}.",
                "Give the address of an OpenAI-compatible server, e.g. http://localhost:11434/v1, with the annotator 'server'.",
            )
        if (self.person_a is None) != (self.person_b is None):
            raise UserError(
                "bad-people",
                "Only one of the two people is described.",
                "Describe both (--person-a and --person-b), or neither.",
            )
        if self.described is not None and (self.people is not None or self.people_at is not None):
            raise UserError(
                "bad-people",
                "The people are chosen in two ways at once, by description and by number or click.",
                "Leave one of them out.",
            )


@dataclass(frozen=True)
class RefineRequest(TakesRequest):
    """Make new takes of a reconstruction from edited contacts, pinned joints and a new prompt."""

    edits: Edits = option(Edits(), EDITS, "edited contacts, pinned joints and prompt", metavar="FILE.json")


def folder_from_message(message: Mapping[str, Any], name: str) -> Path:
    """A required field that is the path of a folder. UserError `bad-message`, or `bad-path` if it is not Unicode."""
    try:
        folder: Path = PATH.from_json(message.get(name))
    except ValueError as error:
        raise _bad_field(message, name, PATH.description) from error
    problem = check_path("folder")(folder)
    if problem is not None:
        raise problem
    return folder


def request_from_message(kind: type[Request], message: Mapping[str, Any]) -> Request:
    """Read a request from the fields of a message; a field that is null or left out has its default.

    Raises the UserError `bad-message` if a value has another type or a required field is missing, and the field's own error if
    the value is not valid.
    """
    values: dict[str, Any] = {}
    for item in fields(kind):
        value = message.get(item.name)
        if value is None and item.default is not MISSING:
            continue
        value_type = option_of(item).type
        try:
            values[item.name] = value_type.from_json(value)
        except (ValueError, OverflowError) as error:
            raise _bad_field(message, item.name, value_type.description) from error
    request = kind(**values)
    request.check()
    return request


def message_fields(request: TakesRequest) -> dict[str, Any]:
    """The fields of the message that carries a request. Edits travel as a file, whose path the sender adds."""
    record: dict[str, Any] = {}
    for item in fields(request):
        value, to_json = getattr(request, item.name), option_of(item).type.to_json
        if to_json is not None:
            record[item.name] = None if value is None else to_json(value)
    return record


def _bad_field(message: Mapping[str, Any], name: str, expected: str) -> UserError:
    return UserError(
        "bad-message",
        f"The field {name!r} of {shown(message.get('type'))} is {shown(message.get(name))}, not {expected}.",
        "Update the add-on and its environment to the same release.",
    )
