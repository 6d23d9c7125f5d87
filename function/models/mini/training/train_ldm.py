"""Trains UNet and text tower together on cached latents (noise prediction, 10 % empty captions).

usage: train_ldm.py --data DIR --out DIR --minutes 50 [--device cuda] [--start model.safetensors | --resume]
"""

import argparse
import copy
import json
import os
import time

import numpy as np
import torch
import torch.nn as nn

from common import Clock, Mixed, cosine, load_safetensors
from data import DEFAULT_STYLE, Scene, Sprites, caption
from export import assemble, contact
from model import CONFIG, TextTower, UNet, alphas_cumprod
from text import Words

# How often a kind of scene is drawn.
SHARES = {"plain": 0.34, "background": 0.20, "varied": 0.16, "placed": 0.16, "pair": 0.14}

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--minutes", type=float, default=50)
parser.add_argument("--device", default="cpu")
parser.add_argument("--batch", type=int, default=48)
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--ema", type=float, default=0.996)
parser.add_argument("--gamma", type=float, default=5.0, help="min-SNR gamma; 0 = plain loss of the noise")
parser.add_argument("--top", type=float, default=30.0, help="largest weight at the noisy end; 1 = min-SNR only")
parser.add_argument("--emb-lr", type=float, default=4.0, help="learning-rate factor of the token and position embeddings")
parser.add_argument("--flat", type=float, default=0.12, help="share of the styles that are not the default")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--half", action="store_true", help="bf16 on a CPU that computes with it")
parser.add_argument("--every", type=float, default=300, help="seconds between checkpoints")
parser.add_argument("--start", default="", help="go on from the weights of a published model.safetensors")
parser.add_argument("--resume", action="store_true", help="go on from OUT/ldm.pt")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed + 1)
config = copy.deepcopy(CONFIG)
cached = torch.load(os.path.join(args.out, "latents.pt"), map_location="cpu")
# The factor of the weights that training starts from is kept: they know latents of that scale.
start = load_safetensors(args.start) if args.start else None
if args.start:
    with open(os.path.join(os.path.dirname(args.start), "config.json")) as file:
        config["diffusion"]["scale_factor"] = json.load(file)["diffusion"]["scale_factor"]
else:
    config["diffusion"]["scale_factor"] = round(1 / cached["std"], 6)
sprites, words = Sprites(args.data, config["image_size"], cached["whole"]), Words(args.data, config["text"])
latents = (cached["z"].float() * config["diffusion"]["scale_factor"]).to(args.device)
listed = [(kind, Scene(*scene)) for kind, scene in cached["scenes"]]
print("latents", tuple(latents.shape), "std", float(latents.std()), "tokens", words.size, flush=True)


def probabilities():
    """How often each cached picture is drawn: the share of its kind and style, alike for every object."""
    groups = {}
    for i, (kind, scene) in enumerate(listed):
        groups.setdefault((kind, scene.style == DEFAULT_STYLE, scene.objects[0] if kind != "pair" else None), []).append(i)
    weights = np.zeros(len(listed))
    for (kind, default, concept), ids in groups.items():
        if kind == "pair":
            weights[ids] = SHARES[kind] * len(sprites.vocabulary) / len(ids)
            continue
        simple = sprites.concepts[concept]["slug"].split("-")[-1] in ("circle", "square")
        weights[ids] = SHARES[kind] * ((1 - args.flat) if default else args.flat) * (0.5 if simple else 1) / len(ids)
    return weights / weights.sum()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.unet = UNet(**config["unet"])
        self.text = TextTower(**{**config["text"], "vocab_size": words.size})
        embedding = self.text.transformer.text_model.embeddings.token_embedding
        with torch.no_grad():
            embedding.weight[0].zero_()  # any word that was never seen
        embedding.padding_idx = 0

    def forward(self, x, t, ids):
        return self.unet(x, t, self.text(ids).to(x.dtype))

    def load_published(self, state):
        parts = {"model.diffusion_model.": "unet.", "cond_stage_model.": "text."}
        own = {}
        for name, value in state.items():
            for prefix, short in parts.items():
                if name.startswith(prefix):
                    table = name.endswith("token_embedding.weight")
                    own[short + name[len(prefix) :]] = words.compress(value.float()) if table else value.float()
        self.load_state_dict(own)


