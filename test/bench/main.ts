/**
 * Measures the full-size model, beside what else does the same where there is such a thing, and prints one table:
 *
 *     npm run bench [-- NAME…] [--folder FOLDER] [--rounds N] [--steps N] [--python PYTHON]
 *                   [--target cuda] [--batch N] [--size N] [--compile]
 *
 * Names: api, convert, pull, load, unet, unet-int8, vae, image; all of them, where none is given. FOLDER keeps the random checkpoint and
 * its bundles (11 GB) from one run to the next; 20 GB are needed in all. PYTHON, or SAFELIGHT_BENCH_PYTHON, is one with
 * torch, diffusers, transformers and safetensors: without it the networks are measured alone. With --target cuda both run on the
 * GPU, in half precision; --compile has `torch.compile` look after the peer's UNet.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Target } from '../../function/src/graphs/layers/layers.ts';
import { benchApi } from './api.ts';
import { benchConvert } from './convert.ts';
import { machine } from './measure.ts';
import { benchImage, benchInt8Unet, benchLoad, benchUnet, benchVae } from './networks.ts';
import { benchPull } from './pull.ts';
import { type Bench, formatRows, type Row } from './rows.ts';

const benches: Readonly<Record<string, Bench>> = {
  api: benchApi,
  convert: benchConvert,
  pull: benchPull,
  load: benchLoad,
  unet: benchUnet,
  'unet-int8': benchInt8Unet,
  vae: benchVae,
  image: benchImage,
};

const onGpu = ['load', 'unet', 'vae', 'image'];

const { values, positionals } = parseArgs({
  options: {
    folder: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '20' },
    python: { type: 'string' },
    target: { type: 'string', default: 'cpu' },
    batch: { type: 'string', default: '1' },
    size: { type: 'string', default: '512' },
    compile: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const target: Target = values.target === 'cuda' ? 'cuda' : 'cpu';
const known = Object.keys(benches).filter((name) => target === 'cpu' || onGpu.includes(name));
const names = positionals.length > 0 ? positionals : known;
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`No bench ${unknown}: ${known.join(', ')}`);
  process.exit(2);
}

const temporary = values.folder === undefined ? await mkdtemp(join(tmpdir(), 'safelight-bench-')) : undefined;
const options = {
  folder: resolve(values.folder ?? temporary ?? ''),
  rounds: Number(values.rounds),
  steps: Number(values.steps),
  python: values.python ?? process.env.SAFELIGHT_BENCH_PYTHON,
  target,
  batch: Number(values.batch),
  size: Number(values.size),
  compile: values.compile,
};
try {
  console.log(machine());
  const rows: Row[] = [];
  for (const name of names) rows.push(...((await benches[name]?.(options)) ?? []));
  console.log(formatRows(rows));
} finally {
  if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
}
