"""Files for every target, as importers of engines read them: each joint in each frame, the rest pose, names, units."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.assimp_scene import assimp_positions
from tests.blender.drawing import Layout
from tests.blender.evaluated_scene import all_datablocks
from tests.blender.kept import Kept
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, make_reconstruction
from tests.blender.user_actions import press
from tests.engines.readers import TOLERANCE, Expected, compare, read_with, validate

FRAMES = 9
FIRST = 11
MISSING_CLIP = Path(__file__).with_name("Tango 3.mp4")
Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
"""Z up -> Y up."""

Export = Callable[..., list[Path]]


@pytest.fixture
def made(kept: Kept, tmp_path: Path) -> Made:
    return kept.files(tmp_path / "result", make_reconstruction, frames=FRAMES, clip=MISSING_CLIP)


@pytest.fixture
def collection(kept: Kept, made: Made, tmp_path: Path) -> Any:
    return kept.imported(tmp_path / "result", frame_start=FIRST)


@pytest.fixture
def export(product: Product, collection: Any, tmp_path: Path) -> Export:
    """Exports to a folder of the target's name and returns the files, the JSON last."""
    settings, addon = product("core.export.settings").ExportSettings, product("socialmirror_blender.export")

    def run(target: str, **choices: Any) -> list[Path]:
        return addon.export_people(bpy.context, collection, settings(target, **choices), tmp_path / target)

    return run


@pytest.fixture
def expected(product: Product, made: Made) -> Callable[..., Expected]:
    """What a file should hold, from the reconstruction's own joints, which no exporter has touched."""
    name_sets, joints = product("core.export.bone_names").NAME_SETS, product("core.contract.skeleton").JOINTS

    def what(person: int, names: str, prefix: str = "", unit: float = 1.0, origin: Any = (0, 0, 0)) -> Expected:
        motion, vertices = made.reconstruction.motion, made.reconstruction.body.rest_vertices[person]
        rest = motion.rest_joints[person].astype(float)
        return Expected(
            [prefix + name_sets[names][joint] for joint in joints],
            rest - [rest[0, 0], vertices[:, 1].min(), rest[0, 2]],
            (motion.joints[person].astype(float) - origin) @ Y_UP.T,
            24,
            "Tango 3",
            unit,
        )

    return what


def test_three_reads_fbx_files(made: Made, export: Export, expected: Callable[..., Expected], tmp_path: Path) -> None:
    unreal, both = export("unreal", origin="feet")[:-1], export("fbx", people="both")[0]
    unity = export("unity", people="a", animation_only=True, root="in-place")[0]
    read = read_with("three", tmp_path / "read.json", [*unreal, both, unity], FRAMES, 24)
    feet = made.reconstruction.motion.pelvis[0, 0] * (1, 1, 0)
    for person in (0, 1):
        compare(read[person], expected(person, "manny", unit=0.01, origin=feet))
        compare(read[2], expected(person, "smplx", prefix=f"{'AB'[person]}_"))
    compare(read[3], expected(0, "unity"))
    faces = len(made.reconstruction.body.faces)
    assert [each.faces for each in read] == [faces, faces, 2 * faces, 0]


@pytest.mark.skipif(bpy.app.version < (5, 2), reason="slow, and the exporters of all versions write the same")
def test_babylon_reads_fbx_files(export: Export, expected: Callable[..., Expected], tmp_path: Path) -> None:
    """Without the skin of one file, since Babylon.js takes half a minute for all of them."""
    files = [export("mixamo", people="b")[0], export("unreal", people="both", animation_only=True)[0]]
    alone, both = read_with("babylon", tmp_path / "read.json", files, FRAMES, 24)
    compare(alone, expected(1, "mixamo"))
    for person in (0, 1):
        compare(both, expected(person, "manny", prefix=f"{'AB'[person]}_", unit=0.01))


