"""Packages are installed by uv or pip from lock files; what goes wrong is told in a sentence, and cancelling is quick."""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

from core.contract.errors import Cancelled, UserError
from core.environment import installers, packages
from core.environment.installers import (
    Installer,
    PipProgress,
    Span,
    UvProgress,
    failure_hint,
    failure_reason,
    find_installer,
    locked,
    megabytes,
)
from core.environment.requirements import LOCK, TORCH_LOCK
from core.reporting import SilentReporter

WHOLE = Span(0.0, 1.0, 1)


class Recorder(SilentReporter):
    """Remembers what is logged; cancels at the first report where told to."""

    def __init__(self, cancels: bool = False) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.fraction = 0.0
        self._cancels = cancels

    def progress(self, fraction: float, text: str = "") -> None:
        self.fraction = fraction
        if self._cancels:
            raise Cancelled

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with the wheel of one tiny package and a lock file beside it."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel = folder / "tiny_package-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_package.py", "")
        information = "tiny_package-1.0.dist-info"
        archive.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: tiny-package\nVersion: 1.0\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "tiny.lock").write_text(f"tiny-package==1.0 \\\n    --hash=sha256:{digest}\n")
    return folder


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, wheels: Path, tmp_path: Path) -> Installer:
    """uv and pip, which install into a folder and know no index but the folder of wheels."""
    if request.param == "uv":
        uv = Path(sys.executable).with_name("uv")
        if not uv.exists() and not shutil.which("uv"):
            pytest.skip("there is no uv (requirements-dev.txt)")
        command = (str(uv) if uv.exists() else "uv", "pip", "install", "--python", sys.executable)
        more = ("--cache-dir", str(tmp_path / "uv-cache"))
    else:
        command = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install")
        more = ("--no-cache-dir", "--progress-bar", "off")
    into = ("--target", str(tmp_path / "installed"), "--no-index", "--find-links", str(wheels))
    return Installer(request.param, (*command, *more, *into))


def test_a_lock_file_is_installed(installer: Installer, wheels: Path, tmp_path: Path) -> None:
    reporter = Recorder()
    installer.install(locked(wheels / "tiny.lock"), reporter, WHOLE)
    assert (tmp_path / "installed" / "tiny_package.py").is_file()
    assert reporter.fraction >= 0.9
    assert any("--require-hashes" in line for line in reporter.lines)


def test_a_file_with_another_hash_is_refused(installer: Installer, wheels: Path, tmp_path: Path) -> None:
    (wheels / "tiny.lock").write_text("tiny-package==1.0 \\\n    --hash=sha256:" + 64 * "0" + "\n")
    with pytest.raises(UserError) as caught:
        installer.install(locked(wheels / "tiny.lock"), Recorder(), WHOLE)
    assert caught.value.code == "pip-failed"
    assert "not the one" in caught.value.hint
    assert not (tmp_path / "installed" / "tiny_package.py").exists()


def test_a_package_that_is_nowhere_is_named(installer: Installer) -> None:
    with pytest.raises(UserError) as caught:
        installer.install(["no-such-package==1.0"], Recorder(), WHOLE)
    assert caught.value.code == "pip-failed"
    assert "no-such-package" in caught.value.message
    assert "network" in caught.value.hint


def test_cancelling_ends_the_program() -> None:
    began = time.monotonic()
    with pytest.raises(Cancelled):
        Installer("pip", (sys.executable, "-c", "import time; time.sleep(60)")).install([], Recorder(True), WHOLE)
    assert time.monotonic() - began < 2


def test_uvs_progress_is_the_share_of_the_announced_sizes() -> None:
    progress = UvProgress(Span(0.5, 1.0, 9))
    for line in ("Resolved 2 packages in 5ms", "Downloading torch (300.0MiB)", "Downloading numpy (100.0MiB)"):
        progress.read(line)
    assert (progress.fraction, progress.text) == (0.5, "torch, numpy: 400 MB left")
    progress.read(" Downloaded torch")
    assert progress.fraction == pytest.approx(0.5 + 0.5 * 0.85 * 0.75)
    assert progress.text == "numpy: 100 MB left"
    progress.read("Prepared 2 packages in 3s")
    assert progress.fraction == pytest.approx(0.95)


