"""The same tasks with diffusers on PyTorch's CPU, float32: diffusers_peer.py CHECKPOINT load|unet|vae|image RUNS STEPS.

Prints a line of JSON. Needs torch, diffusers, transformers and safetensors.
"""

import json
import os
import resource
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/full-size"))
import originals  # noqa: E402

checkpoint, task, runs, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.manual_seed(1)
torch.set_num_threads(len(os.sched_getaffinity(0)))
latents = torch.randn(1, 4, 64, 64)
seconds, cpu_seconds = [], []


def timed(work):
    start, cpu_start = time.perf_counter(), time.process_time()
    result = work()
    seconds.append(time.perf_counter() - start)
    cpu_seconds.append(time.process_time() - cpu_start)
    return result


def load():
    return (
        originals.clip_text_model(checkpoint),
        originals.diffusers_unet(checkpoint),
        originals.diffusers_vae(checkpoint),
    )


def draw(pipeline, text):
    # The ids of a prompt; words are no part of what is measured.
    ids = torch.randint(0, 49406, (2, 77))
    embeddings = text(ids)[0]
    return pipeline(
        prompt_embeds=embeddings[1:], negative_prompt_embeds=embeddings[:1], height=512, width=512,
        num_inference_steps=steps, guidance_scale=7.5, latents=latents.clone(),
    )  # fmt: skip


# Importing is no part of loading.
import diffusers  # noqa: E402
import transformers  # noqa: E402,F401

with torch.inference_mode():
    if task == "load":
        loaded = timed(load)
    elif task == "unet":
        unet = originals.diffusers_unet(checkpoint)
        prompts = torch.randn(2, 77, 768)
        for _ in range(runs):
            timed(lambda: unet(torch.cat([latents] * 2), 981, encoder_hidden_states=prompts).sample)
    elif task == "vae":
        vae = originals.diffusers_vae(checkpoint)
        for _ in range(runs):
            timed(lambda: vae.decode(latents).sample)
    elif task == "image":
        text, unet, vae = load()
        scheduler = diffusers.DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
            steps_offset=1,
        )  # fmt: skip
        pipeline = diffusers.StableDiffusionPipeline(
            vae=vae, text_encoder=text, tokenizer=None, unet=unet, scheduler=scheduler, safety_checker=None,
            feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        pipeline.set_progress_bar_config(disable=True)
        for _ in range(runs):
            timed(lambda: draw(pipeline, text))

peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
with open("/proc/self/status") as status:
    own = next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) * 1024 / 1e6
print(json.dumps({"seconds": seconds, "cpuSeconds": cpu_seconds, "peakMegabytes": peak, "ownMegabytes": own}))
