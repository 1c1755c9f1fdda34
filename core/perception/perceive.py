"""The 2D stage: a range of a clip becomes two people's tracks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
import torch

from ..clip import Clip, read_frames
from ..contract.errors import UserError
from ..contract.frames import frame_in_words, frames_in_words
from ..contract.marks import PersonMark
from ..contract.reconstruction import PERSON_NAMES
from ..contract.runs import frames_in
from ..device import limit_threads
from ..hub.memory import TooLittleMemory
from ..reporting import Pulse, Reporter, SubProgress
from ..weights import PERCEPTION_WEIGHTS, ensure
from .backends import BackendChoice, choose_backend
from .detections import Detections
from .everyone import Everyone, assemble, to_middle
from .exchanges import leave_each_body_to_one, undo_exchanges
from .hands import Hand, HandTracker, hands_between
from .hub.naming import PhraseFinder, choose_named, load_phrase_finder
from .hub.running import NoMemory
from .hub.tracker import HubTracker
from .identity import (
    AFTER_EMBRACES,
    USUAL_JOINS,
    AmbiguousPeople,
    JoinLimits,
    choose_marked,
    choose_two,
    mostly_inferred,
    real_first,
    real_people,
    resolve_identities,
)
from .landmarks import LIMBS
from .left_right import with_consistent_sides
from .linking import link
from .networks import PerceptionNetworks, load_networks
from .recorded_networks import recorded
from .recording import ChunkStore, NoChunks, Recorder
from .scan import DETECTIONS_PER_SECOND, FrameFindings, Scanner
from .sightings_picture import picture_of_tracks
from .track import Sighting, Track
from .tracker import ClipSteps, EmbeddedTracker, PeopleTracker
from .truncation import without_truncated_legs
from .unseen import unseen_legs, unseen_people

_LONGER = 0.1
"""Of the range: by how much longer two people have to be together for their tracks to be joined more freely than usual."""
_SCAN_FRACTION, _FOLLOWING_FRACTION = 0.35, 0.45
"""Fractions of the stage's time that go into the first and the second pass; the rest is for hands."""
_HANDS_PER_SECOND = 30
"""Frames of faster clips are left out when hands are looked for."""
_RUN_IN = 0.5
"""Seconds before the wanted ones from which people are followed: who is blurred or hidden at the start is known by then."""
_LEAST_CONFIDENCE = 0.15
"""Mean confidence of the limbs' joints below which they are noise."""
_SHORTEST, _BRIDGED = 0.17, 0.33
"""Seconds of doubtful identities from which on they are warned of, and of certain ones between two doubtful stretches that are
counted to them."""


@dataclass(frozen=True)
class Scan:
    """What the first pass found in T frames of the range, and in a few before it."""

    findings: tuple[FrameFindings, ...]
    """Of T frames."""
    before: tuple[FrameFindings, ...]
    """Of the frames just before them, in the same shot."""
    image_size: tuple[int, int]
    lines: np.ndarray
    """float32 [L,4], of the background in the middle frame, see `background_lines`."""
    frame_rate: float


def detect_people(
    clip: Clip,
    first: int,
    last: int,
    *,
    people: tuple[int, int] | None,
    marks: tuple[PersonMark, PersonMark] | None = None,
    described: tuple[str, str] | None = None,
    device: torch.device,
    backend: BackendChoice = "auto",
    with_hub: bool = False,
    reporter: Reporter,
    chunks: ChunkStore | None = None,
) -> Detections:
    """Follow two people through frames `first` to `last`, both included.

    `people` are numbers among everyone found (see `identity.choose_two`), `marks` clicks on them or boxes around them instead,
    `described` their descriptions in words; None leaves the choice to us. `with_hub` looks with the hub's networks.
    `chunks` keep what the networks answer, so that a run that was killed goes on where it was. Memory does not grow with the
    clip, apart from the result. UserError where two people cannot be found, or the clip not be read; TooLittleMemory where
    no memory holds the hub's networks.
    """
    pulse = Pulse(reporter)
    networks = networks_for(clip, device, backend, pulse)
    recorder = Recorder(chunks or NoChunks())
    if recorder.continues:
        pulse.log("The 2D stage goes on where the last run was stopped.")
    finder = None if described is None else load_phrase_finder(device, pulse)
    wanted = Wanted(first, last, people, marks, described, finder)
    if with_hub:
        hub = HubTracker(networks, device, recorder, pulse)
        try:
            return _detect(clip, wanted, hub, pulse)
        except NoMemory as error:
            raise TooLittleMemory(
                "hub",
                f"There is not enough memory for {error}, so the embedded networks look for the people instead. "
                "Close other programs, or choose fewer frames, and reconstruct the clip again.",
            ) from error
        finally:
            hub.free()
    return _detect(clip, wanted, EmbeddedTracker(recorded(networks, recorder)), pulse)