def test_pips_progress_counts_packages_and_their_bytes() -> None:
    progress = PipProgress(Span(0.0, 1.0, 2))
    progress.read("Collecting numpy==2.4.6 (from -r requirements.lock (line 3))")
    progress.read("Progress 5000000 of 10000000")
    assert progress.fraction == pytest.approx(0.85 * 0.25)
    assert progress.text == "numpy: 5 of 10 MB"
    progress.read("Collecting scipy==1.17.1")
    assert progress.fraction == pytest.approx(0.85 * 0.5)
    progress.read("Installing collected packages: numpy, scipy")
    assert progress.fraction == pytest.approx(0.9)


def test_sizes_are_read_as_uv_writes_them() -> None:
    assert [megabytes(size) for size in ("(512.0KiB)", "(12.5MiB)", "(1.5GiB)", "(?)")] == [0.5, 12.5, 1536.0, 1.0]


def test_the_reason_of_a_failure_is_one_line() -> None:
    pip = [
        "Collecting x",
        "ERROR: Could not find a version",
        "ERROR: No matching distribution found for x.",
        "WARNING: old",
    ]
    assert failure_reason(pip) == "No matching distribution found for x"
    uv = ["Resolved", "error: Failed to fetch: `x`", "  cause: dns error", "hint: use --offline"]
    assert "address of the index is not found" in failure_reason(uv)
    assert failure_reason(["error: No solution found", "  cause: x needs y"]) == "No solution found cause: x needs y"
    assert failure_reason(["Killed."]) == "Killed"
    assert failure_reason(["error: https://jo:s3cret@host is no index"]) == "https://***@host is no index"
    assert failure_reason([])


PIP_SAYS = """\
WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by '{}': /simple/torch/
ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)
ERROR: No matching distribution found for torch==2.13.0"""
UV_SAYS = """\
error: Failed to fetch: https://pypi.org/simple/torch/
  cause: error sending request for url (https://pypi.org/simple/torch/)
  cause: client error (Connect)
  cause: {}"""


@pytest.mark.parametrize(
    ("says", "cause", "reason", "hint"),
    [
        (PIP_SAYS, "ProxyError('Cannot connect to proxy.', NewConnectionError(...", "the proxy cannot be reached", "proxy"),
        (PIP_SAYS, "ProxyError('Tunnel connection failed: 407 Proxy Authen...", "asks for a name and a password", "proxy"),
        (PIP_SAYS, "NewConnectionError('... [Errno 111] Connection refused')", "the index does not answer", "network"),
        (PIP_SAYS, "NameResolutionError('Failed to resolve pypi.org')", "is there a network", "network"),
        (PIP_SAYS, "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'", "certificate", "SSL_CERT_FILE"),
        (UV_SAYS, "tunnel error: failed to create underlying connection\n  cause: tcp connect error", "the proxy can", "proxy"),
        (UV_SAYS, "tunnel error: proxy authorization required", "asks for a name and a password", "proxy"),
        (UV_SAYS, "dns error", "is there a network", "network"),
    ],
)  # fmt: skip
def test_a_network_that_fails_is_named_instead_of_a_package(says: str, cause: str, reason: str, hint: str) -> None:
    said = failure_reason(says.format(cause).splitlines())
    assert reason in said and hint in failure_hint(said)


