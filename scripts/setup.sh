#!/usr/bin/env bash
# Installs what Consort is built with and runs on: missing Debian packages (with apt-get, as root or through sudo) and,
# inside .deps/ only, a Python environment and the pinned, checksum-checked engines.
#
#   scripts/setup.sh            the engines and the build tools
#   scripts/setup.sh --demo     and the model and the scanned page of the demonstration
#   scripts/setup.sh --test     and every model, and what only the tests use
#
# Each stage is built in .deps/.work, moved into place whole, and stamped with what it was made from; a second run does
# nothing. CONSORT_PYTHON names the Python 3.11 to use; it is python3.11 otherwise.
set -euo pipefail

readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly scripts=$root/scripts
readonly deps=$root/.deps
readonly work=$deps/.work
readonly logs=$deps/.logs
readonly venv=$deps/venv

readonly debian_packages=(
  build-essential ca-certificates ccache ninja-build pkg-config python3 python3-venv unzip
  protobuf-compiler libprotobuf-dev libflatbuffers-dev flatbuffers-compiler
  libfmt-dev libcli11-dev nlohmann-json3-dev libtomlplusplus-dev libxxhash-dev
  libzip-dev zlib1g-dev libpng-dev libturbojpeg0-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)
readonly onnx_version=1.23.2
readonly onnxruntime_version=1.32.0
readonly onnxruntime_go_version=v1.27.0
readonly litert_version=2.21.0-1.5.14
readonly litert_headers_version=2.16.1
readonly plotly_version=7.1.0

say() { echo "setup: $*"; }

fail() {
  echo "setup: $*" >&2
  exit 1
}

# attempt "what the command does" "the way out" command...: output goes to a log, which is shown when the command fails.
attempt() {
  local what=$1 way_out=$2 log=$logs/last.log
  shift 2
  if ! "$@" >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    cp "$log" "$logs/failed.log"
    fail "$what failed (all of its output: $logs/failed.log). $way_out"
  fi
}

# stage FOLDER VERSION "what is installed" function: runs the function, which fills $work/FOLDER, unless .deps/FOLDER
# already holds that version.
stage() {
  local name=$1 version=$2 what=$3 build=$4
  [[ -f $deps/$name/.version && $(<"$deps/$name/.version") == "$version" ]] && return
  say "installing $what into .deps/$name"
  rm -rf "${work:?}/$name"
  mkdir -p "$work/$name"
  "$build" "$work/$name"
  echo "$version" >"$work/$name/.version"
  rm -rf "${deps:?}/$name"
  mv "$work/$name" "$deps/$name"
}

check_sha256() {
  echo "$2  $1" | sha256sum --check --quiet - >/dev/null 2>&1 ||
    fail "$1 does not have the pinned sha256 $2. Delete .deps/.work and run 'make setup' again; if it stays, the source changed."
}

# What only the tests use, unless another of its kind is there: the browser in which they open the report's page, and what
# draws its plots without one.
debian_test_packages() {
  command -v chromium >/dev/null || command -v google-chrome >/dev/null || echo chromium
  command -v gnuplot >/dev/null || echo gnuplot-nox
}

