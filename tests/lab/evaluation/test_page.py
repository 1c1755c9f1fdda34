"""The report's page: what it says, that it needs nothing beside it, and that its pictures show what is apart."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from core.contract.errors import UserError
from core.contract.files import write_json
from lab.evaluation.page import columns, findings, load_report, write_page, write_speed_page
from lab.evaluation.pictures import ClipPicture, load_pictures, picture_svg, save_pictures, worst_moments
from lab.evaluation.plots import binned_means
from lab.evaluation.results import ClipResult, Report, Row, make_rows
from lab.evaluation.speed import Cost, FullMesh, Machine, Speed, load_speed, save_speed

FRAMES = 30


def clip(
    name: str, family: str, method: str, hidden: float = 0.1, contact: float = 0.5, **metrics: float
) -> ClipResult:
    return ClipResult(name, family, method, FRAMES, metrics, {}, hidden, contact, {"fit": 3.0})


def synthetic_report() -> Report:
    clips = []
    for family, base in (("hug", 120.0), ("kick", 80.0)):
        for number in range(3):
            for method, factor in (("raw", 1.5), ("joint-fit", 1.0)):
                error = factor * (base + 10 * number)
                clips.append(
                    clip(
                        f"{family}-{number}",
                        family,
                        method,
                        0.2 * number,
                        0.4 * number,
                        mpjpe=error,
                        int=2 * error,
                        mpjpe_seen=0.8 * error,
                        mpjpe_hidden=2 * error,
                        contact_f1=1 / error,
                        contact_distance=error,
                    )
                )
    return Report("pairs-2d", "test", 7, "choreographed", make_rows(clips), tuple(clips), ("<b>A note</b> & more.",))


def standing() -> np.ndarray:
    """Joints [2,T,22,3], two people side by side four metres before the camera; not a body, but as tall."""
    rng = np.random.default_rng(0)
    person = rng.uniform([-0.3, -0.9, -0.2], [0.3, 0.9, 0.2], (22, 3))
    places = np.array([[-0.6, 0.0, 4.0], [0.6, 0.0, 4.0]])
    return np.repeat((places[:, None] + person)[:, None], FRAMES, 1).astype(np.float32)


def picture(joints: np.ndarray) -> ClipPicture:
    world = np.eye(4)
    world[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]  # the world's Z axis is the camera's -y
    return ClipPicture(
        "hug-1", "hug", "joint-fit", {"mpjpe": 140.0}, standing(), joints, np.zeros((2, FRAMES, 22), np.uint8),
        np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]]), world, np.array([640, 480], np.int32),
        np.arange(FRAMES, dtype=np.int32),
    )  # fmt: skip


class Reader(HTMLParser):
    """Text, ids and tags of a page, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.tags: Counter[str] = Counter()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "xlink:href", "src") and not (value or "").startswith(("#", "data:")):
                self.loads.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    off = standing() + np.array([0, 0, 0.5], np.float32)
    write_page(synthetic_report(), [picture(off)], path)
    return path.read_text(encoding="utf-8")


def test_a_page_is_self_contained(page: str) -> None:
    reader = Reader(page)
    assert reader.loads == []
    assert reader.tags["script"] == reader.tags["link"] == reader.tags["iframe"] == 0
    assert "@import" not in page and not re.search(r"url\((?!#)", page)
    assert [name for name, count in Counter(reader.ids).items() if count > 1] == []
    wanted = set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page))
    assert wanted <= set(reader.ids)


def test_a_page_shows_every_section_and_escapes_text(page: str) -> None:
    reader = Reader(page)
    text = " ".join(reader.text)
    for heading in ("Error by family", "Contact by family", "Error by occlusion", "Error by contact", "Worst clips"):
        assert heading in text
    assert "<b>A note</b> & more." in text  # as text, not as markup
    assert "joint-fit has the lowest MPJPE, 110 mm" in text
    assert "hug-1 (hug)" in text and "MPJPE 140 mm" in text


def test_the_best_of_a_column_is_marked_and_so_are_ties() -> None:
    rows = [
        Row("a", {"mpjpe": 61.24, "contact_f1": 0.2, "jitter": 1.0}, {}, {}),
        Row("b", {"mpjpe": 61.21, "contact_f1": 0.5}, {}, {}),
        Row("c", {"mpjpe": 80.0, "contact_f1": 0.1}, {}, {}),
    ]
    found = {column.key: column.cells for column in columns(rows, ("mpjpe", "contact_f1", "jitter", "int"))}
    assert found["mpjpe"] == (("61.2", True), ("61.2", True), ("80.0", False))
    assert found["contact_f1"] == (("0.20", False), ("0.50", True), ("0.10", False))  # higher is better
    assert found["jitter"] == (("1.0", False), ("–", False), ("–", False))  # without a competitor
    assert "int" not in found


def test_findings_are_about_the_last_method() -> None:
    said = " ".join(findings(synthetic_report()))
    assert "next is raw with 165 mm" in said
    assert "worst family is hug (130 mm MPJPE), its best is kick (90 mm)" in said
    assert "2.5 times as much" in said
    assert "detected worst in hug" in said


def test_findings_name_a_method_that_is_better_than_the_last_one() -> None:
    report = synthetic_report()
    turned = replace(report, rows=report.rows[::-1])
    assert "raw has an MPJPE of 165 mm; joint-fit is better with 110 mm." in findings(turned)


