"""What thresholds of the contact head's probabilities are worth on dev clips: to find contacts, and to believe a prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from torch import nn

from core.contacts.decoding import onsets, probable_spans
from core.contacts.settings import ContactDecodingSettings
from core.contract.body_parts import PART_INDEX, body_part_of
from core.representation.resampling import FRAME_RATE
from core.semantics.grounding import needed_share
from core.semantics.prompt_parser import ContactHypothesis, Interpretation, parse_prompt

from ..evaluation.metrics import contact_f1, wrong_contacts
from .contact_examples import ContactExample
from .contact_head import predicted_and_true

_LEAST = (0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3)
_BELIEVED = (0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5)
_STATEMENTS = (
    "Two people shake hands.",
    "Two people hug each other.",
    "One person kicks the other.",
    "One person puts an arm around the other's shoulders.",
    "Two people hold hands.",
    "One person pats the other on the shoulder.",
    "One person shoves the other's chest with both hands.",
    "One person slaps the other's face.",
    "One person holds the other's wrist.",
    "They stand back to back.",
)
"""Of a clip in which nothing touches that it names, such a sentence is false."""


def threshold_tables(network: nn.Module, examples: Sequence[ContactExample]) -> str:
    """Two tables in Markdown, by the least probability of a contact and by the least relative one of a prompt.

    Of contacts: F1 by part over the clips in which something touches, wrong pairs of parts a clip, and in how many clips of two
    apart something is found. Of prompts: the shares of true touches that are kept and of false ones that are refused, see
    `prompt_probabilities`.
    """
    probability, true = predicted_and_true(network, examples)
    lines = ["| least probability | F1 by part | wrong a clip | found where nothing touches |", "|---|---|---|---|"]
    touched = [bool(each.any()) for each in true]
    for least in _LEAST:
        settings = ContactDecodingSettings(least_probability=least)
        found = [decoded_parts(each, settings) for each in probability]
        f1 = np.mean([contact_f1(a, b) for a, b, is_there in zip(found, true, touched) if is_there])
        wrong = np.mean([wrong_contacts(a, b) for a, b in zip(found, true)])
        apart = [bool(each.any()) for each, is_there in zip(found, touched) if not is_there]
        lines.append(f"| {least} | {f1:.2f} | {wrong:.2f} | {sum(apart)} of {len(apart)} |")
    of_true, of_false = (np.array(each) for each in prompt_probabilities(probability, true, examples))
    lines += [
        "",
        f"| least relative probability | of {len(of_true)} true touches kept | of {len(of_false)} false ones refused |",
        "|---|---|---|",
    ]
    lines += [f"| {least} | {(of_true >= least).mean():.0%} | {(of_false < least).mean():.0%} |" for least in _BELIEVED]
    return "\n".join(lines)


def decoded_parts(
    probability: Float[np.ndarray, "N Q Q"], settings: ContactDecodingSettings
) -> Bool[np.ndarray, "N Q Q"]:
    """Which pairs of parts touch, as `contacts.decoding` decides it, on the uniform grid; of touches all are kept."""
    found = np.zeros(probability.shape, bool)
    for a, b, first, last in probable_spans(probability, 1 / FRAME_RATE, settings):
        found[first : last + 1, a, b] = True
    return found


def relative_probability(hypothesis: ContactHypothesis, probability: Float[np.ndarray, "N Q Q"]) -> float:
    """How many times as probable as it has to be the likeliest interpretation of a hypothesis is in its best frame.

    `semantics.grounding` judges it by this.
    """
    onset = onsets(probability, 1 / FRAME_RATE, ContactDecodingSettings())
    return max(
        float((np.mean([probability[:, a, b] for a, b in _parts(each)], 0) / (needed_share(each) * onset)).max())
        for each in hypothesis.interpretations
    )


def prompt_probabilities(
    probability: Sequence[Float[np.ndarray, "N Q Q"]],
    true: Sequence[Bool[np.ndarray, "N Q Q"]],
    examples: Sequence[ContactExample],
) -> tuple[list[float], list[float]]:
    """Relative probabilities of the touches that each clip's own sentence names, and of those in sentences that are false of it.

    A false sentence may name another interaction, but not a touch that happens: whoever says of a high five that hands are shaken
    is right that hands touch.
    """
    of_true: list[float] = []
    of_false: list[float] = []
    for each, touching, example in zip(probability, true, examples):
        if touching.any() and example.sentences:
            of_true += [relative_probability(hypothesis, each) for hypothesis in parse_prompt(example.sentences[0])]
            for sentence in _STATEMENTS:
                hypotheses = parse_prompt(sentence)
                if not any(_happens(hypothesis, touching) for hypothesis in hypotheses):
                    of_false += [relative_probability(hypothesis, each) for hypothesis in hypotheses]
    return of_true, of_false


def _happens(hypothesis: ContactHypothesis, touching: Bool[np.ndarray, "N Q Q"]) -> bool:
    """Whether anything touches that any interpretation of a hypothesis names."""
    return any(touching[:, a, b].any() for each in hypothesis.interpretations for a, b in _parts(each))


def _parts(interpretation: Interpretation) -> list[tuple[int, int]]:
    """The body parts of each pair of regions."""
    return [
        (PART_INDEX[body_part_of(pair.region_0)], PART_INDEX[body_part_of(pair.region_1)]) for pair in interpretation
    ]
