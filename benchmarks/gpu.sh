#!/bin/sh
# The table of speeds on one GPU, in under eight minutes on an H200 with 16 cores:
#
#     pip install '.[train]' && benchmarks/gpu.sh
#
# With --dry: the same code on a CPU, with tiny sizes, to see that it runs.
# The checkout's own xldm is used, so its dependencies are enough.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH="$(dirname "$here"):$here:$(dirname "$here")/tests${PYTHONPATH:+:$PYTHONPATH}" \
    exec "${PYTHON:-python3}" "$here/gpu.py" "$@"