def test_engines_read_glb_files_of_what_blender_shows(
    scene: ModuleType, collection: Any, export: Export, expected: Callable[..., Expected], tmp_path: Path
) -> None:
    """The second person's object was moved by the animator: the file has it there."""
    scene.rig_of(collection, 1).location = (0.5, 0, 0)
    files = export("gltf")[:-1] + export("godot", people="b", weights=8)[:-1]
    pair, second = read_with("three", tmp_path / "read.json", files, FRAMES, 24)
    compare(pair, expected(0, "smplx", prefix="A_"))
    compare(pair, expected(1, "smplx", prefix="B_", origin=(-0.5, 0, 0)))
    compare(second, expected(1, "godot", origin=(-0.5, 0, 0)))
    for issues in validate(tmp_path / "report.json", files):
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"][:3]


def test_assimp_reads_pair_files(export: Export, expected: Callable[..., Expected]) -> None:
    """Assimp, too, binds curves to nodes by name; its bindings read animation from Python 3.12 on."""
    assimp = pytest.importorskip("assimp_py")
    if not hasattr(assimp, "Animation"):
        pytest.skip("this assimp_py reads no animation")
    for path in (export("fbx", people="both")[0], export("gltf")[0]):
        file = assimp.import_file(str(path), 0)
        (animation,) = file.animations
        assert animation.name == "Tango 3"
        channels = {channel.node_name: channel for channel in animation.channels}
        assert len(channels) == len(animation.channels)
        shown = [assimp_positions(file.root_node, channels, frame) for frame in range(FRAMES)]
        for person in (0, 1):
            wanted = expected(person, "smplx", prefix=f"{'AB'[person]}_")
            found = np.array([[positions[name] for name in wanted.names] for positions in shown])
            assert np.abs(found - wanted.positions).max() < TOLERANCE


def test_usd_files_hold_both_skeletons(export: Export, expected: Callable[..., Expected]) -> None:
    """Read by USD's own library, which computes the skeletons in the world."""
    bpy.utils.expose_bundled_modules()
    Usd, UsdSkel = (pytest.importorskip(f"pxr.{name}") for name in ("Usd", "UsdSkel"))
    pytest.importorskip("pxr.UsdGeom")
    path, _ = export("usd")
    stage = Usd.Stage.Open(str(path))
    assert stage.GetTimeCodesPerSecond() == 24
    cache = UsdSkel.Cache()
    skeletons = [UsdSkel.Skeleton(prim) for prim in stage.Traverse() if prim.IsA(UsdSkel.Skeleton)]
    assert len(skeletons) == 2
    found = 0
    for skeleton in skeletons:
        query = cache.GetSkelQuery(skeleton)
        names = [str(joint).split("/")[-1] for joint in query.GetJointOrder()]
        prefix = names[0][:2]
        wanted = expected("AB".index(prefix[0]), "smplx", prefix=prefix)
        columns = [names.index(name) for name in wanted.names]
        for frame in range(FRAMES):
            world = _usd_world(stage, skeleton, frame)
            joints = np.array([np.array(m) for m in query.ComputeJointSkelTransforms(frame)]) @ world
            off = np.abs(joints[columns, 3, :3] @ Y_UP.T - wanted.positions[frame]).max()
            assert off < TOLERANCE
            found += 1
    assert found == 2 * FRAMES


def _usd_world(stage: Any, skeleton: Any, frame: int) -> np.ndarray:
    """[4,4] for row vectors, to a world that is Z up."""
    from pxr import UsdGeom  # pyright: ignore

    world = np.array(UsdGeom.XformCache(frame).GetLocalToWorldTransform(skeleton.GetPrim()))
    if UsdGeom.GetStageUpAxis(stage) == "Y":
        world = world @ np.block([[Y_UP, np.zeros((3, 1))], [np.zeros((1, 3)), 1]])
    return world


