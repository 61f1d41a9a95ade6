#!/usr/bin/env bash
# What `make demo` runs: PP-OCR's text detector on a scanned page, on every engine that takes ONNX, with the outputs compared
# and every operator accounted for; then a plan for it over this machine's engines and two devices that nobody here has to own.
set -euo pipefail

readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly consort=build/release/bin/consort
readonly models=.deps/models
readonly output=build/demo

show() {
  echo
  echo "\$ $*"
  "$@"
}

cd "$root"
show "$consort" devices

# PP-OCR's preprocessing: BGR, (pixel / 255 - mean) / deviation, a multiple of 32 pixels.
show "$consort" run -m "$models/ppocr_det.onnx" -i "$models/images/page.png" \
  --image-size 640x320 --color bgr --mean 123.675,116.28,103.53 --scale 0.01712,0.01751,0.01743 \
  -d cpu@onnxruntime,cpu@openvino --strict -o "$output"

# The emulated devices take their modelled times really and compute no numbers (@null).
show "$consort" plan "$models/ppocr_det.onnx" --shape x:1x3x320x640 -t 2 --profile "$output/profile.json" \
  -d cpu@onnxruntime,cpu@openvino,emulated:coral-usb3@null,emulated:gtx1650@null --report "$output/report.html" -o "$output/plan.json" ||
  [[ $? == 7 ]] # too busy a machine for figures that are sure: the report says so

cat <<END

Open $output/report.html in a browser: the plan over the model, the strategies side by side, where every operator runs.
The outputs are in $output/. LiteRT, the third engine, takes .tflite files; 'make test' runs it on its own.
Next:
  $consort inspect $models/ppocr_det.onnx
  $consort run -m $models/ppocr_det.onnx -d cpu@openvino --shape x:1x3x320x640 --placement ops
  $consort compare -m $models/ppocr_det.onnx -d cpu@onnxruntime,cpu@openvino --shape x:1x3x320x640
  $consort make resnet-50 -o resnet-50.onnx && $consort bench -m resnet-50.onnx
  $consort experiment all --platform seed --quick --report experiments.html
  $consort doctor
END
