"""Caption -> ids.  Training uses a compact vocabulary (row 0 = any unseen token, kept at zero); export expands it."""
import json
import os
import re

import torch

PAT = re.compile(r"[a-z]+|[0-9]|[^\sa-z0-9]+")


class Words:
    def __init__(self, root, cfg):
        self.words = json.load(open(os.path.join(root, "words.json")))
        self.cfg = cfg
        used = sorted({i for w in self.words.values() for i in w} | {cfg["bos"], cfg["eos"], cfg["pad"]})
        self.used = used
        self.compact = {t: i + 1 for i, t in enumerate(used)}
        self.size = len(used) + 1

    def ids(self, text):
        """full CLIP ids, length 77"""
        c = self.cfg
        out = [c["bos"]]
        for w in PAT.findall(text.lower()):
            out += self.words[w]
        out = out[:c["positions"] - 1] + [c["eos"]]
        return out + [c["pad"]] * (c["positions"] - len(out))

    def small(self, text, unk_at=None):
        ids = [self.compact.get(i, 0) for i in self.ids(text)]
        if unk_at is not None:  # an unseen word somewhere in the caption: its embedding is zero
            p = 1 + unk_at % max(1, ids.index(self.compact[self.cfg["eos"]]))
            ids = ids[:p] + [0] + ids[p:-1]
        return ids

    def compress(self, table):
        """rows of the full table -> those of the compact vocabulary, row 0 zero"""
        return torch.cat([torch.zeros(1, table.shape[1], dtype=table.dtype), table[torch.tensor(self.used)]])

    def expand(self, table):
        full = torch.zeros(self.cfg["vocab_size"], table.shape[1], dtype=table.dtype)
        full[torch.tensor(self.used)] = table[1:]
        return full