@dataclass(frozen=True)
class Wanted:
    """Which frames, and who in them."""

    first: int
    last: int
    people: tuple[int, int] | None
    marks: tuple[PersonMark, PersonMark] | None
    described: tuple[str, str] | None = None
    finder: PhraseFinder | None = None


def _detect(clip: Clip, wanted: Wanted, tracker: PeopleTracker, reporter: Reporter) -> Detections:
    people, marks = wanted.people, wanted.marks
    scan = scan_clip(clip, wanted.first, wanted.last, tracker.networks, reporter)
    tracks = identify(scan)
    with _showing_who_was_found(clip, scan, tracks, reporter):
        check_cuts(scan)
        if marks is not None:
            people = choose_marked(tracks, scan.findings[0].index, marks, scan.frame_rate)
        if wanted.described is not None and wanted.finder is not None:
            real = real_people(tracks, len(scan.findings))
            # numbers among the real people are those of the tracks, which begin with them
            people = choose_named(clip, scan.findings[0].index, real, wanted.described, wanted.finder, reporter)
            wanted.finder.free()
        tracks, chosen = _choose_two(scan, tracks, people, reporter)
    count = max(*chosen, len(real_people(tracks, len(scan.findings))) - 1) + 1
    if people is None and count > 2:
        reporter.log(f"{count} people were found; {chosen[0]} and {chosen[1]} are reconstructed.")
    pair = follow_tracks(clip, scan, [tracks[number] for number in chosen], tracker, reporter, marks)
    hands = _find_hands(clip, pair, tracker.networks, reporter)
    detections = replace(assemble(pair, (0, 1), hands), track_ids=np.array(chosen, np.int32))
    with _showing_who_was_found(clip, scan, tracks, reporter, chosen):
        _check_confidence(detections)
    for sentence in [*unseen_people(detections), *unseen_legs(detections)]:
        reporter.warning(sentence)
    _warn_of_inferred([tracks[number] for number in chosen], reporter)
    return detections


def _choose_two(
    scan: Scan, tracks: Sequence[Track[Sighting]], people: tuple[int, int] | None, reporter: Reporter
) -> tuple[Sequence[Track[Sighting]], tuple[int, int]]:
    """The tracks, and the numbers of two of them; the errors of `choose_two`.

    Somebody who is lost in an embrace and found again may look like a third person, or be missing from then on: tracks are joined
    more freely where that shows two people together for longer.
    """
    steps = len(scan.findings)
    usual: tuple[int, int] | AmbiguousPeople
    try:
        usual = choose_two(tracks, steps, people)
    except AmbiguousPeople as error:
        usual = error
    together = 0 if isinstance(usual, AmbiguousPeople) else _frames_together(tracks, usual)
    if people is None and together < (1 - _LONGER) * steps:
        joined = identify(scan, AFTER_EMBRACES)
        found = _chosen_if_clear(joined, steps)
        if found is not None and _frames_together(joined, found) > together + _LONGER * steps:
            reporter.log("Somebody who was lost beside the other one and found again is taken for the same person.")
            return joined, found
    if isinstance(usual, AmbiguousPeople):
        raise usual
    return tracks, usual


def _chosen_if_clear(tracks: Sequence[Track[Sighting]], steps: int) -> tuple[int, int] | None:
    try:
        return choose_two(tracks, steps, None)
    except UserError:
        return None


def _frames_together(tracks: Sequence[Track[Sighting]], numbers: tuple[int, int]) -> int:
    a, b = (tracks[number].seen for number in numbers)
    return len(a.keys() & b.keys())


@contextmanager
def _showing_who_was_found(
    clip: Clip,
    scan: Scan,
    tracks: Sequence[Track[Sighting]],
    reporter: Reporter,
    named: tuple[int, ...] = (),
) -> Iterator[None]:
    """Add to a UserError where a picture of everyone who was found is, with their numbers.

    Whom the error names is in it: `named`, or both pairs of AmbiguousPeople.
    """
    try:
        yield
    except UserError as error:
        first, steps = scan.findings[0].index, len(scan.findings)
        # real people come first; what is noise is shown only where there are none, to say why nobody was found
        shown = {*range(len(real_people(tracks, steps)) or len(tracks))}
        named = error.numbers if isinstance(error, AmbiguousPeople) else named
        picture = picture_of_tracks(
            clip,
            first,
            {number: tracks[number] for number in sorted(shown.union(named))},
            steps,
            named=named,
            while_skipping=Pulse(reporter).beat,
        )
        if picture is None:
            raise
        hint = f"{error.hint} What was found is shown in {picture}."
        raise UserError(error.code, error.message, hint) from error