net = Net()
if start:
    net.load_published(start)
boosted = {name: args.emb_lr for name, _ in net.named_parameters() if "_embedding" in name}
half = args.half or args.device != "cpu"
optimizer = Mixed(net, args.device, args.lr, betas=(0.9, 0.99), wd=0.01, ema=args.ema, half=half, boost=boosted)
first_step = 0
checkpoint_path = os.path.join(args.out, "ldm.pt")
if args.resume and os.path.exists(checkpoint_path):
    checkpoint = torch.load(checkpoint_path, map_location=args.device)
    optimizer.restore(checkpoint["opt"])
    first_step = checkpoint["step"]
alphas = alphas_cumprod(config["diffusion"]).to(args.device)
snr = alphas / (1 - alphas)
# min-SNR at the clean end; at the noisy end up to the error of the picture itself (1 / snr), since there the words matter
min_snr = snr.clamp(max=args.gamma) / snr if args.gamma else torch.ones_like(snr)
loss_weight = (min_snr * (1 / snr).clamp(1, args.top)).float()
signal, noise_level = alphas.sqrt().float(), (1 - alphas).sqrt().float()
chances = probabilities()


def caption_ids(scene):
    if rng.random() < 0.1:
        return words.small("")
    names = [sprites.concepts[concept]["names"] for concept in scene.objects]
    chosen = [own[0] if rng.random() < 0.55 else own[int(rng.integers(len(own)))] for own in names]
    style_given = scene.style != DEFAULT_STYLE or rng.random() < 0.12
    unseen = int(rng.integers(20)) if rng.random() < 0.06 else None
    return words.small(caption(rng, chosen, scene, style_given), unseen)


def draw_batch():
    picked = rng.choice(len(listed), args.batch, p=chances)
    ids = [caption_ids(listed[i][1]) for i in picked]
    return latents[torch.from_numpy(picked).to(args.device)], torch.tensor(ids, device=args.device)


def save(step):
    weights = optimizer.unflatten()
    torch.save({"weights": weights, "opt": optimizer.state(), "step": step, "cfg": config}, checkpoint_path + ".tmp")
    os.replace(checkpoint_path + ".tmp", checkpoint_path)
    model = assemble(config, weights, words, os.path.join(args.out, "vae.pt"))
    contact(model, words, os.path.join(args.out, f"sheet-{step:06d}.png"))


clock, step, saved, gathered, began = Clock(args.minutes), first_step, time.time(), [], time.time()
log = open(os.path.join(args.out, "ldm.log"), "a")
while clock.frac() < 1:
    x0, ids = draw_batch()
    # more of the noisy timesteps
    t = (1000 * torch.from_numpy(rng.random(args.batch)).to(args.device) ** 0.75).long().clamp(max=999)
    noise = torch.randn_like(x0)
    noisy = signal[t][:, None, None, None] * x0 + noise_level[t][:, None, None, None] * noise
    with optimizer.autocast():
        predicted = net(noisy.to(optimizer.dtype).contiguous(memory_format=torch.channels_last), t, ids).float()
    error = (predicted - noise).pow(2).mean((1, 2, 3))
    (error * loss_weight[t]).mean().backward()
    optimizer.step(args.lr * min(1, (step - first_step + 1) / 150) * cosine(clock.frac()))
    error = error.detach()
    quarters = [float(error[(t >= low) & (t < low + 250)].mean()) for low in (0, 250, 500, 750)]
    gathered.append((float((error * loss_weight[t]).mean()), *quarters))
    step += 1
    if step % 50 == 0:
        means = np.nanmean(np.array(gathered), 0)
        gathered = []
        minutes = (time.time() - began) / 60
        rate = (step - first_step) * args.batch / minutes / 60
        by_t = " ".join(f"{value:.4f}" for value in means[1:])
        print(f"step {step} of {clock.frac():.3f} loss {means[0]:.4f} noise error by t: {by_t}  {rate:.1f}/s", flush=True)
        log.write(json.dumps({"step": step, "minutes": round(minutes, 2), "loss": means[0], "by_t": list(means[1:])}) + "\n")
        log.flush()
    if time.time() - saved > args.every:
        save(step)
        saved = time.time()
save(step)
print("done", step, "steps", step * args.batch, "samples", flush=True)
