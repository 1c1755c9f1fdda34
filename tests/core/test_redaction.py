"""A log that is sent along tells neither the home folder, nor the user's name, nor a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.contract.redaction import redact, redact_file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/maria/clips/hug.mp4 cannot be read", "~/clips/hug.mp4 cannot be read"),
        ("out='/home/maria'", "out='~'"),
        ('File "/home/maria/env/x.py", line 3', 'File "~/env/x.py", line 3'),
        ("file:///home/maria/clip.mp4", "file://~/clip.mp4"),
        ("/home/mariano/x /data/home/maria2", "/home/USER/x /data/home/maria2"),
        ("/media/maria/disk/a.mp4", "/media/USER/disk/a.mp4"),
        ("/home/paul/a.mp4 and /Users/paul/b", "/home/USER/a.mp4 and /Users/USER/b"),
        (r"C:\Users\Paul\a.mp4", r"C:\Users\USER\a.mp4"),
        ("two people named maria hug", "two people named maria hug"),
        ("+ pip install --index-url https://maria:s3cret@pypi.example/simple", "+ pip install --index-url https://***@pypi.example/simple"),
        ("https://token123@pypi.example/simple torch", "https://***@pypi.example/simple torch"),
        ("proxy http://u:p@ss:w@proxy:3128/", "proxy http://***@proxy:3128/"),
        ("http://u:pa/ss@proxy:3128", "http://***@proxy:3128"),
        ("https://pypi.org:443/simple/torch", "https://pypi.org:443/simple/torch"),
        ("https://pypi.example/simple?access_token=abc&x=1", "https://pypi.example/simple?access_token=***&x=1"),
    ],
)  # fmt: skip
def test_names_and_passwords_are_taken_out(text: str, expected: str) -> None:
    assert redact(text, ["/home/maria"], ["maria"]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"C:\Users\Maria K\clip.mp4", r"~\clip.mp4"),
        (r"c:\users\maria k\clip.mp4", r"~\clip.mp4"),
        ("C:/Users/Maria K/clip.mp4", "~/clip.mp4"),
        (r'"C:\\Users\\Maria K\\clip.mp4"', r'"~\\clip.mp4"'),
        ("file:///C%3A/Users/Maria%20K/clip.mp4", "file:///~/clip.mp4"),
        (r"D:\Projekte\Maria K\clip.mp4", r"D:\Projekte\USER\clip.mp4"),
    ],
)
def test_a_home_of_windows_is_found_in_every_spelling(text: str, expected: str) -> None:
    assert redact(text, [r"C:\Users\Maria K"], ["Maria K"]) == expected


def test_the_home_of_whoever_runs_this_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/data/homes/jo")
    assert redact("/data/homes/jo/clip.mp4, /mnt/jo/clip.mp4") == "~/clip.mp4, /mnt/USER/clip.mp4"
    log = tmp_path / "x.log"
    log.write_bytes(b"/data/homes/jo/caf\xe9.mp4\n")
    redact_file(log)
    assert log.read_bytes() == b"~/caf\xe9.mp4\n"
    redact_file(tmp_path / "none.log")
