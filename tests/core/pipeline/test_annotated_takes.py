"""A job with an annotator: without a prompt its words and touches take part, with one they are a suggestion; both are kept."""

from __future__ import annotations

import functools
import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from core.annotator.generator import AnnotatorUnavailable
from core.contract.annotation import BORNE_OUT, CONTRADICTED
from core.contract.body_parts import body_part_of
from core.contract.contact import Contact
from core.contract.errors import Cancelled, UserError
from core.contract.reconstruction import Info, load, load_info
from core.contract.requests import ReconstructRequest, RefineRequest
from core.contract.skeleton import split_side
from core.pipeline import resolve, stages
from core.pipeline.jobs import reconstruct, refine
from tests.core.annotator.answers import GOOD, REFUSAL
from tests.core.annotator.scripted import ScriptedModel, scripted
from tests.core.conftest import CAPTION, Recorder, made_up_camera, made_up_motion

NEAR = '{"sentence": "They stand close.", "touches": [{"A": "hand", "B": "hand"}, {"A": "foot", "B": "head"}]}'


@pytest.fixture
def annotator(monkeypatch: pytest.MonkeyPatch):
    """Lets jobs choose a scripted model."""

    def use(*answers: str | Exception, key: str = "scripted 1", **details: Any) -> ScriptedModel:
        model = ScriptedModel(answers, **details)
        monkeypatch.setattr(resolve, "choose_annotator", lambda *_: scripted(model, key))
        return model

    return use


