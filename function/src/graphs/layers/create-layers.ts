import { createCpuLayers } from './cpu-layers.ts';
import { createCudaLayers } from './cuda-layers.ts';
import type { Layers, Target } from './layers.ts';

/** Begins a graph of the given name for a target. */
export function createLayers(target: Target, name: string): Layers {
  return target === 'cuda' ? createCudaLayers(name) : createCpuLayers(name);
}
