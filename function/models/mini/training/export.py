"""Puts the trained parts together into one model of CompVis' layout.

usage: export.py --data DIR --out DIR --publish MODEL_DIR [--golden TEST_FIXTURES_DIR] [--sheet FILE.png]
Writes mini.safetensors, config.json and concepts.json; reference tensors for the tests; a sheet of pictures.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
from PIL import Image

from common import load_safetensors, save_safetensors
from model import LDM, alphas_cumprod, ddim

SHEET = ["a red apple", "a fox", "a banana", "a car", "a rocket", "a penguin", "a slice of pizza", "a smiley",
         "a cat", "a frog", "a strawberry", "a house", "a sunflower", "a guitar", "a green apple", "a blue heart",
         "a red apple on a blue background", "a penguin on a yellow background", "a sun on a light blue background", "a rose on a black background",
         "a small car", "a big lemon", "a tree, flat style", "an owl, flat style",
         "a cat and a red apple", "a fox and a sunflower", "a small fish on the left", "a crown and a key on a blue background",
         "a star and a moon on a black background", "a small rocket on the right", "a big pizza", "a banana and an orange"]


def assemble(cfg, trained, words, vae_path):
    """trained: {'unet.*', 'text.*'} fp32 tensors from the trainer"""
    m = LDM(cfg)
    sd = {}
    for k, v in trained.items():
        if k.startswith("unet."):
            sd["model.diffusion_model." + k[5:]] = v
        else:
            k = "cond_stage_model." + k[5:]
            sd[k] = words.expand(v) if k.endswith("token_embedding.weight") else v
    for k, v in torch.load(vae_path, map_location="cpu")["vae"].items():
        sd["first_stage_model." + k] = v
    m.load_state_dict(sd)
    return m.eval()


@torch.no_grad()
def generate(m, words, prompts, seed=0, steps=20, guidance=5.0, noise=None, batch=24):
    d, n = m.cfg["diffusion"], m.cfg["image_size"] // 8
    ac = alphas_cumprod(d)
    dev = next(m.parameters()).device
    if noise is None:
        noise = torch.randn(len(prompts), 4, n, n, generator=torch.Generator().manual_seed(seed))
    ims, zs = [], []
    un = m.cond_stage_model(torch.tensor([words.ids("")], device=dev))
    for i in range(0, len(prompts), batch):
        p = prompts[i:i + batch]
        ctx = m.cond_stage_model(torch.tensor([words.ids(q) for q in p], device=dev))
        z = ddim(m.unet, ac, noise[i:i + batch].to(dev), ctx, un.expand_as(ctx), steps, guidance)
        zs.append(z.cpu())
        ims.append(m.first_stage_model.decode(z / d["scale_factor"]).float().cpu())
    return torch.cat(ims).clamp(-1, 1), torch.cat(zs)


def to_image(x):
    return ((x.permute(1, 2, 0).numpy() + 1) * 127.5).round().clip(0, 255).astype(np.uint8)


def grid(ims, cols, pad=2):
    n, h = len(ims), ims.shape[-1]
    rows = (n + cols - 1) // cols
    out = np.full((rows * (h + pad) + pad, cols * (h + pad) + pad, 3), 230, np.uint8)
    for i, x in enumerate(ims):
        r, c = divmod(i, cols)
        out[pad + r * (h + pad):pad + r * (h + pad) + h, pad + c * (h + pad):pad + c * (h + pad) + h] = to_image(x)
    return Image.fromarray(out)


def contact(m, words, path, guidance=5.0, steps=20, seed=0):
    m = m.to(memory_format=torch.channels_last)
    ims, _ = generate(m, words, SHEET, seed=seed, steps=steps, guidance=guidance)
    grid(ims, 8).save(path, optimize=True)


def publish(m, out, step):
    """float16 weights under CompVis' names, and every hyper-parameter"""
    os.makedirs(out, exist_ok=True)
    sd = {k: v.half().contiguous() for k, v in m.state_dict().items()}
    assert all(torch.isfinite(v).all() for v in sd.values())
    tmp = os.path.join(out, "mini.safetensors.tmp")
    save_safetensors(tmp, sd, {"format": "pt"})
    os.replace(tmp, tmp[:-4])
    cfg = dict(m.cfg)
    cfg["defaults"] = {"sampler": "ddim", "steps": 20, "eta": 0.0, "guidance": 5.0}
    cfg["global_step"] = step
    cfg["conventions"] = {"text": "causal mask, quick_gelu, layer norm eps 1e-5, final layer norm applied, pad with 49407 to 77",
                          "group_norm": {"groups": 32, "unet_res_and_out_eps": 1e-5, "spatial_transformer_eps": 1e-6, "vae_eps": 1e-6},
                          "ddim_timesteps": "uniform: range(0, 1000, 1000 // steps) + 1; alpha_prev of the last step = alphas_cumprod[0]",
                          "beta_schedule": "linspace(sqrt(linear_start), sqrt(linear_end), 1000, float64) squared",
                          "decode": "image = decoder(post_quant_conv(latent / scale_factor)), in [-1, 1]",
                          "encode": "latent = scale_factor * mean of quant_conv(encoder(image))"}
    with open(os.path.join(out, "config.json"), "w") as file:
        json.dump(cfg, file, indent=2)


