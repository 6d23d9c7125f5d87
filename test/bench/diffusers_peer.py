"""The same tasks with diffusers on PyTorch, float32 on the CPU, float16 with CUDA:

    diffusers_peer.py CHECKPOINT load|unet|vae|image RUNS STEPS TARGET BATCH SIZE [compile]

Prints a line of JSON. Needs torch, diffusers, transformers and safetensors.
"""

import json
import os
import resource
import subprocess
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/full-size"))
import originals  # noqa: E402

checkpoint, task, target = sys.argv[1], sys.argv[2], sys.argv[5]
runs, steps, batch, size = (int(sys.argv[i]) for i in (3, 4, 6, 7))
compiles = "compile" in sys.argv[8:]
dtype = torch.float16 if target == "cuda" else torch.float32
torch.manual_seed(1)
torch.set_num_threads(len(os.sched_getaffinity(0)))
latents = torch.randn(batch, 4, size // 8, size // 8).to(target, dtype)
seconds, cpu_seconds = [], []


def timed(work):
    start, cpu_start = time.perf_counter(), time.process_time()
    result = work()
    if target == "cuda":
        torch.cuda.synchronize()
    seconds.append(time.perf_counter() - start)
    cpu_seconds.append(time.process_time() - cpu_start)
    return result


def load_unet():
    unet = originals.diffusers_unet(checkpoint).to(target, dtype)
    return torch.compile(unet) if compiles else unet


def load_vae():
    return originals.diffusers_vae(checkpoint).to(target, dtype)


def load():
    return originals.clip_text_model(checkpoint).to(target, dtype), load_unet(), load_vae()


def draw(pipeline, text):
    # The ids of a prompt; words are no part of what is measured.
    ids = torch.randint(0, 49406, (2, 77)).to(target)
    embeddings = text(ids)[0]
    return pipeline(
        prompt_embeds=embeddings[1:], negative_prompt_embeds=embeddings[:1], height=size, width=size,
        num_inference_steps=steps, guidance_scale=7.5, latents=latents.clone(),
    )  # fmt: skip


# Importing is no part of loading.
import diffusers  # noqa: E402
import transformers  # noqa: E402,F401

with torch.inference_mode():
    if task == "load":
        loaded = timed(load)
    elif task == "unet":
        unet = load_unet()
        prompts = torch.randn(2 * batch, 77, 768).to(target, dtype)
        for _ in range(runs):
            timed(lambda: unet(torch.cat([latents] * 2), 981, encoder_hidden_states=prompts).sample)
    elif task == "vae":
        vae = load_vae()
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
figures = {"seconds": seconds, "cpuSeconds": cpu_seconds, "peakMegabytes": peak, "ownMegabytes": own}
if target == "cuda":
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    figures["gpuMegabytes"] = int(subprocess.check_output(query).split()[0]) * 2**20 / 1e6
print(json.dumps(figures))
