"""Trains the autoencoder (KL-f8) on crops of pictures with one object.

usage: train_vae.py --data DIR --out DIR --minutes 20 [--device cuda] [--start model.safetensors | --resume] [--decoder-only]
"""

import argparse
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from common import Clock, Mixed, cosine, load_safetensors
from data import COLOURS, DEFAULT_STYLE, PLACEMENTS, STYLES, Scene, Sprites, to_tensor
from export import grid
from model import CONFIG, VAE

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--minutes", type=float, default=20)
parser.add_argument("--device", default="cpu")
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--crop", type=int, default=64)
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--kl", type=float, default=5e-4)
parser.add_argument("--noise", type=float, default=0.05, help="more noise on the latents, so that the decoder forgives the UNet")
parser.add_argument("--chroma", type=float, default=0.6)
parser.add_argument("--vocabulary", type=float, default=0.5, help="share of objects that the UNet will draw; the rest is all others")
parser.add_argument("--usual", type=float, default=0.8, help="share of objects where the UNet will draw them")
parser.add_argument("--rim", type=float, default=0, help="how much more the outermost 8 pixels count; for whole pictures")
parser.add_argument("--half", action="store_true", help="bf16 on a CPU that computes with it")
parser.add_argument("--decoder-only", action="store_true", help="the encoder stays, and so latents stay valid")
parser.add_argument("--start", default="", help="go on from the weights of a published model.safetensors")
parser.add_argument("--resume", action="store_true", help="go on from OUT/vae.pt")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--every", type=float, default=240, help="seconds between checkpoints")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)
os.makedirs(args.out, exist_ok=True)
sprites = Sprites(args.data, CONFIG["image_size"])
size = sprites.image_size
vae = VAE(**CONFIG["vae"])
path = os.path.join(args.out, "vae.pt")
if args.start:
    prefix = "first_stage_model."
    published = load_safetensors(args.start).items()
    vae.load_state_dict({name[len(prefix) :]: value.float() for name, value in published if name.startswith(prefix)})
elif args.resume or args.decoder_only:
    vae.load_state_dict(torch.load(path, map_location="cpu")["vae"])
if args.decoder_only:
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
frozen = {name: value.clone() for name, value in vae.state_dict().items()}  # float32 of what is not trained
half = args.half or args.device != "cpu"
optimizer = Mixed(vae, args.device, args.lr, betas=(0.9, 0.99), wd=0.0, ema=0.998, half=half)

BACKGROUND_COLOURS = list(COLOURS.values())
SIDES = [48, 60, 76, 90, 104, 104, 104, 116, 128]
chance = lambda share: rng.random() < share  # noqa: E731
one_of = lambda values: values[int(rng.integers(len(values)))]  # noqa: E731


def draw_object():
    """A picture of one object, and where it lies: (x, y, side)."""
    known = chance(args.vocabulary)
    concept = sprites.concepts[one_of(sprites.vocabulary) if known else int(rng.integers(len(sprites.concepts)))]
    style = DEFAULT_STYLE if known and chance(0.7) else one_of(concept["styles"])
    canvas = sprites.canvas(
        COLOURS["white"] if chance(0.45) else one_of(BACKGROUND_COLOURS) if chance(0.8) else rng.integers(0, 256, 3)
    )
    if chance(args.usual):
        size_word, place = [("", ""), *PLACEMENTS][int(rng.choice(5, p=[0.8, 0.06, 0.06, 0.04, 0.04]))]
        side = sprites.sizes[size_word]
        y = (size - side) // 2
        x = y + {"left": -sprites.step, "right": sprites.step}.get(place, 0)
    else:
        side = one_of(SIDES) * size // 128
        x, y = (int(rng.integers(-6, size - side + 7)) for _ in range(2))
    sprite = sprites.rgba(concept["id"], style, side)
    sprites.paste(canvas, sprite[:, ::-1] if chance(0.5) else sprite, x, y)
    return canvas, (x, y, side)


