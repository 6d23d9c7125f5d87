#!/bin/sh
# Trains on a GPU in about half an hour, from nothing. Edit CONFIG in model.py for the widths first: see README.md.
# usage: sh gpu.sh NODE_MODULES DATA RUN MODEL
set -e
here=$(dirname "$0")
node "$here/render.mjs" "$1" "$2" --all && node "$here/tokens.mjs" "$1" "$2"
python3 "$here/train_vae.py" --data "$2" --out "$3" --device cuda --minutes 8 --batch 64 --crop 96
python3 "$here/encode_latents.py" --data "$2" --out "$3" --device cuda --styles glossy,flat,noto --whole --pairs 20000
python3 "$here/train_ldm.py" --data "$2" --out "$3" --device cuda --minutes 17 --batch 512 --ema 0.999
python3 "$here/train_vae.py" --data "$2" --out "$3" --device cuda --minutes 3 --batch 32 --crop 128 --decoder-only --lr 1e-4
python3 "$here/export.py" --data "$2" --out "$3" --publish "$4" --whole --sheet "$3/sheet.png" --golden "$3/golden"
python3 "$here/evaluate.py" --data "$2" --model "$4" --write "$3/quality.json" --whole --device cuda