def test_vertices_follow_as_many_bones_as_were_chosen(export: Export, made: Made) -> None:
    """Read back by Blender's importer of FBX."""
    files = {most: export("fbx", people="a", weights=most)[0].read_bytes() for most in (4, 8)}
    counts = {}
    for most, data in files.items():
        bpy.ops.wm.read_factory_settings(use_empty=True)
        path = Path(bpy.app.tempdir or "/tmp") / f"weights-{most}.fbx"
        path.write_bytes(data)
        bpy.ops.wm.fbx_import(filepath=str(path))
        path.unlink()
        mesh: Any
        (mesh,) = (item.data for item in bpy.data.objects if item.type == "MESH")
        weights = [[entry.weight for entry in vertex.groups if entry.weight > 1e-6] for vertex in mesh.vertices]
        counts[most] = max(map(len, weights))
        assert max(abs(sum(each) - 1) for each in weights) < 1e-3
    used = (made.reconstruction.body.skin_weights > 1e-6).sum(1).max()
    assert counts == {4: 4, 8: used} and used > 4


@pytest.mark.parametrize("target", ["fbx", "usd"])
def test_show_confidence_colours_no_file(export: Export, scene: ModuleType, collection: Any, target: str) -> None:
    """Read back by Blender's importers: each skin has its own material alone, and in Blender it stays coloured."""
    skin = scene.skin_of(collection, 0)
    own = skin.data.materials[0].name
    press("confidence_overlay")
    before, shown = all_datablocks(), [face.material_index for face in skin.data.polygons]
    path = export(target, people="both")[0]
    assert all_datablocks() == before
    assert [face.material_index for face in skin.data.polygons] == shown
    bpy.ops.wm.read_factory_settings(use_empty=True)
    getattr(bpy.ops.wm, f"{target}_import")(filepath=str(path))
    meshes: list[Any] = [item.data for item in bpy.data.objects if item.type == "MESH"]
    assert [len(mesh.materials) for mesh in meshes] == [1, 1]
    assert {face.material_index for mesh in meshes for face in mesh.polygons} == {0}
    assert own.replace(" ", "_") in {material.name.replace(" ", "_") for material in bpy.data.materials}


def test_amass_and_bvh_of_what_blender_shows(export: Export, made: Made) -> None:
    motion = made.reconstruction.motion
    for person, path in enumerate(export("amass")[:-1]):
        file = np.load(path, allow_pickle=False)
        np.testing.assert_allclose(file["trans"] + motion.rest_joints[person, 0], motion.pelvis[person], atol=1e-5)
        np.testing.assert_allclose(file["pose_body"].reshape(-1, 21, 3), motion.body_pose[person], atol=1e-4)
        np.testing.assert_allclose(file["betas"], motion.betas[person], atol=1e-6)
    bvh = export("bvh", people="b")[0].read_text()
    assert bvh.count("JOINT") == 54 and f"Frames: {FRAMES}" in bvh


def test_a_range_of_scene_frames_and_the_json_beside_the_files(export: Export) -> None:
    *_, path = export("gltf", frames=(FIRST + 2, FIRST + 5))
    record = json.loads(path.read_text())
    assert (record["frames"], record["frame_rate"], record["clip_frames"]) == (4, 24, [2, 5])


def test_contacts_last_as_long_as_in_the_clip_where_the_range_goes_beyond_it(export: Export, collection: Any) -> None:
    contacts = collection.socialmirror.contacts
    while len(contacts) > 1:
        contacts.remove(1)
    contacts[0].frame_start, contacts[0].frame_end = 2, FRAMES - 1
    *_, path = export("gltf", frames=(FIRST - 3, FIRST + FRAMES + 9))
    record = json.loads(path.read_text())
    assert record["clip_frames"] == pytest.approx([-3, FRAMES + 9])
    assert [(each["frame_start"], each["frame_end"]) for each in record["contacts"]] == [(5, FRAMES + 2)]
    contacts[0].frame_start, contacts[0].frame_end = 0, 2
    *_, path = export("gltf", frames=(FIRST - 3, FIRST + FRAMES + 9))
    (contact,) = json.loads(path.read_text())["contacts"]
    assert (contact["frame_start"], contact["frame_end"]) == (3, 5)


