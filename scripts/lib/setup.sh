# Shared by the scripts: what the machine must have. Sourced, not run.

# need_packages NAME...: installs the Debian packages that are missing, or says how to.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "==> Installing ${missing[*]}" >&2
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "missing: ${missing[*]}. Please run as root: apt-get install ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null || {
    echo "missing: ${missing[*]}. This is no Debian system; please install their like." >&2
    return 1
  }
  "${as_root[@]}" apt-get update -qq >&2 &&
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
      "${missing[@]}" >&2 || {
    echo "could not install ${missing[*]}; please install them by hand and try again" >&2
    return 1
  }
}

# need_swift: a clear word when the toolchain is missing or too old.
need_swift() {
  command -v swift >/dev/null || {
    echo "swift is missing: install Swift 6.3 or later from https://www.swift.org/install/linux/" >&2
    return 1
  }
  # "Swift version 6.3.1 (swift-6.3.1-RELEASE)" among other lines, depending on the platform.
  local version
  version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
  if [ "$(printf '%s\n' 6.3 "${version:-0}" | sort -V | head -n 1)" != 6.3 ]; then
    echo "Swift ${version:-of unknown version} is too old: Sugang needs 6.3 or later" >&2
    return 1
  fi
}

# build_release PRODUCT: an optimised build. The first one compiles the dependencies too, about ten
# minutes on two cores; SwiftPM shows its progress.
build_release() {
  if [ ! -d .build/release ]; then
    echo "==> First build: about ten minutes on two cores" >&2
  else
    echo "==> Building" >&2
  fi
  swift build -c release --product "$1" >&2
}

# release_binary PRODUCT: where build_release put it.
release_binary() {
  echo ".build/release/$1"
}

# need_python_packages FOLDER TESTS: a virtual environment with what TESTS/requirements.txt lists. The
# packages are downloaded once; a stamp remembers which.
need_python_packages() {
  local venv=$1 list=$2/requirements.txt
  need_packages python3 python3-venv || return 1
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "Python 3.10 or later is needed; this is $(python3 --version)" >&2
    return 1
  }
  cmp -s "$list" "$venv/installed" 2>/dev/null && return 0
  echo "==> Python packages into $venv" >&2
  rm -rf "$venv"
  python3 -m venv "$venv" || {
    echo "could not make a virtual environment (python3-venv?)" >&2
    return 1
  }
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$list" || {
    echo "could not install $(tr '\n' ' ' <"$list")(no network?)" >&2
    return 1
  }
  cp "$list" "$venv/installed"
}
