"""Body files: what loads, and what the user reads when a file is the wrong one."""

import pickle
import shutil
import zipfile

import numpy as np
import pytest
import torch

from core.body.files import DEFAULT_BODY, find_body_file, load_body
from core.contract.errors import UserError


def refusal(path) -> UserError:
    with pytest.raises(UserError) as caught:
        load_body(path)
    assert caught.value.hint
    return caught.value


def test_the_free_body_ships_whole():
    body = load_body(None)
    count = len(body.v_template)
    assert count >= 9930
    assert body.shapedirs.shape == (count, 3, 16)
    assert body.J_shapedirs.shape == (55, 3, 16)
    assert (body.shapedirs.abs().amax((0, 1)) > 1e-4).all()
    assert torch.allclose(body.lbs_weights.sum(1), torch.ones(count), atol=1e-6)
    assert body.uv.shape == (len(body.faces), 3, 2)
    assert body.uv.min() >= 0 and body.uv.max() <= 1
    assert body.identity.startswith("SMPLX_NEUTRAL sha256:")
    height = body.v_template[:, 1].max() - body.v_template[:, 1].min()
    assert 1.6 < height < 1.8
    assert (DEFAULT_BODY.parent / "LICENSE.md").exists()


def test_smplx_finds_the_free_body_by_folder_and_gender():
    smplx = pytest.importorskip("smplx")
    model = smplx.create(str(DEFAULT_BODY), model_type="smplx", gender="neutral", num_betas=16, use_pca=True)
    assert model.num_betas == 16
    assert torch.isfinite(model().vertices).all()


def test_short_shape_spaces_are_padded_and_long_ones_cut(tmp_path, write_body):
    old = load_body(write_body(tmp_path / "SMPLX_NEUTRAL.npz", shapes=20))
    assert (old.shapedirs[..., :10].abs().amax((0, 1)) > 0).all()
    assert (old.shapedirs[..., 10:] == 0).all()  # in v1.0 these are the expressions
    new = load_body(write_body(tmp_path / "new" / "SMPLX_NEUTRAL.npz", shapes=400, dtype=np.float64))
    assert (new.shapedirs.abs().amax((0, 1)) > 0).all()
    assert new.v_template.dtype == torch.float32


@pytest.mark.parametrize("layout", [".", "smplx", "models/smplx", "models_smplx_v1_1/models/smplx"])
def test_finds_the_file_in_the_official_layouts(tmp_path, layout, write_body):
    file = write_body(tmp_path / layout / "SMPLX_NEUTRAL.npz")
    shutil.copy(file, file.with_name("SMPLX_FEMALE.npz"))
    assert find_body_file(tmp_path).samefile(file)


def test_takes_another_gender_when_neutral_is_not_there(tmp_path, write_body):
    file = write_body(tmp_path / "SMPLX_MALE.npz")
    assert load_body(tmp_path).identity.startswith("SMPLX_MALE")
    assert find_body_file(tmp_path) == file


def test_names_what_is_there_instead(tmp_path, write_body):
    assert refusal(tmp_path / "nothing").code == "body-not-found"
    assert refusal(tmp_path).code == "body-not-found"
    locked = write_body(tmp_path / "models_lockedhead" / "smplx" / "SMPLX_NEUTRAL.npz")
    assert refusal(locked).code == "body-variant"
    assert "locked-head" in refusal(tmp_path / "models_lockedhead").message
    write_body(tmp_path / "models" / "smplx" / "SMPLX_NEUTRAL.npz")
    assert load_body(tmp_path).identity.startswith("SMPLX_NEUTRAL")


@pytest.mark.parametrize(
    ("vertices", "joints", "name"),
    [(6890, 24, "SMPL "), (6890, 52, "SMPL-H"), (778, 16, "MANO"), (5023, 5, "FLAME"), (100, 30, "30 joints")],
)
def test_names_other_models(tmp_path, write_body, vertices, joints, name):
    error = refusal(write_body(tmp_path / "model.npz", vertices=vertices, joints=joints))
    assert error.code == "body-variant"
    assert name in error.message
    assert "SMPLX_NEUTRAL.npz" in error.hint


