"""Takes out of a text what a log that is sent along must not tell: the home folder, names of users, passwords in addresses.

Only the standard library is used, because the add-on's installer runs where no package is.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

HOME, USER, SECRET = "~", "USER", "***"

_CREDENTIALS = re.compile(r"(?<=//)(?:[^\s/@:]*:[^\s\"']*|[^\s/@\"']+)@")
"""What stands before the @ of an address: a name with a password, or a token alone."""
_SECRET_VALUES = re.compile(
    r"(?i)([?&;](?:[a-z_-]*token|[a-z_-]*key|password|passwd|auth|sig|signature)=)[^\s&;\"'<>]+"
)
_HOMES = re.compile(r"(?i)((?:^|[^\w/])(?:/home/|/Users/|[a-z]:(?:\\\\?|/)Users(?:\\\\?|/)))[^\s/\\\"':;,<>|]+")
"""A folder in which a system keeps the homes of its users, and one user's name."""
_END = r"(?=$|[/\\\s\"'`:;,()\[\]<>|])"


def redact(text: str, homes: Iterable[str] | None = None, users: Iterable[str] | None = None) -> str:
    """The text with `~` for the home folder, USER for the user's name in other paths and *** for passwords in addresses.

    `homes` and `users` are those of whoever runs this, where they are not given.
    """
    text = _CREDENTIALS.sub(f"{SECRET}@", text)
    text = _SECRET_VALUES.sub(rf"\1{SECRET}", text)
    own = _own_names()
    homes = own[0] if homes is None else homes
    users = own[1] if users is None else users
    for home in sorted(homes, key=len, reverse=True):
        text = _home_pattern(home).sub(HOME, text)
    text = _HOMES.sub(rf"\1{USER}", text)
    for user in users:
        text = re.sub(rf"(?<=[/\\]){re.escape(user)}{_END}", USER, text)
    return text


def redact_file(path: Path) -> None:
    """Redact a finished log in place. It stays as it is where that is not possible."""
    with suppress(OSError):
        before = path.read_bytes()
        after = redact(before.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if after != before:
            path.write_bytes(after)


def _own_names() -> tuple[frozenset[str], frozenset[str]]:
    variables = ("HOME", "USERPROFILE")
    return _names_of(tuple(os.environ.get(variable, "") for variable in variables))


@lru_cache(maxsize=4)
def _names_of(homes: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Home folders and names of the user of this process, whose home variables are `homes`."""
    folders = {home.rstrip("/\\") for home in homes}
    for home in tuple(folders):
        if home:
            folders.add(os.path.realpath(home))
    with suppress(ImportError, KeyError):  # there is no such module on Windows; a container's user may have no entry
        import pwd

        folders.add(pwd.getpwuid(os.getuid()).pw_dir.rstrip("/"))
    users: set[str] = set()
    with suppress(OSError, KeyError, ImportError):
        users.add(getpass.getuser())
    users |= {re.split(r"[/\\]", folder)[-1] for folder in folders}
    return frozenset(folder for folder in folders if len(folder) > 1), frozenset(user for user in users if user)


@lru_cache(maxsize=16)
def _home_pattern(home: str) -> re.Pattern[str]:
    """The folder as it is written in paths, in the text of JSON or Python, and in addresses of files."""
    spellings = {home, home.replace("\\", "/"), home.replace("\\", "\\\\"), quote(home.replace("\\", "/"))}
    joined = "|".join(re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True))
    ignore_case = re.IGNORECASE if re.match(r"[A-Za-z]:", home) else 0
    return re.compile(rf"(?<![\w.~])(?:{joined}){_END}", ignore_case)
