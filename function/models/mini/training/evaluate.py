"""Measures a published model and writes the figures as JSON.

usage: evaluate.py --data DIR --model MODEL_DIR --write quality.json [--per 2] [--steps 20] [--guidance 5] [--device cuda]

A picture counts as right if, among the rendered references, the nearest one (32x32 pixels in RGB, root mean square) is what the
prompt says. References are drawn with the mirroring, shifts and sizes that captions leave open.
"""

import argparse
import json
import time

import numpy as np
import torch
import torch.nn.functional as F

from data import BACKGROUNDS, COLOURS, HeldOut, PLACEMENTS, Scene, Sprites, article, on_background, to_tensor
from export import generate, load_published
from text import Words

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--write", required=True)
parser.add_argument("--per", type=int, default=2, help="pictures for each object")
parser.add_argument("--steps", type=int, default=20)
parser.add_argument("--guidance", type=float, default=5.0)
parser.add_argument("--every", type=int, default=1, help="only every n-th of each list: a quick look")
parser.add_argument("--device", default="cpu")
parser.add_argument("--whole", action="store_true", help="the vocabulary is everything that was rendered")
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
torch.set_num_threads(args.threads)
model = load_published(args.model).to(args.device).to(memory_format=torch.channels_last)
sprites, words = Sprites(args.data, model.cfg["image_size"], args.whole), Words(args.data, model.cfg["text"])
held_out = HeldOut(sprites)
concepts = [sprites.concepts[i] for i in sprites.vocabulary]
place_of = {concept["id"]: i for i, concept in enumerate(concepts)}
name = lambda i: sprites.concepts[i]["names"][0]  # noqa: E731
picture = lambda scene: torch.from_numpy(to_tensor(sprites.picture(scene))).float()  # noqa: E731
small = lambda images: F.adaptive_avg_pool2d(images, 32).flatten(1)  # noqa: E731
VARIATIONS = [
    dict(mirrored=mirrored, shift=shift, grow=grow)
    for mirrored in (False, True)
    for grow in (0, -12, 8)
    for shift in [(x, y) for x in (0, -8, 8) for y in (0, -8, 8)]
]


def references(scene_of, variations=VARIATIONS):
    """[objects, variations, features]: each object of the vocabulary in each variation"""
    return torch.stack([small(torch.stack([picture(scene_of(c["id"], v)) for v in variations])) for c in concepts])


def draw(prompts, seed):
    return generate(model, words, prompts, seed=seed, steps=args.steps, guidance=args.guidance, batch=32)[0]


def ranks(images, refs, truth):
    """How many objects lie nearer to each picture than the right one."""
    distances = torch.cdist(small(images), refs.flatten(0, 1)).view(len(images), *refs.shape[:2]).amin(2)
    return (distances < distances[torch.arange(len(images)), truth][:, None]).sum(1)


def rim_colours(images):
    rim = torch.cat([images[:, :, :3].flatten(2), images[:, :, -3:].flatten(2)], 2).median(2).values
    palette = torch.tensor([[v / 127.5 - 1 for v in rgb] for rgb in COLOURS.values()])
    return [list(COLOURS)[i] for i in torch.cdist(rim, palette).argmin(1)]


def placed_prompt(scene):
    where = f" on the {scene.place}" if scene.place else ""
    return f"a {scene.size} {name(scene.objects[0])}{where} {on_background(scene.background)}"


def share(flags):
    return round(float(np.mean([bool(flag) for flag in flags])), 3)


quality = {"steps": args.steps, "guidance": args.guidance, "pictures_of_each_object": args.per}

# Every object, by its name alone.
todo = concepts[:: args.every]
truth = torch.tensor([place_of[c["id"]] for c in todo for _ in range(args.per)])
start = time.time()
images = draw([article(name(c["id"])) for c in todo for _ in range(args.per)], seed=11)
quality["seconds_for_each_of_a_batch"] = round((time.time() - start) / len(images), 3)
rank = ranks(images, references(lambda i, v: Scene((i,), **v)), truth)
quality["top1"], quality["top5"] = share(rank == 0), share(rank < 5)
quality["not_always_right"] = sorted({name(concepts[t]["id"]) for t, r in zip(truth.tolist(), rank.tolist()) if r})

# Backgrounds.
rng = np.random.default_rng(3)
asked = [(colour, int(i)) for colour in BACKGROUNDS for i in rng.choice(sprites.vocabulary, 8, replace=False)][:: args.every]
images = draw([f"{article(name(i))} {on_background(colour)}" for colour, i in asked], seed=5)
quality["background_colour"] = share(got == want for got, (want, _) in zip(rim_colours(images), asked))

# Held out: sizes and places on coloured backgrounds. The object, its size and place must be nearest, and the colour right.
placed = held_out.placed[:: args.every]
images = draw([placed_prompt(scene) for scene in placed], seed=7)
colours = rim_colours(images)
right = []
for i, scene in enumerate(placed):
    mirrors = [dict(mirrored=False), dict(mirrored=True)]
    at = lambda size, place: references(lambda c, v: Scene((c,), "glossy", scene.background, size, place, **v), mirrors)  # noqa: E731
    everywhere = torch.cat([at(size, place) for size, place in PLACEMENTS])
    own = PLACEMENTS.index((scene.size, scene.place)) * len(concepts) + place_of[scene.objects[0]]
    right.append(bool(ranks(images[i : i + 1], everywhere, torch.tensor([own]))[0] == 0) and colours[i] == scene.background)
quality["held_out_placed"] = share(right)

# Held out: pairs. Both halves must show the right object.
pairs = held_out.pairs[:: args.every]
images = draw([f"{article(name(s.objects[0]))} and {article(name(s.objects[1]))}" for s in pairs], seed=9)
half = images.shape[-1] // 2
mirrors = [dict(mirrored=False), dict(mirrored=True)]
features = lambda side: torch.stack([  # noqa: E731
    small(torch.stack([side(picture(Scene((c["id"], c["id"]), **v))) for v in mirrors])) for c in concepts
])
both = []
for position, side in enumerate((lambda x: x[..., :half], lambda x: x[..., half:])):
    truth = torch.tensor([place_of[scene.objects[position]] for scene in pairs])
    both.append(ranks(side(images), features(side), truth) == 0)
quality["held_out_pairs"] = share(both[0] & both[1])
quality["held_out_pairs_one_of_two"] = share(torch.cat(both))

# The autoencoder.
shown = torch.stack([picture(Scene((c["id"],))) for c in concepts[:: 2 * args.every]])
with torch.no_grad():
    vae = model.first_stage_model
    decoded = torch.cat([vae.decode(vae.moments(x)[0]).float().cpu() for x in shown.to(args.device).split(16)]).clamp(-1, 1)
quality["vae_psnr"] = round(float((-10 * ((decoded - shown) / 2).pow(2).mean((1, 2, 3)).log10()).mean()), 2)
times = []
for _ in range(3):
    start = time.time()
    draw(["a red apple"], seed=0)
    times.append(time.time() - start)
quality["seconds_for_one"] = round(min(times), 2)
print(json.dumps(quality, indent=1))
with open(args.write, "w") as file:
    json.dump(quality, file, indent=1)
