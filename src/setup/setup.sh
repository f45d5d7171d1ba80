#!/usr/bin/env bash
# Brings a machine from a clean clone to a kernel that can be started. Called by the Makefile, never by hand:
#
#   setup.sh apt LIST...   install the Debian packages of LIST (src/setup/apt-LIST.txt) that are missing
#   setup.sh venv          make .venv from Debian's own Python and install what requirements.txt pins
#   setup.sh build         configure, build and install ElasticPython into .venv
#   setup.sh debian        make .venv-debian, which has Debian's own packages, and install ElasticPython into it
#   setup.sh pydebug       make .venv-pydebug, in which the debug build of Python finds the packages of .venv
#
# Every step may be repeated: it looks first and does only what is missing, so a second run takes seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Debian's Python by its full path. A pyenv or conda python that comes first on PATH would make a .venv in which
# a module built for Debian's headers may not load.
readonly python=/usr/bin/python3
readonly venv=.venv
# What a shell may carry over from another environment and what would then be mixed into this one.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV CMAKE_GENERATOR CC CXX CFLAGS CXXFLAGS LDFLAGS

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

is_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
  command -v dpkg-query >/dev/null || {
    say "this is not a Debian system: install what $(printf 'src/setup/apt-%s.txt ' "$@")name by hand"
    return
  }
  local list package missing=()
  for list in "$@"; do
    while read -r package; do
      is_installed "$package" || missing+=("$package")
    done < <(grep -v '^#' "src/setup/apt-$list.txt")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "not root and no sudo; ask an administrator for: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=600 -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq -y \
    --no-install-recommends install "${missing[@]}" >&2
}

make_venv() {
  local wanted have stamp=$venv/.requirements
  wanted=$( ("$python" -VV && cat requirements.txt) | sha256sum)
  have=$(cat "$stamp" 2>/dev/null || true)
  if [ "$wanted" != "$have" ] || [ ! -x $venv/bin/python ]; then
    # An environment moved from elsewhere or made by another Python is replaced, not repaired.
    if [ "$($venv/bin/python -c 'import sys; print(sys.prefix)' 2>/dev/null)" != "$PWD/$venv" ] ||
       [ "$($venv/bin/python -VV)" != "$("$python" -VV)" ]; then
      say "making $venv from $("$python" -V)"
      rm -rf $venv
      "$python" -m venv $venv
    fi
    say "installing the packages of requirements.txt"
    # requirements.txt names every package there is, so nothing is left to resolve; `pip check` proves it.
    $venv/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -r requirements.txt
    $venv/bin/python -m pip --disable-pip-version-check check
    printf '%s\n' "$wanted" > $stamp
  fi
}

build() {
  local wanted have stamp=build/release/.presets
  # Ninja configures again by itself when a CMakeLists.txt changes, but does not know of the presets.
  wanted=$( (pwd && cat CMakePresets.json) | sha256sum)
  have=$(cat $stamp 2>/dev/null || true)
  if [ "$wanted" != "$have" ] || [ ! -f build/release/build.ninja ]; then
    say "configuring build/release"
    rm -f build/release/CMakeCache.txt
    cmake --preset release > /dev/null
    printf '%s\n' "$wanted" > $stamp
  fi
  say "building"
  cmake --build --preset release --target what_is_installed
  cmake --install build/release --prefix "$PWD/$venv" > build/release/install.log
}

# Without pip: nothing comes from PyPI.
make_debian_venv() {
  [ -x .venv-debian/bin/python ] ||
    "$python" -m venv --system-site-packages --without-pip .venv-debian
  cmake --install build/release --prefix "$PWD/.venv-debian" > build/release/install-debian.log
}

# The debug build loads modules that were compiled for the other one (since Python 3.8).
make_pydebug_venv() {
  [ -x .venv-pydebug/bin/python ] || "$python-dbg" -m venv --without-pip .venv-pydebug
  (cd $venv/lib/python3*/site-packages && pwd) > "$(echo .venv-pydebug/lib/python3*)/site-packages/packages.pth"
}

case "${1:-}" in
  apt) shift; install_packages "$@" ;;
  venv) make_venv ;;
  build) build ;;
  debian) make_debian_venv ;;
  pydebug) make_pydebug_venv ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
