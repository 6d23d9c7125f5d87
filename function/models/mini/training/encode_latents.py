"""Caches the autoencoder's latents of every scene.

usage: encode_latents.py --data DIR --out DIR [--device cuda] [--styles glossy,flat] [--whole] [--pairs 5000]
"""

import argparse
import os
import time

import numpy as np
import torch

from data import HeldOut, Sprites, scenes, to_tensor
from model import CONFIG, VAE

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--device", default="cpu")
parser.add_argument("--styles", default="glossy,flat")
parser.add_argument("--whole", action="store_true", help="the vocabulary is everything that was rendered")
parser.add_argument("--pairs", type=int, default=5000, help="pictures of two objects")
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
torch.set_num_threads(args.threads)
checkpoint = torch.load(os.path.join(args.out, "vae.pt"), map_location="cpu")
vae = VAE(**checkpoint["cfg"])
vae.load_state_dict(checkpoint["vae"])
vae.eval().to(args.device).to(memory_format=torch.channels_last)
sprites = Sprites(args.data, CONFIG["image_size"], args.whole)
styles = args.styles.split(",")
for concept in sprites.concepts:
    concept["styles"] = [style for style in concept["styles"] if style in styles]
listed = scenes(sprites, HeldOut(sprites), np.random.default_rng(0), args.pairs)
batch = 32 if args.device == "cpu" else 256
latents, start = [], time.time()
with torch.inference_mode():
    for i in range(0, len(listed), batch):
        pictures = np.stack([to_tensor(sprites.picture(scene)) for _, scene in listed[i : i + batch]])
        x = torch.from_numpy(pictures).float().to(args.device).contiguous(memory_format=torch.channels_last)
        latents.append(vae.moments(x)[0].half().cpu())
        if i // batch % 20 == 0:
            print(f"{i} of {len(listed)}, {time.time() - start:.0f} s", flush=True)
z = torch.cat(latents)
plain = z[[i for i, (kind, _) in enumerate(listed) if kind in ("plain", "background")]].float()
torch.save(
    {"z": z, "scenes": [(kind, tuple(scene)) for kind, scene in listed], "std": float(plain.std()), "whole": args.whole},
    os.path.join(args.out, "latents.pt"),
)
print("latents", tuple(z.shape), "std", float(plain.std()), "of each channel", plain.std((0, 2, 3)).tolist())
