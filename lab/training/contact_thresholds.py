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
from core.semantics.prompt_parser import ContactHypothesis, parse_prompt

from ..evaluation.methods import another_sentence
from ..evaluation.metrics import contact_f1, wrong_contacts
from .contact_examples import ContactExample
from .contact_head import predicted_and_true

_LEAST = (0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3)
_BELIEVED = (0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5)


def threshold_tables(network: nn.Module, examples: Sequence[ContactExample]) -> str:
    """Two tables in Markdown, by the least probability of a contact and by the least relative one of a prompt.

    Of contacts: F1 by part over the clips in which something touches, wrong pairs of parts a clip, and in how many clips of two
    apart something is found. Of prompts: the shares of true prompts that are kept and of false ones that are refused.
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
    kept, refused = (np.array(each) for each in _prompt_probabilities(probability, examples))
    lines += [
        "",
        "| least relative probability of a prompt | true prompts kept | false ones refused |",
        "|---|---|---|",
    ]
    lines += [f"| {least} | {(kept >= least).mean():.0%} | {(refused < least).mean():.0%} |" for least in _BELIEVED]
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
    """How many times as probable as what is listed there the likeliest interpretation of a hypothesis is in its best frame.

    `semantics.grounding` judges it by this.
    """
    best, onset = 0.0, onsets(probability, 1 / FRAME_RATE, ContactDecodingSettings())
    for interpretation in hypothesis.interpretations:
        pairs = [(PART_INDEX[body_part_of(p.region_0)], PART_INDEX[body_part_of(p.region_1)]) for p in interpretation]
        best = max(best, float((np.mean([probability[:, a, b] for a, b in pairs], 0) / onset).max()))
    return best


def _prompt_probabilities(
    probability: Sequence[Float[np.ndarray, "N Q Q"]], examples: Sequence[ContactExample]
) -> tuple[list[float], list[float]]:
    """Of the hypotheses of each clip's own sentence, and of a sentence that names other touches."""
    of_true: list[float] = []
    of_false: list[float] = []
    for each, example in zip(probability, examples):
        if example.touching.any() and example.sentences:
            said = example.sentences[0]
            for sentence, values in ((said, of_true), (another_sentence(said), of_false)):
                values += [relative_probability(hypothesis, each) for hypothesis in parse_prompt(sentence)]
    return of_true, of_false
