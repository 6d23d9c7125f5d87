import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FunctionError } from '../errors.ts';
import { encodeOnnx } from '../graphs/encode-onnx.ts';
import { GraphBuilder } from '../graphs/graph-builder.ts';
import type { Target } from '../graphs/layers/layers.ts';
import { createSessionHost } from './session-host.ts';

/**
 * Computes a small sum, to know at once whether this machine has what the provider needs.
 * @throws FunctionError `unavailable` saying what is missing, with onnxruntime's own words as its cause.
 */
export async function checkProvider(provider: Target): Promise<void> {
  const graph = new GraphBuilder('check');
  const sum = graph.node('Add', [graph.input('x', 'float32', [1]), graph.constant('one', Float32Array.of(1))]);
  graph.output(sum, 'y', 'float32', [1]);
  const folder = await mkdtemp(join(tmpdir(), 'safelight-check-'));
  const host = createSessionHost();
  try {
    const path = join(folder, 'check.onnx');
    await writeFile(path, encodeOnnx(graph.build(), 'none'));
    await host.load('check', path, { provider });
    const { y } = await host.run('check', { x: { data: Float32Array.of(41), dims: [1] } });
    if (y?.data[0] !== 42) throw new Error(`41 + 1 is not ${y?.data[0]}`);
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const advice =
      provider === 'cuda'
        ? "run it on an NVIDIA GPU with CUDA 12, cuDNN 9 and onnxruntime's CUDA provider, or set SAFELIGHT_PROVIDER=cpu"
        : 'onnxruntime does not work on this machine';
    throw new FunctionError('unavailable', `The worker cannot compute on ${provider}: ${advice}`, { cause });
  } finally {
    await host.close();
    await rm(folder, { recursive: true, force: true });
  }
}
