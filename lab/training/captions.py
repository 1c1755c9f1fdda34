"""Captions of a motion as training text: the facts are those of the product's captions, the wording is drawn at random."""

from __future__ import annotations

from numpy.random import Generator

from core.semantics.caption_writer import CaptionWriter
from core.semantics.description import Description


class _TrainingCaptionWriter(CaptionWriter):
    """With a less and a more detailed caption than the product's."""

    def interactions_only(self) -> str:
        interactions = self._main_interactions()
        links = [[self._interaction_clause(interactions[0])]]
        self._append_interactions(links, interactions)
        return self._sentence(links)

    def long_story(self) -> str:
        """The initial formation, then the story."""
        formation = self._formation_sentence(self.description.initial_formation)
        story = self.story()
        return f"{formation} {story}" if formation else story


def generate_captions(
    description: Description,
    rng: Generator,
    count: int = 4,
) -> tuple[str, ...]:
    """At most `count` different captions of one clip, more or less detailed; the first is the least detailed."""
    captions: dict[str, None] = {}
    for attempt in range(4 * count):
        writer = _TrainingCaptionWriter(description, rng, named=False)
        if not description.interactions:
            text = writer.story_without_contact()
        else:
            styles = (writer.interactions_only, writer.story, writer.long_story)
            text = styles[attempt if attempt < len(styles) else int(rng.integers(len(styles)))]()
        if text:
            captions.setdefault(text)
        if len(captions) == count:
            break
    return tuple(captions)
