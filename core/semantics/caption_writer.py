"""Writes one caption from a description: chooses facts, fills templates, joins clauses into sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from numpy.random import Generator

from ..contract.reconstruction import PERSON_NAMES
from .actions import Action
from .description import Description, Formation, SharedAction
from .interactions import Interaction
from .settings import CaptionSettings
from .templates import (
    ACTION_TEMPLATES,
    DIRECTED_FORMATION_TEMPLATES,
    FORMATION_TEMPLATES,
    INTERACTION_TEMPLATES,
    NUMBER_WORDS,
    PAIR_NAMES,
    REGION_WORDS,
    REPETITION_WORDS,
    ROLE_NAMES,
)

_Option = TypeVar("_Option")

_HAVE_A_DURATION = {
    "handshake", "hug", "hug_from_behind", "hold_hands", "piggyback", "dance_hold", "arm_around_shoulder", "touch",
}  # fmt: skip
"""Interactions whose duration is worth mentioning."""
_ONE_WALKS = {"piggyback", "carry", "dance_turn"}
"""Interactions in which only one of the two walks."""
_IMPLIES_WALKING = {"pull_arm", "lead_by_hand"}


@dataclass(frozen=True)
class Clause:
    """A verb phrase. `subject` is a person, or None for both people."""

    subject: int | None
    words: str


class CaptionWriter:
    """Writes one caption, in which each person is referred to consistently. Use a new writer for the next caption."""

    def __init__(
        self,
        description: Description,
        rng: Generator,
        *,
        named: bool,
        plain: bool = False,
        settings: CaptionSettings | None = None,
    ) -> None:
        """`named` calls the two Person A and Person B; `plain` takes the first wording instead of drawing one."""
        self.description = description
        self.settings = settings or CaptionSettings()
        self._rng = rng
        self._named = named
        self._plain = plain
        self._roles = ROLE_NAMES[0] if plain else self._draw(ROLE_NAMES)
        self._pair_name = PAIR_NAMES[0] if plain else self._draw(PAIR_NAMES)
        self._references: dict[int, str] = {}
        """How a person who was mentioned is referred to from then on."""
        self._mentioned = False
        """Whether anybody was mentioned, so that both together are `they`."""
        self._walking_mentioned = False
        self._objects: set[int] = set()
        """People who were the object of a clause."""

    # whole captions

    def story(self) -> str:
        """Approach, interactions, departure."""
        interactions = self._main_interactions()
        approach = self._approach(interactions[0])
        subject = approach[0].subject if len(approach) == 1 else None
        first = self._interaction_clause(interactions[0], with_duration=not self._plain, subject=subject)
        links = [[*approach, first]]
        self._append_interactions(links, interactions)
        departure = self._departure(interactions[-1])
        return self._sentence([*links, departure] if departure else links)

    def story_without_contact(self) -> str:
        """The formation and the actions of each person."""
        shared = self.description.shared_actions[:1]
        shared_clauses = [self._shared_action_clause(action) for action in shared]
        told = [action.name for action in shared]
        actions = [
            action for action in self.description.actions if action.name not in told and action.name != "carried"
        ]
        if not self._plain and actions and self._rng.random() < 0.3:
            actions = actions[: int(self._rng.integers(1, len(actions) + 1))]
        formation = self.description.initial_formation
        repeated = any(action.formation.name == formation.name == "side_by_side" for action in shared)
        starts_with_formation = not (shared_clauses or actions) or (
            not repeated and (self._plain or self._rng.random() < 0.7)
        )
        opening = self._formation_sentence(formation) if starts_with_formation else ""
        sentences = [self._sentence([[clause]]) for clause in shared_clauses]
        if actions:
            sentences.append(self._sentence([[self._action_clause(action)] for action in actions[:2]]))
        return " ".join(text for text in (opening, *sentences) if text)

    # choice of facts

    def _main_interactions(self) -> list[Interaction]:
        """The longest interactions in order of time; touches only where there is nothing else."""
        interactions = [each for each in self.description.interactions if each.name != "touch"]
        interactions = interactions or list(self.description.interactions)
        chosen = sorted(interactions, key=lambda each: -each.duration)[: self.settings.max_interactions]
        return sorted(chosen, key=lambda each: (each.start, -each.duration, each.name))

    def _append_interactions(self, links: list[list[Clause]], interactions: list[Interaction]) -> None:
        """Add all interactions but the first: joined by `and` to the link before if simultaneous, else as a new link."""
        for before, interaction in zip(interactions, interactions[1:]):
            clause = self._interaction_clause(interaction)
            if interaction.start < before.end - self.settings.min_overlap:
                links[-1].append(clause)
            else:
                links.append([clause])

    def _approach(self, first: Interaction) -> list[Clause]:
        """Who walks up to the other before the first interaction."""
        came = {
            action.person: action
            for action in self.description.actions
            if action.name in ("walk", "step")
            and action.approach > self.settings.min_approach
            and first.start - self.settings.approach_window < action.end
            and action.start < first.start
        }
        if len(came) == 2:
            verb = "walk" if all(action.name == "walk" for action in came.values()) else "move"
            return [Clause(None, f"{verb} {self._choose('up to each other', 'towards each other')}")]
        return [self._action_clause(action) for action in came.values()]

    def _departure(self, last: Interaction) -> list[Clause]:
        """Who goes away after the last interaction."""
        gone = {
            action.person: action
            for action in self.description.actions
            if action.name in ("walk", "step")
            and action.approach < -self.settings.min_approach
            and action.start > last.end - self.settings.departure_window
        }
        if len(gone) == 2:
            return [Clause(None, self._choose("step apart", "part", "move apart"))]
        return [self._action_clause(action) for action in gone.values()]

    # clauses

    def _interaction_clause(
        self, interaction: Interaction, *, with_duration: bool = False, subject: int | None = None
    ) -> Clause:
        """A clause for an interaction, with the given subject where a template for it exists."""
        walking = self._both_walk_during(interaction)
        options = self._interaction_options(interaction, walking, subject)
        if self._plain:
            person, template = max(options, key=lambda option: option[1].count("{"))
        else:
            person, template = self._draw(options)
        text = _fill_in(template, interaction)
        adds_walking = walking and interaction.actor is not None and "walk" not in text
        if adds_walking and interaction.name not in _IMPLIES_WALKING | _ONE_WALKS:
            text += "" if interaction.name == "hold_hands" or self._walking_mentioned else " while walking"
            self._walking_mentioned = True
        countable = interaction.name == "pat" and not self._plain and interaction.count < len(REPETITION_WORDS)
        if countable and self._rng.random() < 0.5:
            text = f"{text} {REPETITION_WORDS[interaction.count]}".strip()
        if with_duration and interaction.name in _HAVE_A_DURATION and self._rng.random() < 0.5:
            text += self._duration_words(interaction.duration)
        return Clause(person, text)

    def _interaction_options(
        self, interaction: Interaction, walking: bool, subject: int | None
    ) -> list[tuple[int | None, str]]:
        """Templates that suit the interaction, each with its subject."""
        templates = INTERACTION_TEMPLATES[interaction.name]
        actor = interaction.actor
        by_actor = (templates.both_hands or templates.actor) if interaction.both_hands else templates.actor
        if interaction.from_behind and templates.from_behind:
            by_actor = (*by_actor, *templates.from_behind)
        options: list[tuple[int | None, str]] = []
        if actor is None:
            by_both = templates.walking if walking and templates.walking else templates.together
            options += [(None, template) for template in by_both]
            options += [] if options and self._plain else [(subject or 0, template) for template in by_actor]
        else:
            if walking and self._rng.random() < 0.3:
                options += [(None, template) for template in templates.walking]
            options += [(actor, template) for template in by_actor]
            options += [] if self._plain else [(1 - actor, template) for template in templates.other]
        options = [(person, template) for person, template in options if _suits(template, interaction)]
        if subject is not None and actor is not None:
            options = [option for option in options if option[0] == subject] or options
        return options

    def _both_walk_during(self, interaction: Interaction) -> bool:
        return any(
            action.name == "walk"
            and action.same_direction
            and min(action.end, interaction.end) - max(action.start, interaction.start)
            > 0.5 * min(interaction.duration, 2.0)
            for action in self.description.shared_actions
        )

    def _duration_words(self, seconds: float) -> str:
        if seconds < self.settings.short_duration:
            return " briefly"
        if seconds < self.settings.long_duration:
            return "" if seconds < 0.8 else " for " + self._choose("about a second", "a moment")
        count = _number_words(round(seconds))
        return " for " + self._choose(f"about {count} seconds", "a long moment", "a while")

    def _action_clause(self, action: Action) -> Clause:
        variant = str(action.direction)
        if action.name in ("walk", "step"):
            if abs(action.approach) > self.settings.min_approach:
                variant = "nearer" if action.approach > 0 else "farther"
        elif action.name == "turn":
            variant = "full" if action.amount > 300 else "around" if action.amount > 140 else variant
        elif action.name in ("bend", "crouch", "sit", "lie", "get_up"):
            variant = ""
        return Clause(action.person, self._choose(*ACTION_TEMPLATES[action.name, variant]))

    def _shared_action_clause(self, action: SharedAction) -> Clause:
        if action.name == "turn":
            return Clause(None, "turn the same way together" if action.same_direction else "turn at the same time")
        if not action.same_direction:
            return Clause(None, self._choose("walk in different directions", "walk different ways"))
        if action.formation.name == "side_by_side":
            return Clause(None, "walk side by side")
        return Clause(None, self._choose("walk in the same direction", "walk along together"))

    def _formation_sentence(self, formation: Formation) -> str:
        """A sentence on how the two stand, or are where they walk; empty if there is nothing to say."""
        walks = any(action.name == "walk" and action.start < 0.5 for action in self.description.actions)
        distance = _distance_words(formation.distance)
        if formation.name in FORMATION_TEMPLATES:
            words = self._choose(*FORMATION_TEMPLATES[formation.name])
            words = words.replace("stand ", "are ") if walks and words.startswith("stand ") else words
            words += f", {distance}" if distance and (self._plain or self._rng.random() < 0.6) else ""
            return self._sentence([[Clause(None, words)]])
        if formation.subject is not None:
            words = self._choose(*DIRECTED_FORMATION_TEMPLATES[formation.name])
            words = words.replace("stands ", "is ") if walks and words.startswith("stands ") else words
            return self._sentence([[Clause(formation.subject, words)]])
        if formation.distance > self.settings.notable_distance:
            return self._sentence([[Clause(None, f"are {distance}")]])
        return ""

    # sentences

    def _sentence(self, links: list[list[Clause]]) -> str:
        """One sentence: `and` between clauses of a link, `then` between links, a subject only where it changes."""
        text = ""
        last_subject: int | None = -1
        for link in links:
            for index, clause in enumerate(link):
                same_subject = clause.subject == last_subject
                if not text:
                    conjunction = ""
                elif index:
                    conjunction = " and "
                else:
                    conjunction = self._choose(", then ", " and then ") if same_subject else ", then "
                subject = "" if same_subject else self._subject_words(clause.subject) + " "
                text += conjunction + subject + self._with_object(clause, same_subject)
                last_subject = clause.subject
        return f"{text[0].upper()}{text[1:]}." if text else ""

    def _subject_words(self, person: int | None) -> str:
        if person is not None:
            return self._reference(person)
        name = "they" if self._mentioned else self._pair_name
        self._mentioned = True
        return name

    def _reference(self, person: int) -> str:
        """What a person is called: a role at first mention, then `the first` or `the other`."""
        self._mentioned = True
        if self._named:
            return PERSON_NAMES[person]
        if person in self._references:
            return self._references[person]
        is_first = 1 - person not in self._references
        self._references[person] = "the first" if is_first else "the other"
        return self._roles[0 if is_first else 1]

    def _with_object(self, clause: Clause, same_subject: bool) -> str:
        """The clause's words with a reference to the other person, a pronoun if the sentence has just mentioned them."""
        if clause.subject is None or "{other" not in clause.words:
            return clause.words
        other = 1 - clause.subject
        pronoun = same_subject and other in self._objects
        name = "them" if pronoun else self._reference(other)
        self._objects.add(other)
        return clause.words.replace("{other's}", "their" if pronoun else f"{name}'s").replace("{other}", name)

    def _draw(self, options: Sequence[_Option]) -> _Option:
        return options[int(self._rng.integers(len(options)))]

    def _choose(self, *options: str) -> str:
        return options[0] if self._plain else self._draw(options)