@pytest.fixture
def touching(quick: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`quick`, whose two people stand so near that a hand of each meets the other's."""
    near = made_up_motion()
    near.pelvis[1, :, 0] = 0.45
    near = near.transformed(made_up_camera().T_cw)

    def with_near(stage: Any) -> Any:
        @functools.wraps(stage.function)
        def run(**inputs: Any) -> Any:
            return replace(stage.function(**inputs), motion_incam=near)

        return replace(stage, function=run)

    for name in ("initial_motion", "first_fit"):
        monkeypatch.setattr(stages, name, with_near(getattr(stages, name)))
    return quick


def words_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the sentence encoder is given from now on."""
    said: list[str] = []
    stage = stages.sentence

    @functools.wraps(stage.function)
    def run(*, words: Any, **_: Any) -> stages.PromptEmbedding:
        said.append(words.text)
        return stages.PromptEmbedding.none()

    monkeypatch.setattr(stages, "sentence", replace(stage, function=run))
    return said


def annotation_of(info: Info) -> Any:
    assert info.annotation is not None
    return info.annotation


def verdicts(annotation: Any) -> dict[str, str]:
    """By the part of A."""
    return {touch.part_a: touch.verdict for touch in annotation.touches}


def test_without_a_prompt_the_models_words_and_touches_take_part(
    clip_file, tmp_path, touching, recorder, annotator, monkeypatch
):
    said = words_of(monkeypatch)
    annotator(NEAR)
    reconstruct(ReconstructRequest(clip_file), tmp_path / "out", recorder)
    info = load(tmp_path / "out").info
    annotation = annotation_of(info)
    assert said == ["They stand close."]
    assert annotation.used and annotation.model == "Scripted" and annotation.sentence == "They stand close."
    assert verdicts(annotation) == {"hand": BORNE_OUT, "foot": CONTRADICTED}
    (contact,) = (contact for contact in info.contacts if contact.source == "annotator")
    assert {split_side(body_part_of(region))[1] for region in (contact.region_a, contact.region_b)} == {"hand"}
    assert (info.prompt, info.prompt_source) == (CAPTION, "captioner")  # the caption stays a suggestion beside it
    (asked,) = (warning for warning in info.warnings if "saw a touch" in warning)
    assert "A foot – B head" in asked and "add it as a contact" in asked
    assert {"annotation", "suggested-contacts"} <= set(info.seconds)


def test_a_prompt_is_never_overwritten(clip_file, tmp_path, touching, recorder, annotator, monkeypatch):
    said = words_of(monkeypatch)
    annotator(NEAR)
    reconstruct(ReconstructRequest(clip_file, prompt="a hug"), tmp_path / "out", recorder)
    info = load_info(tmp_path / "out")
    annotation = annotation_of(info)
    assert said == ["a hug"] and (info.prompt, info.prompt_source) == ("a hug", "user")
    assert not annotation.used and annotation.sentence == "They stand close."
    assert verdicts(annotation) == {"hand": BORNE_OUT, "foot": CONTRADICTED}
    assert "annotator" not in {contact.source for contact in info.contacts}


def test_a_lie_does_not_guide_the_motion(clip_file, tmp_path, quick, recorder, annotator, monkeypatch):
    """The made-up two stand a metre and more apart."""
    said = words_of(monkeypatch)
    annotator('{"sentence": "They hug.", "touches": [{"A": "chest", "B": "chest"}, {"A": "foot", "B": "head"}]}')
    reconstruct(ReconstructRequest(clip_file), tmp_path / "out", recorder)
    info = load_info(tmp_path / "out")
    annotation = annotation_of(info)
    assert said == [""] and not annotation.used
    assert annotation.sentence == "They hug."  # what it said is shown beside what the geometry says
    assert len(annotation.contradicted) == 2
    assert "annotator" not in {contact.source for contact in info.contacts}


@pytest.mark.parametrize("answer", [REFUSAL, "", "{]"])
def test_a_model_of_no_use_changes_nothing_but_a_warning(clip_file, tmp_path, quick, recorder, annotator, answer):
    annotator(answer)
    reconstruct(ReconstructRequest(clip_file), tmp_path / "out", recorder)
    info = load_info(tmp_path / "out")
    assert info.annotation is None and (info.prompt, info.prompt_source) == (CAPTION, "captioner")
    assert any("Scripted gave no usable answer" in warning for warning in info.warnings)


def test_a_model_that_cannot_be_reached_is_done_without_and_asked_again_the_next_time(
    clip_file, tmp_path, touching, recorder, annotator
):
    model = annotator(AnnotatorUnavailable("annotator-server", "The server is gone.", "Start it."), GOOD)
    reconstruct(ReconstructRequest(clip_file), tmp_path / "out", recorder)
    info = load_info(tmp_path / "out")
    assert info.annotation is None
    assert any("reconstructed without the annotator. The server is gone." in warning for warning in info.warnings)
    assert touching.count("perception") == 1
    reconstruct(ReconstructRequest(clip_file), tmp_path / "out", recorder)
    assert annotation_of(load_info(tmp_path / "out")).sentence.startswith("Person A puts")
    assert len(model.asked) == 2 and touching.count("perception") == 1


def test_a_second_run_asks_nothing_and_another_model_is_asked_anew(clip_file, tmp_path, touching, recorder, annotator):
    reconstructed = tmp_path / "out"
    model = annotator(NEAR)
    reconstruct(ReconstructRequest(clip_file), reconstructed, recorder)
    reconstruct(ReconstructRequest(clip_file), reconstructed, recorder)
    assert len(model.asked) == 1 and len(load_info(reconstructed).takes) == 1
    other = annotator(GOOD, key="scripted 2")
    reconstruct(ReconstructRequest(clip_file), reconstructed, recorder)
    assert len(other.asked) == 1


def test_refine_goes_on_without_the_model_and_a_new_prompt_takes_its_touches_away(
    clip_file, tmp_path, touching, recorder, annotator, monkeypatch
):
    out = tmp_path / "out"
    annotator(NEAR)
    reconstruct(ReconstructRequest(clip_file), out, recorder)
    monkeypatch.setattr(resolve, "choose_annotator", lambda *_: pytest.fail("refine asks no model"))
    refine(RefineRequest(), out, recorder)
    info = load_info(out)
    assert annotation_of(info).used and "annotator" in {contact.source for contact in info.contacts}
    refine(RefineRequest(prompt="a hug"), out, recorder)
    info = load_info(out)
    assert annotation_of(info).sentence == "They stand close."
    assert "annotator" not in {contact.source for contact in info.contacts}


def test_a_cancelled_question_leaves_no_result(clip_file, tmp_path, quick, annotator):
    annotator(GOOD, endless=True)
    with pytest.raises(Cancelled):
        reconstruct(ReconstructRequest(clip_file), tmp_path / "out", Recorder(stop_in="annotation"))
    assert not (tmp_path / "out" / "reconstruction.json").exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"annotator": "server"}, "no address"),
        ({"annotator_url": "http://localhost:1"}, "the annotator is 'auto'"),
        ({"annotator": "server", "annotator_url": "http://example.com/v1"}, "unprotected"),
        ({"annotator": "gpt"}, "no annotator 'gpt'"),
        (
            {"annotator": "server", "annotator_url": "http://localhost:1", "annotator_model": "a\nb"},
            "no name of a model",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(clip_file, tmp_path, quick, recorder, fields, words):
    with pytest.raises(UserError, match=words) as raised:
        reconstruct(replace(ReconstructRequest(clip_file), **fields), tmp_path / "out", recorder)
    assert raised.value.code == "bad-annotator" and not quick


def test_a_key_is_in_no_file_of_the_result(clip_file, tmp_path, quick, recorder, caplog):
    """The server is not there, so the job goes on without it."""
    caplog.set_level(logging.DEBUG)
    request = ReconstructRequest(
        clip_file, annotator="server", annotator_url="http://127.0.0.1:9/v1", annotator_model="m"
    )
    reconstruct(request, tmp_path / "out", recorder, annotator_key="sk-very-secret")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert files and not any(b"sk-very-secret" in path.read_bytes() for path in files)
    said = [*recorder.logs, *recorder.warnings, caplog.text]
    assert not any("sk-very-secret" in text for text in said)
    assert any("127.0.0.1" in warning for warning in load_info(tmp_path / "out").warnings)


def test_annotations_of_strangers_are_read_whole_or_refused(made_up):
    record = json.loads(json.dumps(made_up.info.to_json()))
    good = {
        "model": "M",
        "sentence": "S",
        "touches": [{"part_a": "hand", "part_b": "back", "frame_start": 1, "frame_end": 2}],
        "notes": [],
    }
    info = Info.from_json({**record, "annotation": good})
    assert annotation_of(info).touches[0].words == "A hand – B back"
    assert Info.from_json({**record, "annotation": None}).annotation is None
    bad = (
        {"part_a": "tail"}, {"frame_end": 0}, {"verdict": "true"}, {"region_a": "left_tail"}, {"distance": -1},
        {"frame_start": 1.5},
    )  # fmt: skip
    for change in bad:
        with pytest.raises(UserError, match="annotation"):
            Info.from_json({**record, "annotation": {**good, "touches": [{**good["touches"][0], **change}]}})
    with pytest.raises(UserError, match="annotation"):
        Info.from_json({**record, "annotation": "They hug."})
    Contact(0, "chest", 1, "chest", 0, 1, source="annotator")