def check_cuts(scan: Scan) -> None:
    """UserError `scene-cut` where the range shows more than one shot: nobody can be followed across a cut."""
    cuts = [found.index for number, found in enumerate(scan.findings) if found.is_cut and number > 0]
    if cuts:
        edges = [scan.findings[0].index, *cuts, scan.findings[-1].index + 1]
        first, last = max(zip(edges, edges[1:]), key=lambda shot: shot[1] - shot[0])
        raise UserError(
            "scene-cut",
            f"Another shot begins at {frame_in_words(cuts[0])}; people cannot be followed across a cut.",
            f"Choose frames of one shot; the longest one has {frames_in_words((first, last - 1))}.",
        )


def _check_confidence(detections: Detections) -> None:
    """UserError `unclear-people` where somebody's joints are hardly seen at all: what is found is noise."""
    for person, found in enumerate(detections.found):
        confidence = float(detections.keypoints[person, found][:, LIMBS, 2].mean()) if found.any() else 0.0
        if confidence < _LEAST_CONFIDENCE:
            raise UserError(
                "unclear-people",
                f"{PERSON_NAMES[person]} is seen too unclearly: the mean confidence of the joints is {confidence:.2f}.",
                "Choose frames in which both people are seen from head to foot, larger, brighter and less blurred.",
            )


def networks_for(clip: Clip, device: torch.device, backend: BackendChoice, reporter: Reporter) -> PerceptionNetworks:
    """The embedded networks, downloaded if they are missing."""
    limit_threads()
    return load_networks(
        ensure(PERCEPTION_WEIGHTS, reporter), choose_backend(device, backend), (clip.width, clip.height)
    )


def scan_clip(clip: Clip, first: int, last: int, networks: PerceptionNetworks, reporter: Reporter) -> Scan:
    """First pass: who is in each frame. UserError `clip-truncated`."""
    start = max(0, first - frames_in(_RUN_IN, 1 / clip.frame_rate))
    count = last - start + 1
    scanner = Scanner(networks, (clip.width, clip.height), _stride(clip.frame_rate, count))
    findings: list[FrameFindings] = []
    lines: np.ndarray | None = None
    middle = (first + last) // 2
    frames = read_frames(clip, start, last, while_skipping=lambda: reporter.progress(0.0, "Finding the first frame"))
    for frame, found in scanner.scan(frames, always=(first, last), pictured=(middle,)):
        number = frame.index - start
        reporter.progress(
            _SCAN_FRACTION * number / count, f"Finding people, {_position(frame.index - first, last - first + 1)}"
        )
        findings.append(found)
        if frame.index == middle:
            lines = scanner.lines(frame, found)
    if not findings or findings[-1].index < first:
        raise UserError(
            "clip-truncated",
            f"{clip.path.name} breaks off before {frame_in_words(first)}.",
            "Choose an earlier range of frames, or get a whole copy of the clip.",
        )
    if findings[-1].index < last:
        reporter.warning(f"The clip ends after {frame_in_words(findings[-1].index)}, earlier than its header says.")
        lines = None  # of another frame than the middle one of what there is
    before = [found for found in findings if found.index < first]
    cuts = [number for number, found in enumerate(before) if found.is_cut]
    inside = findings[len(before) :]
    if inside[0].is_cut:
        before = []
    elif cuts:
        before = before[cuts[-1] :]
    if lines is None:
        lines = _lines_in_middle(clip, inside, scanner, reporter)
    return Scan(tuple(inside), tuple(before), (clip.width, clip.height), lines, clip.frame_rate)


