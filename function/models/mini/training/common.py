"""Training plumbing shared by the two trainers."""
import contextlib
import json
import struct
import time

import numpy as np
import torch


class Mixed:
    """AdamW and an EMA on one flat buffer of fp32 weights; computes in fp32, or in bf16 with `half`.

    cpu : with `half` the module itself is cast to bf16 (autocast's casts around each operator cost more than they save there)
    cuda: with `half` the module stays fp32 and `autocast()` is bf16
    """

    def __init__(self, module, device, lr, betas=(0.9, 0.99), wd=0.01, ema=0.999, half=True, boost=None):
        self.cpu_half = device == "cpu" and half
        self.device, self.half = device, half
        module.to(device).to(memory_format=torch.channels_last)
        self.module = module
        self.params = [p for p in module.parameters() if p.requires_grad]
        self.flat = torch.cat([self._f(p.detach()) for p in self.params]).float()
        if self.cpu_half:
            module.to(torch.bfloat16)
        self.m, self.v, self.ema = torch.zeros_like(self.flat), torch.zeros_like(self.flat), self.flat.clone()
        self.lr, self.betas, self.wd, self.ema_rate, self.t = lr, betas, wd, ema, 0
        boost = boost or {}
        self.boosted, i = [], 0  # (start, end, learning-rate factor)
        for n, p in module.named_parameters():
            if p.requires_grad:
                if n in boost:
                    self.boosted.append((i, i + p.numel(), boost[n]))
                i += p.numel()
        self.decay = torch.cat([torch.full((p.numel(),), float(p.dim() > 1), device=device) for p in self.params])

    def _f(self, p):  # flatten in memory order
        return (p.permute(0, 2, 3, 1) if p.dim() == 4 else p).reshape(-1)

    def _load(self, flat):
        with torch.no_grad():
            i = 0
            for p in self.params:
                (p.permute(0, 2, 3, 1) if p.dim() == 4 else p).copy_(
                    flat[i:i + p.numel()].view([p.shape[j] for j in ((0, 2, 3, 1) if p.dim() == 4 else range(p.dim()))]))
                i += p.numel()

    def autocast(self):
        if self.device == "cpu" or not self.half:
            return contextlib.nullcontext()
        return torch.autocast("cuda", dtype=torch.bfloat16)

    @property
    def dtype(self):
        return torch.bfloat16 if self.cpu_half else torch.float32

    @torch.no_grad()
    def step(self, lr, clip=1.0):
        g = torch.cat([self._f(p.grad) if p.grad is not None else p.new_zeros(p.numel()) for p in self.params]).float()
        for p in self.params:
            p.grad = None
        n = float(g.norm())
        if not np.isfinite(n):
            return n
        if n > clip:
            g *= clip / n
        self.t += 1
        b1, b2 = self.betas
        self.m.mul_(b1).add_(g, alpha=1 - b1)
        self.v.mul_(b2).addcmul_(g, g, value=1 - b2)
        den = (self.v / (1 - b2 ** self.t)).sqrt_().add_(1e-8)
        if self.wd:
            self.flat.addcmul_(self.flat, self.decay, value=-lr * self.wd)
        self.flat.addcdiv_(self.m, den, value=-lr / (1 - b1 ** self.t))
        for i, j, k in self.boosted:
            self.flat[i:j].addcdiv_(self.m[i:j], den[i:j], value=-lr * (k - 1) / (1 - b1 ** self.t))
        r = min(self.ema_rate, (1 + self.t) / (10 + self.t))
        self.ema.lerp_(self.flat, 1 - r)
        self._load(self.flat)
        return n

    def state(self):
        return {"flat": self.flat, "ema": self.ema, "m": self.m, "v": self.v, "t": self.t}

    def restore(self, s):
        for k in ("flat", "ema", "m", "v"):
            getattr(self, k).copy_(s[k])
        self.t = s["t"]
        self._load(self.flat)

    def unflatten(self, flat=None):
        """fp32 {name: tensor} of the trainable parameters, from the EMA unless told otherwise"""
        flat = self.ema if flat is None else flat
        out, i = {}, 0
        for n, p in self.module.named_parameters():
            if not p.requires_grad:
                continue
            x = flat[i:i + p.numel()]
            if p.dim() == 4:
                x = x.view(p.shape[0], p.shape[2], p.shape[3], p.shape[1]).permute(0, 3, 1, 2)
            out[n] = x.reshape(p.shape).contiguous().clone().cpu()
            i += p.numel()
        return out


def save_safetensors(path, tensors, metadata=None):
    """The safetensors container: u64 LE header length, JSON header, raw little-endian data."""
    names = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32"}
    head, off = {}, 0
    if metadata:
        head["__metadata__"] = metadata
    for k, v in tensors.items():
        n = v.numel() * v.element_size()
        head[k] = {"dtype": names[v.dtype], "shape": list(v.shape), "data_offsets": [off, off + n]}
        off += n
    js = json.dumps(head, separators=(",", ":")).encode()
    js += b" " * (-len(js) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(js)))
        f.write(js)
        for v in tensors.values():
            f.write(v.contiguous().numpy().tobytes())


def load_safetensors(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    types = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32}
    out = {}
    for k, d in json.loads(raw[8:8 + n]).items():
        if k != "__metadata__":
            a, b = d["data_offsets"]
            out[k] = torch.from_numpy(np.frombuffer(raw[8 + n + a:8 + n + b], types[d["dtype"]]).reshape(d["shape"]).copy())
    return out


def cosine(frac, floor=0.02):
    return floor + (1 - floor) * 0.5 * (1 + np.cos(np.pi * min(max(frac, 0.0), 1.0)))


class Clock:
    """Progress by wall clock: training ends when the minutes are used up."""

    def __init__(self, minutes):
        self.t0, self.span = time.time(), minutes * 60

    def frac(self):
        return (time.time() - self.t0) / self.span
