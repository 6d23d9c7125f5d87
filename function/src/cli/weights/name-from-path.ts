import { basename } from 'node:path';

/** What to call the model of a checkpoint: `sd-v1-4.ckpt` → `sd-v1-4`. */
export function nameFromPath(path: string): string {
  return basename(path)
    .replace(/\.(ckpt|safetensors|safetensors\.index\.json|pt|bin)$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-');
}
