#!/usr/bin/env bash
# Writes a software bill of materials (CycloneDX, JSON) from the lock of each stack: dist/sbom-tfx-VERSION.json.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=$(requirements/find_uv.sh)
mkdir -p dist
for tfx in 1.16 1.21; do
  "$uv" tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements "requirements/tfx-$tfx.txt" \
    --mc-type application --output-reproducible --of JSON --output-file "dist/sbom-tfx-$tfx.json"
  echo "dist/sbom-tfx-$tfx.json"
done