def test_the_operator_reports_what_an_engine_would_stumble_on(
    product: Product, scene: ModuleType, collection: Any, tmp_path: Path
) -> None:
    check, settings = product("socialmirror_blender.export").check_export, product("core.export.settings")

    def texts(**choices: Any) -> list[tuple[bool, str]]:
        findings = check(bpy.context, collection, settings.ExportSettings("fbx", **choices))
        assert all(finding.hint for finding in findings)
        return [(finding.stops, finding.text) for finding in findings]

    def mentions(part: str, **choices: Any) -> list[bool]:
        return [stops for stops, text in texts(**choices) if part in text]

    assert texts(weights=8) == []
    assert mentions("follow more than 4 bones", weights=4) == [False, False]
    assert mentions("follow more than 4 bones", weights=4, animation_only=True) == []
    assert mentions("same names", people="both", prefix=False) == [True]

    rig = scene.rig_of(collection, 0)
    constraint = rig.pose.bones["left_elbow"].constraints.new("IK")
    assert mentions("have constraints") == [False]
    control = bpy.data.objects.new("Control", bpy.data.armatures.new("Control"))
    bpy.context.scene.collection.objects.link(control)
    constraint.target = control
    assert mentions("control rig (Control)") == [False]
    constraint.mute = True
    assert mentions("control rig") == []

    rig.keyframe_insert('pose.bones["head"].rotation_quaternion', frame=FIRST + 0.5)
    assert mentions("between frames") == [False]
    bpy.context.scene.render.fps = 30
    assert mentions("30 frames a second") == [False]
    rig.scale = (2, 2, 2)
    bpy.context.view_layer.update()
    before = all_datablocks()
    assert mentions("scale 2, 2, 2") == [True]
    with pytest.raises(RuntimeError, match="scale"):
        press("export", directory=str(tmp_path / "out"), target="fbx")
    assert not (tmp_path / "out").exists() and all_datablocks() == before


def test_the_dialog_shows_the_target_and_what_was_found(product: Product, collection: Any) -> None:
    operator = product("socialmirror_blender.operators.export").SOCIALMIRROR_OT_export
    layout = Layout([], [])
    choices = dict.fromkeys(("people", "names", "prefix", "weights"), "AUTO")
    chosen = SimpleNamespace(
        layout=layout, target="unity", root="smoothed", origin="world", animation_only=False,
        use_range=True, frame_first=FIRST, frame_last=FIRST + 3, **choices,
    )  # fmt: skip
    chosen.settings = lambda: operator.settings(chosen)
    operator.draw(chosen, bpy.context)
    shown = " ".join(layout.texts)
    assert "Humanoid avatar" in shown and "follow more than 4 bones" in shown and "Choose 8 weights" in shown
    chosen.weights, layout.texts[:] = "8", []
    operator.draw(chosen, bpy.context)
    assert "no problems for the target" in " ".join(layout.texts)


def test_the_motion_of_a_control_rig_is_exported(
    product: Product, export: Export, collection: Any, made: Made, tmp_path: Path
) -> None:
    bpy.context.view_layer.objects.active = product("socialmirror_blender.scene").rig_of(collection, 0)
    press("control_rig_add")
    settings = product("core.export.settings").ExportSettings("gltf")
    findings = product("socialmirror_blender.export").check_export(bpy.context, collection, settings)
    assert any("follows a control rig" in finding.text for finding in findings)
    (pair,) = read_with("three", tmp_path / "read.json", export("gltf")[:-1], FRAMES, 24)
    for person, joints in enumerate(made.reconstruction.motion.joints):
        wrist = pair.frames[:, pair.nodes.index(f"{'AB'[person]}_left_wrist")]
        shown = joints[:, product("core.contract.skeleton").JOINT_INDEX["left_wrist"]] @ Y_UP.T
        np.testing.assert_allclose(wrist, shown, atol=2e-3)  # as well as the controls reproduce the motion


def test_a_person_without_a_root_is_not_exported(scene: ModuleType, collection: Any, tmp_path: Path) -> None:
    scene.rig_of(collection, 1).data.bones["root"].name = "base"
    with pytest.raises(RuntimeError, match="carries the root motion"):
        press("export", directory=str(tmp_path / "out"), target="godot")
