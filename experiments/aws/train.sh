#!/usr/bin/env bash
# From ILSVRC VID to a trained tracker. Stopped at any point, started again it goes on where it was.
#
#   VID=/data/ILSVRC2015 OUTPUT=/data/run experiments/aws/train.sh
#
# VID holds Data/VID and Annotations/VID.  RECORDS (default: OUTPUT/records) is made from it, once; when it is there, VID is
# not needed.  CONFIG, DEVICES (all GPUs; -1: the CPU), LOADERS (cores) and further options of `rar train` can be given:
#   DEVICES=0,1 CONFIG=my.yaml VID=... OUTPUT=... experiments/aws/train.sh --validation OTB --validation-sequences Deer,Girl
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
set +u  # activate reads what may not be set
# shellcheck disable=SC1091
. .venv/bin/activate
set -u
: "${OUTPUT:?give the folder for the training: OUTPUT=...}"
RECORDS=${RECORDS:-$OUTPUT/records}

if [ ! -f "$RECORDS/index.json" ]; then
    rar prepare vid "${VID:?give the folder of ILSVRC VID: VID=...}" "$RECORDS" --workers "$(nproc)"
fi
gpus=$(python -c 'import rar_gluon, mxnet; print(*range(mxnet.context.num_gpus()), sep=",")')
exec rar train --config "${CONFIG:-experiments/rar.yaml}" --records "$RECORDS" --output "$OUTPUT" --start gluoncv --resume \
    --devices "${DEVICES:-${gpus:--1}}" --store device --loaders "${LOADERS:-$(nproc)}" "$@"