def load_published(folder):
    with open(os.path.join(folder, "config.json")) as file:
        m = LDM(json.load(file))
    m.load_state_dict({k: v.float() for k, v in load_safetensors(os.path.join(folder, "mini.safetensors")).items()})
    return m.eval()


GOLDEN = ["a red apple", "a penguin on a yellow background", "a small car", "an owl, flat style", "a big lemon on a light blue background", ""]


@torch.no_grad()
def golden(m, words, sp, out):
    """fp32 reference tensors computed from the fp16 weights as shipped"""
    from data import Scene, to_tensor
    os.makedirs(out, exist_ok=True)
    m = m.to(memory_format=torch.contiguous_format)
    g = torch.Generator().manual_seed(1234)
    n, d = m.cfg["image_size"] // 8, m.cfg["diffusion"]
    ids = torch.tensor([words.ids(p) for p in GOLDEN])
    ctx = m.cond_stage_model(ids)
    save_safetensors(os.path.join(out, "text.safetensors"), {"ids": ids.int(), "context": ctx})
    x, t = torch.randn(2, 4, n, n, generator=g), torch.tensor([801, 101])
    eps = m.unet(x, t, ctx[:2])
    save_safetensors(os.path.join(out, "unet.safetensors"), {"x": x, "t": t.int(), "context": ctx[:2].clone(), "eps": eps})
    im = torch.from_numpy(np.stack([to_tensor(sp.picture(Scene((100,), background="blue")))])).float()
    h = m.first_stage_model.quant_conv(m.first_stage_model.encoder(im))
    mean = h[:, :4].contiguous()
    dec = m.first_stage_model.decode(mean)
    save_safetensors(os.path.join(out, "vae.safetensors"), {"image": im, "moments": h, "latent": mean, "decoded": dec})
    noise = torch.randn(1, 4, n, n, generator=g)
    z = ddim(m.unet, alphas_cumprod(d), noise, ctx[:1], ctx[5:6], 10, 5.0)
    img = m.first_stage_model.decode(z / d["scale_factor"])
    save_safetensors(os.path.join(out, "ddim10.safetensors"), {"noise": noise, "latent": z, "image": img})
    json.dump({"prompts": GOLDEN, "unet": {"t": [801, 101], "context": "prompts 0 and 1"},
               "ddim10": {"prompt": GOLDEN[0], "steps": 10, "eta": 0, "guidance": 5, "timesteps": list(range(901, 0, -100)),
                          "note": "latent is before division by scale_factor; image is unclamped"},
               "vae": "moments are before the split and before any clamp; latent = the mean half; decoded = decode(latent), no scale_factor"},
              open(os.path.join(out, "golden.json"), "w"), indent=1)


if __name__ == "__main__":
    from data import Sprites
    from text import Words
    ap = argparse.ArgumentParser()
    ap.add_argument("--data", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--publish", required=True)
    ap.add_argument("--sheet", default="")
    ap.add_argument("--golden", default="")
    ap.add_argument("--whole", action="store_true", help="the vocabulary is everything that was rendered")
    ap.add_argument("--threads", type=int, default=2)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    ck = torch.load(os.path.join(a.out, "ldm.pt"), map_location="cpu")
    cfg = ck["cfg"]
    words, sp = Words(a.data, cfg["text"]), Sprites(a.data, cfg["image_size"], a.whole)
    publish(assemble(cfg, ck["weights"], words, os.path.join(a.out, "vae.pt")), a.publish, ck["step"])
    m = load_published(a.publish)
    listed = [{k: sp.concepts[i][k] for k in ("slug", "emoji", "group", "names")} for i in sp.vocabulary]
    with open(os.path.join(a.publish, "concepts.json"), "w") as file:
        json.dump(listed, file, indent=0, ensure_ascii=False)
    if a.golden:
        golden(m, words, sp, a.golden)
    if a.sheet:
        contact(m, words, a.sheet)
    print("published step", ck["step"])