def draw_batch():
    """[batch, 3, crop, crop], each crop aimed at some point of the object"""
    crops = []
    for _ in range(args.batch):
        canvas, (x, y, side) = draw_object()
        left, top = (
            int(np.clip(corner + rng.integers(side) - args.crop // 2, 0, size - args.crop)) for corner in (x, y)
        )
        crops.append(to_tensor(canvas[top : top + args.crop, left : left + args.crop]))
    return torch.from_numpy(np.stack(crops)).float().to(args.device)


def reconstruction_loss(decoded, shown):
    difference = decoded - shown
    loss = difference.abs().mean() + 2 * difference.pow(2).mean()
    if args.rim:
        # A dot in one corner hardly counts among all pixels, and is seen at once.
        rim = torch.cat([difference[:, :, :, :8].flatten(1), difference[:, :, :, -8:].flatten(1)], 1)
        corners = difference[:, :, [0, 1, 2, 3, -4, -3, -2, -1]][..., [0, 1, 2, 3, -4, -3, -2, -1]]
        loss = loss + args.rim * (rim.abs().mean() + corners.abs().mean() + corners.pow(2).mean())
    for axis in (2, 3):
        loss = loss + 0.5 * difference.diff(dim=axis).abs().mean()
    coarse = difference
    for _ in range(3):
        coarse = F.avg_pool2d(coarse, 2)
        loss = loss + 0.4 * coarse.abs().mean()
    # Opponent colours at an eighth of the size: without this the red-green axis is learned very late.
    red_green = coarse[:, 0] - coarse[:, 1]
    blue_yellow = coarse[:, 2] - 0.5 * (coarse[:, 0] + coarse[:, 1])
    return loss + args.chroma * (red_green.abs().mean() + 0.5 * blue_yellow.abs().mean() + red_green.pow(2).mean())


@torch.no_grad()
def evaluate():
    """On whole pictures in float32 with the averaged weights: (weights, figures, pictures, decoded pictures)"""
    averaged = VAE(**CONFIG["vae"])
    averaged.load_state_dict({**frozen, **optimizer.unflatten()})
    averaged.eval().to(memory_format=torch.channels_last)
    ids = np.random.default_rng(7).choice(sprites.vocabulary, 24, replace=False)
    backgrounds = ("white", "blue", "pink", "white", "green", "black", "white", "yellow")
    shown = [Scene((int(id),), STYLES[i % 3], backgrounds[i % 8]) for i, id in enumerate(ids)]
    pictures = torch.from_numpy(np.stack([to_tensor(sprites.picture(scene)) for scene in shown])).float()
    mean, logvar = averaged.moments(pictures)
    decoded = averaged.decode(mean).clamp(-1, 1)
    psnr = -10 * ((decoded - pictures) / 2).pow(2).mean((1, 2, 3)).log10()
    figures = {"psnr": float(psnr.mean()), "std": float(mean.std()), "posterior_std": float(logvar.mul(0.5).exp().mean())}
    return averaged.state_dict(), figures, pictures, decoded


def save(step):
    weights, figures, pictures, decoded = evaluate()
    torch.save({"vae": weights, "cfg": CONFIG["vae"], **figures}, path + ".tmp")
    os.replace(path + ".tmp", path)
    rows = [half for i in range(0, 24, 8) for half in (pictures[i : i + 8], decoded[i : i + 8])]
    grid(torch.cat(rows), 8).save(os.path.join(args.out, "vae.png"))
    record({"step": step, **figures})


def record(figures):
    print(json.dumps(figures), flush=True)
    log.write(json.dumps(figures) + "\n")
    log.flush()


log = open(os.path.join(args.out, "vae-decoder.log" if args.decoder_only else "vae.log"), "a")
record({"step": 0, **evaluate()[1]})
clock, step, saved, gathered = Clock(args.minutes), 0, time.time(), []
while clock.frac() < 1:
    shown = draw_batch()
    with optimizer.autocast():
        with torch.set_grad_enabled(not args.decoder_only):
            mean, logvar = vae.moments(shown.to(optimizer.dtype).contiguous(memory_format=torch.channels_last))
        z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
        if args.noise:
            amount = args.noise * float(mean.detach().std()) * torch.rand(len(z), 1, 1, 1, device=z.device)
            z = z + amount * torch.randn_like(z)
        decoded = vae.decode(z.to(optimizer.dtype).contiguous(memory_format=torch.channels_last)).float()
    kl = 0.5 * (mean.pow(2) + logvar.exp() - 1 - logvar).mean()
    loss = reconstruction_loss(decoded, shown) + (0 if args.decoder_only else args.kl * kl)
    loss.backward()
    optimizer.step(args.lr * min(1, (step + 1) / 100) * cosine(clock.frac()))
    gathered.append((float(loss.detach()), float((decoded.detach() - shown).abs().mean()), float(kl.detach())))
    step += 1
    if step % 100 == 0:
        loss_mean, l1, kl_mean = np.mean(gathered, 0)
        gathered = []
        record({"step": step, "of": round(clock.frac(), 3), "loss": loss_mean, "l1": l1, "kl": kl_mean})
    if time.time() - saved > args.every:
        saved = time.time()
        save(step)
save(step)
