#!/usr/bin/env bash
# What `make demo` runs: PP-OCR's text detector on a scanned page, on every engine that takes ONNX, with the outputs compared
# and every operator accounted for.
set -euo pipefail

readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly consort=$root/build/release/bin/consort
readonly models=$root/.deps/models
readonly output=$root/build/demo

show() {
  echo
  echo "\$ ${*//$root\//}"
  "$@"
}

cd "$root"
show "$consort" devices

# PP-OCR's preprocessing: BGR, (pixel / 255 - mean) / deviation, a multiple of 32 pixels.
show "$consort" run -m "$models/ppocr_det.onnx" -i "$models/images/page.png" \
  --image-size 640x320 --color bgr --mean 123.675,116.28,103.53 --scale 0.01712,0.01751,0.01743 \
  -d cpu@onnxruntime,cpu@openvino --strict -o "$output"

echo
echo "The outputs are in build/demo/. Next: build/release/bin/consort inspect .deps/models/ppocr_det.onnx, 'consort run --help', README.md."