def _suits(template: str, interaction: Interaction) -> bool:
    """Whether everything that a template mentions is known of the interaction and true."""
    if "{actor_side}" in template and not interaction.actor_side:
        return False
    if "{other_side}" in template and not interaction.other_side:
        return False
    if "{other_part}" in template and not interaction.other_region:
        return False
    says_hand = "hand" in template and "{actor_part}" not in template
    if interaction.name == "touch" and says_hand and _region_word(interaction.actor_region) != "hand":
        return False
    if interaction.actor is None and "{actor_side} hand" in template and "{other_side}" not in template:
        return interaction.actor_side == interaction.other_side  # e.g. `with their right hands`
    return not (interaction.both_hands and "{actor_side}" in template)


def _fill_in(template: str, interaction: Interaction) -> str:
    """The template with sides and parts; the placeholders of the other person stay."""
    values = {
        "{other_side}": interaction.other_side,
        "{actor_side}": interaction.actor_side,
        "{other_part}": _region_word(interaction.other_region),
        "{actor_part}": _region_word(interaction.actor_region),
    }
    for placeholder, value in values.items():
        template = template.replace(placeholder, value)
    return template


def _region_word(region: str) -> str:
    return REGION_WORDS.get(region, region)


def _distance_words(metres: float) -> str:
    """Empty for distances that are neither close nor worth a number."""
    if metres < 0.45:
        return "close together"
    if metres < 0.75:
        return ""
    if metres < 1.25:
        return "about a metre apart"
    whole, half = divmod(round(metres * 2), 2)
    if half:
        return (
            f"about {_number_words(whole)} and a half metres apart" if whole > 1 else "about a metre and a half apart"
        )
    return f"about {_number_words(whole)} metres apart"


def _number_words(count: int) -> str:
    return NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else str(count)