# install_debian_packages [FURTHER...]
install_debian_packages() {
  local wanted=("${debian_packages[@]}" "$@") missing=() as_root=()
  command -v go >/dev/null || wanted+=(golang-go)
  command -v dpkg-query >/dev/null || {
    say "this is not Debian: the packages ${wanted[*]} (or what your system calls them) must already be installed"
    return
  }
  local installed
  installed=" $(dpkg-query --show --showformat='${db:Status-Status}:${Package} ' | tr ' ' '\n' | sed -n 's/^installed://p' | tr '\n' ' ') "
  for package in "${wanted[@]}"; do
    [[ $installed == *" $package "* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing Debian packages: ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "Debian packages are missing and there is no sudo. As root, run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  attempt "apt-get update" "Check the network and /etc/apt/sources.list." "${as_root[@]}" apt-get update
  attempt "apt-get install" "Run it by hand to see why: apt-get install ${missing[*]}" \
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}

# A virtual environment cannot be moved, so it is made in place; its stamp is written last.
install_venv() {
  local python=${CONSORT_PYTHON:-python3.11}
  local version
  version="$root $(sha256sum <"$scripts/requirements.txt")"
  [[ -f $venv/.version && $(<"$venv/.version") == "$version" ]] && return
  [[ $("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) == 3.11 ]] ||
    fail "Python 3.11 is needed ('$python' is not one), because the pinned packages were checked with it. Set CONSORT_PYTHON to a Python 3.11."
  say "installing the Python environment with ONNX Runtime $onnxruntime_version and OpenVINO into .deps/venv"
  rm -rf "$venv"
  attempt "Making the virtual environment" "Install the package python3-venv." "$python" -m venv "$venv"
  pip_install requirements.txt
  echo "$version" >"$venv/.version"
}

pip_install() {
  attempt "pip install -r scripts/$1" "Check the network and pip's settings (pip config list), then run 'make setup' again." \
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --require-hashes --requirement "$scripts/$1"
}

install_test_requirements() {
  local version
  version=$(sha256sum <"$scripts/requirements-test.txt")
  [[ -f $venv/.version-test && $(<"$venv/.version-test") == "$version" ]] && return
  say "installing what only the tests use into .deps/venv"
  pip_install requirements-test.txt
  echo "$version" >"$venv/.version-test"
}

# The protobuf of Debian is shared with nothing else in the process; OpenVINO and ONNX Runtime hide theirs.
build_onnx() {
  local prefix=$1 source=$work/onnx-source
  rm -rf "$source"
  mkdir -p "$source"
  PATH=$venv/bin:$PATH attempt "Downloading the source of ONNX $onnx_version" "Check the network and pip's settings, then run 'make setup' again." \
    "$venv/bin/python" -m pip download --disable-pip-version-check --no-input --no-deps --no-build-isolation --no-binary onnx \
    --require-hashes --requirement "$scripts/requirements-onnx-source.txt" --dest "$source"
  attempt "Unpacking ONNX" "Run 'make setup' again." tar -xf "$source/onnx-$onnx_version.tar.gz" -C "$source" --strip-components 1
  CMAKE_CXX_COMPILER_LAUNCHER=$(command -v ccache || true) attempt "Configuring ONNX" "See the output above." \
    "$venv/bin/cmake" -S "$source" -B "$source/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_SHARED_LIBS=OFF -DONNX_BUILD_PYTHON=OFF -DONNX_USE_LITE_PROTO=OFF \
    -DONNX_USE_PROTOBUF_SHARED_LIBS=ON
  attempt "Compiling ONNX" "If the compiler was killed, there was too little memory: close other programs and run 'make setup' again." \
    "$venv/bin/cmake" --build "$source/build" --parallel "$(nproc)"
  attempt "Installing ONNX" "See the output above." "$venv/bin/cmake" --install "$source/build"
  rm -rf "$source"
}

# The wheel has no headers; a Go module carries them. The library is used where pip put it.
build_onnxruntime() {
  local prefix=$1 module=github.com/yalue/onnxruntime_go header folder
  mkdir -p "$work/go" "$prefix/include" "$prefix/lib"
  printf 'module consort\n\ngo 1.19\n' >"$work/go/go.mod"
  attempt "Downloading the Go module $module $onnxruntime_go_version" "Check the network and 'go env GOPROXY', then run 'make setup' again." \
    env -C "$work/go" GOFLAGS="-mod=mod -modcacherw" GOTOOLCHAIN=local GOMODCACHE="$work/go/cache" go mod download -json "$module@$onnxruntime_go_version"
  folder=$work/go/cache/$module@$onnxruntime_go_version
  check_sha256 "$folder/onnxruntime_c_api.h" 9ed0d7054a4e74249467365b25b415d36f51a44a6349e2a994a1812e4723d1e2
  check_sha256 "$folder/onnxruntime_ep_c_api.h" e94ac3490697bdb107844fa9d403952ee7136134132a057eae5c1207b57ce352
  for header in onnxruntime_c_api.h onnxruntime_ep_c_api.h; do
    cp "$folder/$header" "$prefix/include/"
  done
  ln -s "../../venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.$onnxruntime_version" "$prefix/lib/libonnxruntime.so"
  rm -rf "$work/go"
}

# The C library of TensorFlow Lite: built by one project, headers from another, both from Maven.
build_litert() {
  local prefix=$1 classifier sha256 library headers
  case $(uname -m) in
    x86_64) classifier=linux-x86_64 sha256=97061333854967aadf2f092681d63af90b804db3800f007cffd24a2901f4bc72 ;;
    aarch64) classifier=linux-arm64 sha256=d34e33c49ce6da8f3c982cc6a084ff02f078d9c371dfb18a269aff93e0949d03 ;;
    *) fail "There is no prebuilt TensorFlow Lite for $(uname -m): Consort is set up on x86_64 and aarch64." ;;
  esac
  library=$(fetch_maven "org.bytedeco:tensorflow-lite:$litert_version:$classifier@jar" "$sha256")
  headers=$(fetch_maven "org.tensorflow:tensorflow-lite:$litert_headers_version@aar" 34b065817e294e7dd3569504e8b9454938ceae453b6a459da54d5f6e45d3c94e)
  mkdir -p "$prefix/lib" "$prefix/include"
  attempt "Unpacking TensorFlow Lite" "Run 'make setup' again." \
    unzip -q -j "$library" "org/bytedeco/tensorflowlite/$classifier/libjnitensorflowlite.so" -d "$prefix/lib"
  mv "$prefix/lib/libjnitensorflowlite.so" "$prefix/lib/libtensorflowlite.so"
  attempt "Unpacking TensorFlow Lite's headers" "Run 'make setup' again." unzip -q "$headers" 'headers/*' -d "$prefix"
  mv "$prefix/headers/tensorflow" "$prefix/include/"
  rmdir "$prefix/headers"
  write_missing_headers "$prefix/include/tensorflow/lite/core"
  rm -rf "$work/maven"
}

# The headers include two files that their package leaves out. common.h declares the same type, so it must be spelled alike.
write_missing_headers() {
  local origin='// Left out of the package org.tensorflow:tensorflow-lite; written by scripts/setup.sh.'
  mkdir -p "$1/async/c"
  echo "$origin" >"$1/async/c/types.h"
  printf '%s\n#pragma once\ntypedef struct TfLiteRegistrationExternal TfLiteRegistrationExternal;\n' \
    "$origin" >"$1/c/registration_external.h"
}

fetch_maven() {
  "$venv/bin/python" "$scripts/fetch_maven.py" "$1" "$2" "$work/maven" ||
    fail "See the sentence above; check the network, then run 'make setup' again."
}

# The charting library of the report's page: one file out of plotly.py's wheel.
build_plotly() {
  local prefix=$1 wheel=$work/plotly-wheel
  rm -rf "$wheel"
  mkdir -p "$wheel"
  attempt "Downloading plotly $plotly_version" "Check the network and pip's settings, then run 'make setup' again." \
    "$venv/bin/python" -m pip download --disable-pip-version-check --no-input --no-deps --require-hashes \
    --requirement "$scripts/requirements-plotly.txt" --dest "$wheel"
  attempt "Unpacking plotly.min.js" "Run 'make setup' again." \
    unzip -q -j "$wheel/plotly-$plotly_version-py3-none-any.whl" plotly/package_data/plotly.min.js -d "$prefix"
  check_sha256 "$prefix/plotly.min.js" 3b6e15d45dbb7fca5bd2094291e961ddc5472cd887009e6009a56dab668d721f
  rm -rf "$wheel"
}

# A relative link, so that the folder can be moved with .deps.
link_openvino() {
  [[ -L $deps/openvino ]] || ln -s venv/lib/python3.11/site-packages/openvino "$deps/openvino"
  [[ -f $deps/openvino/cmake/OpenVINOConfig.cmake ]] || fail "OpenVINO is not in .deps/venv. Delete .deps/venv and run 'make setup' again."
}

# install_models [--only NAME...]
install_models() {
  "$venv/bin/python" "$scripts/models.py" --output "$deps/models" "$@" ||
    fail "The models could not be prepared: see above. When that is mended, run the same command again."
}

main() {
  local purpose=${1:-build}
  [[ $purpose =~ ^(build|--demo|--test)$ && $# -le 1 ]] || fail "Unknown options '$*'. There are --demo and --test, one at a time."
  mkdir -p "$deps" "$work" "$logs"
  exec {lock}>"$deps/.lock"
  flock --nonblock "$lock" || {
    say "waiting for another set-up in $root"
    flock "$lock"
  }
  install_debian_packages $([[ $purpose != --test ]] || debian_test_packages)
  install_venv
  stage onnx "$onnx_version" "ONNX $onnx_version (about two minutes on two cores)" build_onnx
  stage onnxruntime "$onnxruntime_version $onnxruntime_go_version" "ONNX Runtime's headers" build_onnxruntime
  stage litert "$litert_version $litert_headers_version 3" "LiteRT (TensorFlow Lite)" build_litert
  stage plotly "$plotly_version" "plotly.js, which draws the plots of reports" build_plotly
  link_openvino
  case $purpose in
    --demo) install_models --only ppocr_det images/page.png ;;
    --test)
      install_test_requirements
      install_models
      ;;
  esac
}

main "$@"
