"""The two people whom the user has picked by clicks, and the movie in which they are: in another one the places mean nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy

from . import compat


def chosen_movie(context: bpy.types.Context, settings: Any) -> str:
    """The path of the movie that the settings say, as it is written there; empty if none is chosen."""
    if settings.source == "FILE":
        return settings.filepath
    return next((strip.filepath for strip in compat.movie_strips(context) if strip.name == settings.strip), "")


def pick_people(context: bpy.types.Context, settings: Any, marks: str, movie: str) -> None:
    """Let the next job be about the people at these marks in a movie."""
    settings.choose_people, settings.people_marks = True, marks
    if not is_same_movie(movie, settings.people_movie):  # otherwise it may be relative, and so move along
        settings.people_movie = movie


def note_movie(settings: Any, context: bpy.types.Context) -> None:
    """The marks were changed: they are of the movie that is chosen now."""
    settings.people_movie = chosen_movie(context, settings) if settings.people_marks else ""


def are_picked_in(settings: Any, movie: str | Path) -> bool:
    """Whether people were picked in this movie. Earlier versions did not note which one it was."""
    return bool(settings.people_marks) and (not settings.people_movie or is_same_movie(settings.people_movie, movie))


def unused_pick(settings: Any, fields: dict[str, Any]) -> str:
    """What to tell the user where a request does not have the people who were picked, as they are of another movie."""
    if not (settings.choose_people and settings.people_marks) or fields["people_at"] is not None:
        return ""
    return f"The people were picked in another clip, {bpy.path.basename(settings.people_movie)}, and are not used for this one"


def is_same_movie(first: str | Path, second: str | Path) -> bool:
    """Whether two paths, which may be relative to the .blend file, are the same one. The disk is not looked at."""
    return bool(str(first)) and _plain(first) == _plain(second)


def _plain(path: str | Path) -> str:
    return os.path.normcase(os.path.normpath(Path(bpy.path.abspath(str(path))).absolute()))