def test_locked_head_for_amass_is_named(tmp_path, write_body):
    error = refusal(write_body(tmp_path / "neutral" / "model.npz", hand_space=False))
    assert "locked-head" in error.message


def test_a_motion_is_not_a_body(tmp_path):
    np.savez(tmp_path / "walk.npz", poses=np.zeros((4, 165)), trans=np.zeros((4, 3)))
    assert "motion" in refusal(tmp_path / "walk.npz").message


def test_pickles_are_never_opened(tmp_path, write_body):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    (tmp_path / "SMPLX_NEUTRAL.pkl").write_bytes(pickle.dumps(Trap()))
    assert refusal(tmp_path / "SMPLX_NEUTRAL.pkl").code == "body-pickle"
    assert refusal(tmp_path).code == "body-pickle"

    trapped = np.array([Trap()], dtype=object)
    assert (
        refusal(write_body(tmp_path / "a" / "SMPLX_NEUTRAL.npz", extra={"v_template": trapped})).code == "body-damaged"
    )
    # official files carry such arrays beside the ones that are read
    load_body(write_body(tmp_path / "b" / "SMPLX_NEUTRAL.npz", extra={"joint2num": trapped}))
    assert not (tmp_path / "sprung").exists()


def test_a_flipped_bit_is_found_also_where_it_is_not_needed(tmp_path, write_body):
    shapedirs = np.asfortranarray(np.random.default_rng(0).normal(size=(120, 3, 400)).astype(np.float32))
    file = write_body(tmp_path / "body.npz", extra={"shapedirs": shapedirs})
    load_body(file)
    whole = bytearray(file.read_bytes())
    at = whole.index(shapedirs.tobytes(order="F")) + shapedirs.nbytes - 1
    for place in (at, at - 300 * 120 * 3 * 4):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        (tmp_path / f"{place}.npz").write_bytes(flipped)
        assert refusal(tmp_path / f"{place}.npz").code == "body-damaged"


def test_an_array_larger_than_its_file_is_refused_before_memory_is_taken_for_it(tmp_path, write_body):
    file = write_body(tmp_path / "body.npz")
    data = file.read_bytes()
    assert data.count(b"(120, 55), }") == 1
    (tmp_path / "huge.npz").write_bytes(data.replace(b"(120, 55), }", b"(9**9, 5), }"))
    assert refusal(tmp_path / "huge.npz").code == "body-damaged"
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(tmp_path / "large.npz", "w") as changed:
        for name in archive.namelist():
            member = archive.read(name)
            if name == "weights.npy":
                member = member.replace(b"(120, 55), }  ", b"(9999999, 55)}")
            changed.writestr(name, member)
    assert "larger than the file" in refusal(tmp_path / "large.npz").message


def test_damaged_body_files_are_refused_with_what_is_wrong(tmp_path, write_body):
    text = tmp_path / "SMPLX_NEUTRAL.npz"
    text.write_text("not an archive")
    assert refusal(text).code == "body-damaged"

    whole = write_body(tmp_path / "whole.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    assert refusal(tmp_path / "half.npz").code == "body-damaged"

    (tmp_path / "flipped.npz").write_bytes(whole[:3000] + bytes(64) + whole[3064:])
    assert refusal(tmp_path / "flipped.npz").code == "body-damaged"

    still = np.random.default_rng(0).uniform(size=(120, 55)) * (np.arange(120) != 7)[:, None]
    error = refusal(write_body(tmp_path / "still.npz", extra={"weights": still}))
    assert "no joint moves" in error.message
    error = refusal(write_body(tmp_path / "complex.npz", extra={"shapedirs": np.ones((120, 3, 400), complex)}))
    assert "complex" in error.message
    error = refusal(write_body(tmp_path / "nan.npz", extra={"weights": np.full((120, 55), np.nan)}))
    assert "weights" in error.message
    error = refusal(write_body(tmp_path / "parents.npz", extra={"kintree_table": np.zeros((2, 55), np.int64)}))
    assert "joints" in error.message
    error = refusal(write_body(tmp_path / "faces.npz", extra={"f": np.array([[0, 1, 500]])}))
    assert "f names vertices" in error.message

    with zipfile.ZipFile(tmp_path / "bare.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "v_template" in refusal(tmp_path / "bare.npz").message
