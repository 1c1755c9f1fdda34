"""Names that become part of a path, and paths that lead to other computers."""

from __future__ import annotations

import pytest

from core.contract.names import file_stem, is_encodable, is_identifier, is_network_path


@pytest.mark.parametrize("name", ["take-001", "take-1", "a", "A_b-c.d", "0", "x" * 64, "console", "com10", "-a"])
def test_plain_names_are_identifiers(name: str) -> None:
    assert is_identifier(name)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", ".hidden", "a/b", "a\\b", "../../x", "/etc/passwd", "C:x", "a b", "é", "a\n", "a\0", "x" * 65, "a.",
        "CON", "nul", "com1", "LPT9", "aux.json", "con.tar.gz", "٣", None, 5, ["take-001"], b"take-001",
    ],
)  # fmt: skip
def test_what_is_no_identifier(name: object) -> None:
    assert not is_identifier(name)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Person A", "person-a"),
        ("../../../../escape/owned", "escape-owned"),
        ("/etc/cron.d/x", "etc-cron.d-x"),
        ("..", "person-0"),
        ("", "person-0"),
        ("CON", "person-0"),
        ("nul.txt", "person-0"),
        ("José 漢", "josé-漢"),
        ("a\\b:c*d?", "a-b-c-d"),
        ("\ud800", "person-0"),
        ("x" * 300, "x" * 64),
        ("漢" * 100, "漢" * 64),
    ],
)
def test_file_names_of_people_stay_in_their_folder(name: str, stem: str) -> None:
    assert file_stem(name, "person-0") == stem
    assert not {"/", "\\", "\0", ":"} & set(stem)


@pytest.mark.parametrize(
    "path",
    [
        r"\\host\share\clip.mp4", "//host/share/clip.mp4", r"\\10.0.0.1\c$", r"\/host\share", r"\\?\UNC\host\share\x",
        r"\\.\UNC\host\share", r"\\?\GLOBALROOT\Device\Mup\host\share", "smb://host/share", "http://host/x.mp4",
        "file://host/share/x", r"  \\host\share", "//host@8080/DavWWWRoot/x",
    ],
)  # fmt: skip
def test_paths_to_other_computers(path: str) -> None:
    assert is_network_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "/home/me/clip.mp4",
        r"C:\clips\a.mp4",
        "C:/clips/a.mp4",
        "clip.mp4",
        "../a/b.mp4",
        r"\\?\C:\long\a.mp4",
        "default",
        "",
    ],
)
def test_paths_on_this_computer(path: str) -> None:
    assert not is_network_path(path)


def test_paths_that_can_be_written_down() -> None:
    assert is_encodable("/tmp/é 漢.mp4")
    assert not is_encodable("/tmp/caf\udce9.mp4")
    assert not is_encodable("/tmp/a\0b")