def test_passwords_of_indexes_are_not_logged(installer: Installer) -> None:
    reporter = Recorder()
    with pytest.raises(UserError) as caught:
        installer.install(["no-such-package", "--index-url", "https://jo:s3cret@127.0.0.1:9/simple"], reporter, WHOLE)
    assert "s3cret" not in "".join(reporter.lines) + str(caught.value) and any(
        "***@" in line for line in reporter.lines
    )


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("[Errno 28] No space left on device", "space"),
        ("ProxyError('Cannot connect to proxy.')", "proxy"),
        ("Hash mismatch for `tiny`, computed: sha256:9b4512a407e58adf", "not the one"),  # 407 is a proxy's answer
        ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
        ("dns error: failed to lookup address", "network"),
    ],
)
def test_a_failure_has_a_hint_of_its_own(reason: str, word: str) -> None:
    assert word in failure_hint(reason)


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python that runs this is no virtual environment, so that nothing is installed into it."""
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)


NO_PIP = None
PLAIN_PIP: list[str] = []
PIP_WITH_INDEX = ["global.index-url='https://mirror.example/simple'"]


@pytest.mark.parametrize(
    ("chosen", "pip", "has_uv", "found"),
    [
        ("", PLAIN_PIP, True, "uv"),
        ("", PLAIN_PIP, False, "pip"),
        ("", NO_PIP, True, "uv"),
        ("pip", PLAIN_PIP, True, "pip"),
        ("", PIP_WITH_INDEX, True, "pip"),
        ("uv", PIP_WITH_INDEX, True, "uv"),
        ("", NO_PIP, False, ""),
    ],
)
@pytest.mark.usefixtures("no_environment")
def test_uv_installs_unless_pip_is_configured_or_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: str, pip: list[str] | None, has_uv: bool, found: str
) -> None:
    """`pip` is what `pip config list` prints."""
    monkeypatch.setenv(installers.INSTALLER_VARIABLE, chosen)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    for variable in ("HOME", "USERPROFILE", "PATH"):
        monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    monkeypatch.setattr(installers, "run_program", lambda *_, **__: (1, []) if pip is None else (0, pip))
    if has_uv:
        (tmp_path / ("uv.exe" if sys.platform == "win32" else "uv")).touch()
    if found:
        assert find_installer(Recorder()).name == found
    else:
        with pytest.raises(UserError, match="has no pip"):
            find_installer(Recorder())


@pytest.mark.usefixtures("no_environment")
def test_pips_own_configuration_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(installers.INSTALLER_VARIABLE, "pip")
    for name in ("PIP_FIND_LINKS", "PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "NUL")
    plain = find_installer(Recorder())
    assert not plain.is_configured and not plain.has_more_sources
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    mirrored = find_installer(Recorder())
    assert mirrored.is_configured and not mirrored.has_more_sources
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    assert find_installer(Recorder()).has_more_sources


class Log(Installer):
    """Installs nothing and remembers what it is asked for; fails where the arguments name an index in `unreachable`."""

    def install(self, arguments: Sequence[str], reporter: SilentReporter, span: Span, *, hurry: bool = False) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        asked.append(list(arguments))
        if "--index-url" in arguments and unreachable:
            raise UserError("pip-failed", "No route.", "Check the network.")


asked: list[list[str]] = []
unreachable: list[bool] = []


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A Linux computer without a graphics card, whose installer is a `Log`."""
    asked.clear()
    unreachable.clear()
    monkeypatch.setattr(packages.platform, "system", lambda: "Linux")
    monkeypatch.setattr(packages.shutil, "which", lambda _: None)
    monkeypatch.setattr(packages, "find_installer", lambda reporter: Log("uv", ("uv",)))
    return monkeypatch


def index_of(arguments: list[str]) -> str:
    assert arguments.count("--index-url") == 1 and "--extra-index-url" not in arguments
    return arguments[arguments.index("--index-url") + 1]


def test_torch_comes_from_one_index_in_a_step_of_its_own(machine: pytest.MonkeyPatch) -> None:
    packages.install_packages(Recorder())
    assert asked[0] == locked(LOCK)
    assert asked[1][0].startswith("torch==") and index_of(asked[1]).endswith("/cpu")
    assert len(asked) == 2


def test_where_torchs_index_cannot_be_reached_the_locked_build_is_installed(machine: pytest.MonkeyPatch) -> None:
    unreachable.append(True)
    packages.install_packages(Recorder(), reinstall=True)
    assert asked[2] == [*locked(TORCH_LOCK), "--force-reinstall"]


def test_an_index_that_the_user_names_is_the_only_one(machine: pytest.MonkeyPatch) -> None:
    unreachable.append(True)
    with pytest.raises(UserError):
        packages.install_packages(Recorder(), torch_index="https://torch.example")
    assert index_of(asked[1]) == "https://torch.example"
    assert len(asked) == 2


@pytest.mark.parametrize(("more", "hashed"), [(False, True), (True, False)])
def test_packages_of_the_users_own_index_are_checked_and_builds_beside_it_are_not(
    machine: pytest.MonkeyPatch, more: bool, hashed: bool
) -> None:
    configured = Log("pip", ("pip",), is_configured=True, has_more_sources=more)
    machine.setattr(packages, "find_installer", lambda reporter: configured)
    packages.install_packages(Recorder())
    assert ("--require-hashes" in asked[1]) is hashed
    assert "--index-url" not in asked[1]


def test_each_system_has_an_index_of_torch_that_fits() -> None:
    index = packages.default_torch_index
    assert index("Linux", False).endswith("/cpu")
    assert index("Linux", True) == ""
    assert "/cu" in index("Windows", True)
    assert index("Darwin", False) == ""
