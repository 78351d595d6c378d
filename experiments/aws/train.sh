#!/usr/bin/env bash
# From ILSVRC VID to a trained tracker. Stopped at any point, started again it goes on where it was.
#
#   VID=/data/ILSVRC2015 VALIDATION=/data/validation OUTPUT=/data/run experiments/aws/train.sh
#
# VID holds Data/VID and Annotations/VID.  RECORDS (default: OUTPUT/records) is made from it, once; when it is there, VID is
# not needed.  VALIDATION is a folder of sequences (docs/guide/compare.md says what one is) that are tracked after each epoch:
# they choose best.npz, so take none that you report; VALIDATION=none does without.  CONFIG, START (gluoncv, which is
# downloaded; or the file of a ResNet-50), DEVICES (all GPUs; -1: the CPU), LOADERS (cores) and further options of `rar train`
# can be given:
#   DEVICES=0,1 CONFIG=my.yaml VALIDATION=... VID=... OUTPUT=... experiments/aws/train.sh --validation-sequences A,B
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
PATH=$PWD/.venv/bin:$PATH
: "${OUTPUT:?give the folder for the training: OUTPUT=...}"
: "${VALIDATION:?give a folder of sequences that choose best.npz (none of those that you report), or none: VALIDATION=...}"
RECORDS=${RECORDS:-$OUTPUT/records} CONFIG=${CONFIG:-experiments/rar.yaml}

if [ ! -f "$RECORDS/index.json" ]; then
    rar prepare vid "${VID:?give the folder of ILSVRC VID: VID=...}" "$RECORDS" --config "$CONFIG" --workers "$(nproc)"
fi
validation=()
[ "$VALIDATION" = none ] || validation=(--validation "$VALIDATION")
gpus=$(python -c 'from rar_gluon.net.device import count_gpus; print(*range(count_gpus()[0]), sep=",")')
exec rar train --config "$CONFIG" --records "$RECORDS" --output "$OUTPUT" --start "${START:-gluoncv}" --resume \
    --devices "${DEVICES:-${gpus:--1}}" --store device --loaders "${LOADERS:-$(nproc)}" "${validation[@]}" "$@"