def _lines_in_middle(clip: Clip, findings: Sequence[FrameFindings], scanner: Scanner, reporter: Reporter) -> np.ndarray:
    """float32 [L,4], see `Scan.lines`, from a frame that has to be read again."""
    found = findings[(len(findings) - 1) // 2]
    beat = Pulse(SubProgress(reporter, _SCAN_FRACTION, 0.0)).beat
    return scanner.lines(next(read_frames(clip, found.index, found.index, while_skipping=beat)), found)


def _stride(frame_rate: float, count: int) -> int:
    """One in how many frames the first pass looks at; at all of a short range."""
    return max(1, round(frame_rate / DETECTIONS_PER_SECOND)) if count > 2 * _RUN_IN * frame_rate else 1


def identify(scan: Scan, limits: JoinLimits = USUAL_JOINS) -> list[Track[Sighting]]:
    """Everyone in the range, by what was found in all frames; most prominent first, and what is noise last."""
    tracks = link((*scan.before, *scan.findings), scan.frame_rate, -len(scan.before))
    inside = [track for track in tracks if track.last >= 0]
    return real_first(resolve_identities(inside, scan.frame_rate, limits), len(scan.findings))


def _position(step: int, count: int) -> str:
    """Which frame of the range a pass is at. Those before the range, in which tracking runs in, count as its first."""
    return f"frame {max(step, 0) + 1} of {count}"


def follow_tracks(
    clip: Clip,
    scan: Scan,
    tracks: Sequence[Track[Sighting]],
    tracker: PeopleTracker,
    reporter: Reporter,
    marks: tuple[PersonMark, PersonMark] | None = None,
) -> Everyone:
    """Second pass: the landmarks of the people of some tracks."""
    part = Pulse(SubProgress(reporter, _SCAN_FRACTION, _FOLLOWING_FRACTION))
    steps = ClipSteps(clip, (*scan.before, *scan.findings), -len(scan.before), part.beat)
    own = [track.since(0) for track in tracker.follow(steps, tracks, marks, part)]
    for a, b in combinations(range(len(own)), 2):
        known = tracks[a], tracks[b]
        doubtful = undo_exchanges(own[a], own[b], known, tracker.exchange_cost)
        leave_each_body_to_one(own[a], own[b], known)
        warn_of_doubtful([scan.findings[step].index for step in doubtful], scan.frame_rate, reporter)
    return Everyone(
        tuple(without_truncated_legs(with_consistent_sides(track), scan.image_size) for track in own),
        np.array([found.index for found in scan.findings], np.int32),
        np.array([found.time for found in scan.findings], np.float64),
        np.array([found.duplicate for found in scan.findings], bool),
        scan.image_size,
        to_middle(np.array([found.background for found in scan.findings])),
        scan.lines,
    )


def _find_hands(
    clip: Clip, pair: Everyone, networks: PerceptionNetworks, reporter: Reporter
) -> list[dict[tuple[int, int], Hand]]:
    """Third pass: the hands of two people in each frame, by person and side."""
    tracker = HandTracker(networks)
    first, last = int(pair.frame_index[0]), int(pair.frame_index[-1])
    hands: list[dict[tuple[int, int], Hand] | None] = []
    count = len(pair.frame_index)
    stride = max(1, round(clip.frame_rate / _HANDS_PER_SECOND))
    looked = [
        not repeats and (step % stride == 0 or step == count - 1)
        for step, repeats in enumerate(pair.duplicate.tolist())
    ]
    pulse = Pulse(reporter)
    frames = read_frames(clip, first, last, while_skipping=pulse.beat, unwanted=lambda index: not looked[index - first])
    for step in range(count):
        done = _SCAN_FRACTION + _FOLLOWING_FRACTION + (1 - _SCAN_FRACTION - _FOLLOWING_FRACTION) * step / count
        pulse.progress(done, f"Finding hands, {_position(step, count)}")
        if pair.duplicate[step]:
            hands.append(hands[-1] if hands else {})
        elif not looked[step] or (frame := next(frames, None)) is None:
            hands.append(None)
        else:
            seen = [track.seen.get(step) for track in pair.tracks]
            hands.append(tracker.advance(frame.image, [one.pose if one is not None else None for one in seen]))
    return hands_between(hands)


def _warn_of_inferred(chosen: Sequence[Track[Sighting]], reporter: Reporter) -> None:
    if any(map(mostly_inferred, chosen)):
        reporter.warning(
            "The two people hide each other in most frames, so whose limb is whose may be wrong. "
            "Look at the result over the clip, or choose frames in which they are seen apart."
        )


def warn_of_doubtful(frames: Sequence[int], frame_rate: float, reporter: Reporter) -> None:
    """`frames` are those in which it is not clear who is who, in order."""
    shortest, bridged = (frames_in(seconds, 1 / frame_rate) for seconds in (_SHORTEST, _BRIDGED))
    starts = [0, *(k for k in range(1, len(frames)) if frames[k] - frames[k - 1] > bridged), len(frames)]
    stretches = [frames[start:end] for start, end in pairwise(starts) if end - start >= shortest]
    if stretches:
        named = frames_in_words(*((stretch[0], stretch[-1]) for stretch in stretches))
        reporter.warning(
            f"The two people hide each other and look alike, so they may be exchanged in {named}. Look at the result over "
            "the clip there; if they are, reconstruct the frames before and after on their own, and mark who is who in each."
        )
