import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type CompileOptions, compileBundle } from '../../../function/src/bundle/compile.ts';
import { readModelFolder } from '../../../function/src/bundle/model-folder.ts';
import { openSafetensors } from '../../../function/src/checkpoint/safetensors.ts';
import type { TensorInfo, TensorSource } from '../../../function/src/checkpoint/tensor-source.ts';
import { embeddedModelFolder, temporaryFolder } from '../../support/embedded-model.ts';

const weight = 'model.diffusion_model.middle_block.1.proj_in.weight';

/** The embedded checkpoint with one tensor's entry replaced, or removed. */
async function tampered(change: (tensor: TensorInfo) => TensorInfo | undefined): Promise<TensorSource> {
  const source = await openSafetensors(join(embeddedModelFolder, 'mini.safetensors'));
  const tensors = new Map(source.tensors);
  const changed = change(tensors.get(weight) as TensorInfo);
  if (changed === undefined) tensors.delete(weight);
  else tensors.set(weight, changed);
  return { tensors, readFloat32: source.readFloat32, close: source.close };
}

async function options(checkpoint: TensorSource): Promise<CompileOptions> {
  const { info, config } = await readModelFolder(embeddedModelFolder);
  return { checkpoint, sourceSha256: '0'.repeat(64), model: info, config };
}

describe('compiling a checkpoint that is not what its configuration says', () => {
  test('names a missing tensor', async (t) => {
    const checkpoint = await tampered(() => undefined);
    t.after(() => checkpoint.close());
    const folder = join(await temporaryFolder(t), 'bundle');
    await assert.rejects(compileBundle(folder, await options(checkpoint)), {
      message: new RegExp(`no tensor ${weight}`),
    });
  });

  test('names a tensor of another shape, and both shapes', async (t) => {
    const checkpoint = await tampered((tensor) => ({ ...tensor, shape: [64, 256, 1, 1] }));
    t.after(() => checkpoint.close());
    const folder = join(await temporaryFolder(t), 'bundle');
    await assert.rejects(compileBundle(folder, await options(checkpoint)), {
      message: `Tensor ${weight} has the shape [64,256,1,1] where the model's configuration says [128,128,1,1].`,
    });
  });
});