def test_clips_are_binned_by_share() -> None:
    clips = [clip(str(share), "hug", "m", share, mpjpe=100 * share) for share in (0.0, 0.1, 0.25, 0.5, 1.0)]
    clips.append(clip("none", "hug", "m", 0.6))  # a clip without the metric
    found = binned_means(clips, lambda one: one.hidden_share, (0.0, 0.25, 0.5, 0.75, 1.0), "mpjpe")
    assert found == [(pytest.approx(5.0), 2), (25.0, 1), (50.0, 1), (100.0, 1)]


def test_a_report_of_one_method_on_one_clip_has_a_page(tmp_path: Path) -> None:
    only = clip("hug-0", "hug", "raw", mpjpe=50.0)
    report = Report("real", "test", 0, "real", make_rows([only]), (only,), ())
    write_page(report, [], tmp_path / "one.html")
    text = " ".join(Reader((tmp_path / "one.html").read_text(encoding="utf-8")).text)
    assert "50.0" in text and "Worst clips" not in text


def test_a_report_can_be_written_and_read(tmp_path: Path) -> None:
    write_json(tmp_path / "report.json", synthetic_report().to_json())
    assert load_report(tmp_path / "report.json") == synthetic_report()
    write_json(tmp_path / "other.json", {"clip": "a"})
    with pytest.raises(UserError, match="is not a report"):
        load_report(tmp_path / "other.json")


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError) as caught:
        write_page(synthetic_report(), [], tmp_path / "page.html")
    assert caught.value.code == "matplotlib-missing"
    assert "lab/requirements.txt" in caught.value.hint
    assert not (tmp_path / "page.html").exists()


def test_the_worst_moments_are_not_too_close_to_each_other() -> None:
    joints = standing()
    for person, frame, off in ((0, 4, 0.3), (0, 5, 0.25), (1, 9, 0.2), (1, 29, 0.1), (0, 22, 0.05)):
        joints[person, frame, 1:] += off
    joints[:, 15] += 5.0  # elsewhere, but no pose error
    assert worst_moments(picture(joints)) == [4, 9, 29]  # 5 is too close to 4


def paths(svg: str) -> tuple[list[str], list[str]]:
    return tuple(re.findall(rf'<g class="{kind} p\d"><path d="([^"]*)"', svg) for kind in ("true", "found"))  # pyright: ignore


def test_an_error_in_depth_shows_from_above_but_not_in_the_camera() -> None:
    true, found = paths(picture_svg(picture(standing() * np.float32(1.1))))
    assert len(true) == len(found) == 2 * 9  # people by moments and views
    assert sorted(true[:6]) == sorted(found[:6])
    assert not set(true[6:]) & set(found[6:])


def test_from_above_right_is_right_and_far_is_up() -> None:
    joints = standing()
    joints[0] = joints[0, :, :1]  # all joints in one point, so that a path begins where the person is
    joints[1] = joints[1, :, :1]
    joints[1] += np.array([0, 0, 1.0], np.float32)
    shown = replace(picture(joints), true_joints=joints)
    true, _ = paths(picture_svg(shown))
    above = [tuple(map(float, re.findall(r"[-\d.]+", path)[:2])) for path in true[6:8]]
    far, near = above  # the person behind is drawn first
    assert far[0] > near[0]
    assert far[1] < near[1]


def test_pictures_can_be_written_and_read(tmp_path: Path) -> None:
    kept = replace(picture(standing()), video=Path("clip.mp4"))
    save_pictures(tmp_path / "worst.npz", [kept, picture(standing() + 1)])
    first, second = load_pictures(tmp_path / "worst.npz")
    assert (first.name, first.metrics, first.video, second.video) == ("hug-1", {"mpjpe": 140.0}, Path("clip.mp4"), None)
    np.testing.assert_allclose(second.joints, standing() + 1, atol=0.003)
    np.testing.assert_array_equal(first.K, kept.K)
    assert "<image" not in picture_svg(first)  # the video does not exist any more


def test_the_videos_frames_lie_under_the_cameras_view() -> None:
    video = Path(__file__).parents[3] / "samples" / "handshake_hug.mp4"
    assert picture_svg(replace(picture(standing()), video=video)).count("data:image/jpeg;base64,") == 3


def speed() -> Speed:
    runs = tuple(Cost(n, n / 5, 800.0 + n, {"perception": n / 10, "fit": n / 20}, {"fit": 700.0}) for n in (64, 128))
    mesh = FullMesh(64, 180, 90.0, 1500.0, 100.0, 180, 5.0, 90.0)
    return Speed("clip.mp4", (640, 480), Machine(2, 1, "cpu", 1.5), runs, (), runs, mesh, ("A note.",))


def test_speed_can_be_written_read_and_shown(tmp_path: Path) -> None:
    save_speed(tmp_path / "speed.json", speed())
    assert load_speed(tmp_path / "speed.json") == speed()
    write_speed_page(speed(), tmp_path / "speed.html")
    text = " ".join(Reader((tmp_path / "speed.html").read_text(encoding="utf-8")).text)
    assert "500 ms each" in text and "28 ms" in text
    assert "longer than on an idle machine" in text
    assert "Cost by clip length" in text


def test_another_file_is_not_a_speed_report(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_text('{"clip": "a"}', encoding="utf-8")
    with pytest.raises(UserError, match="is not a report of the speed"):
        load_speed(tmp_path / "speed.json")
