import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { readEmbedding } from '../../../function/src/add-ons/read-embedding.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { encodeSafetensors, encodeTorchLegacy, encodeTorchZip, floats } from '../checkpoint/checkpoint-writer.ts';
import { corruptWith } from '../checkpoint/corrupt-with.ts';

const fixtures = join(import.meta.dirname, '../../fixtures');
const read = (path: string) => readEmbedding({ name: parse(path).name, path });
/** What the script that made the fixtures counts into them; half precision holds it all, bfloat16 does not. */
const ramp = (row: number) => Float32Array.from({ length: 64 }, (_, i) => (64 * row + i) / 64);

describe('embeddings that other programs wrote', () => {
  for (const name of ['a1111.pt', 'original.pt', 'diffusers.safetensors']) {
    test(`${name}: name, checksum and vectors`, async () => {
      const path = join(fixtures, 'embeddings', name);
      const embedding = await read(path);
      assert.equal(embedding.name, parse(name).name);
      const sha256 = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      assert.equal(embedding.sha256, sha256);
      assert.deepEqual(embedding.vectors, [ramp(0), ramp(1)]);
    });
  }

  test('diffusers.bin: one vector, half precision', async () => {
    assert.deepEqual((await read(join(fixtures, 'embeddings/diffusers.bin'))).vectors, [ramp(1)]);
  });

  test('kohya.safetensors: emb_params, bfloat16, with notes', async () => {
    const { vectors } = await read(join(fixtures, 'embeddings/kohya.safetensors'));
    assert.equal(vectors.length, 2);
    const [first, second] = vectors;
    assert.ok(ramp(0).every((value, i) => Math.abs(value - (first?.[i] ?? Number.NaN)) <= value / 256));
    assert.ok(ramp(1).every((value, i) => Math.abs(value - (second?.[i] ?? Number.NaN)) <= value / 256));
  });

  for (const version of ['torch-1.13', 'torch-2.9']) {
    test(`${version}: a ParameterDict, as the original of textual inversion has it`, async () => {
      const { vectors } = await read(join(fixtures, 'checkpoints', version, 'textual-inversion.zip.ckpt'));
      assert.deepEqual(vectors, [Float32Array.from({ length: 768 }, (_, i) => i / 4)]);
    });
  }

  test('the old format of PyTorch', async (t) => {
    const file = encodeTorchLegacy(new Map([['*', floats([2, 3], [1, 2, 3, 4, 5, 6])]]), ['string_to_param']);
    const { vectors } = await read(await write(t, file));
    assert.deepEqual(vectors, [Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)]);
  });
});

const table = (count: number, width: number) => floats([count, width], new Array<number>(count * width).fill(0.5));
const safetensors = (tensors: Record<string, ReturnType<typeof floats>>) =>
  encodeSafetensors(new Map(Object.entries(tensors)));

describe('files that are no embedding of Stable Diffusion v1', () => {
  const refused: [name: string, file: Buffer, message: RegExp][] = [
    ['Stable Diffusion 2', safetensors({ emb_params: table(1, 1024) }), /an embedding of Stable Diffusion 2, not v1/],
    [
      'Stable Diffusion XL',
      safetensors({ clip_g: table(2, 1280), clip_l: table(2, 768) }),
      /an embedding of Stable Diffusion XL, not v1/,
    ],
    ['one half of an SDXL one', safetensors({ x: table(2, 1280) }), /an embedding of Stable Diffusion XL, not v1/],
    ['several tensors', safetensors({ a: table(1, 768), b: table(1, 768) }), /holds 2 tensors/],
    ['no tensor', safetensors({}), /holds 0 tensors/],
    ['more vectors than a chunk has places', safetensors({ a: table(76, 4) }), /holds 76 vectors.* 75 at once/],
    ['a scalar', safetensors({ a: floats([], [1]) }), /shape \[\]/],
    ['no vectors', safetensors({ a: floats([0, 768], []) }), /shape \[0,768\]/],
    ['vectors of no width', safetensors({ a: floats([3, 0], []) }), /shape \[3,0\]/],
    ['a convolution', safetensors({ a: floats([1, 1, 1, 2], [1, 2]) }), /shape \[1,1,1,2\]/],
    ['a huge file', Buffer.alloc((1 << 24) + 1), /too large for an embedding/],
  ];
  for (const [name, file, message] of refused) {
    test(name, async (t) => {
      await assert.rejects(read(await write(t, file)), corruptWith(message, 'invalid_input'));
    });
  }
});

describe('hostile and damaged files', () => {
  for (const format of ['zip', 'legacy']) {
    test(`a pickle that calls os.system, ${format} format`, async () => {
      const path = join(fixtures, 'checkpoints/torch-2.9', `os-system.${format}.ckpt`);
      await assert.rejects(read(path), corruptWith(/calls (?:posix|nt|os)\.system, which is refused/));
    });
  }

  test('a pickle that points beyond its storage', async (t) => {
    const short = { ...floats([2, 768], [1, 2, 3]) };
    await assert.rejects(read(await write(t, encodeTorchZip(new Map([['*', short]])))), corruptWith(/cannot be read/));
  });

  test('numbers that are none, and tensors that are no numbers', async (t) => {
    const notFinite = safetensors({ emb_params: floats([1, 3], [1, Number.NaN, 2]) });
    await assert.rejects(read(await write(t, notFinite)), corruptWith(/holds NaN at element 1/));
    const integers = { type: 'I64', shape: [1, 2], bytes: new Uint8Array(16) } as const;
    await assert.rejects(read(await write(t, safetensors({ emb_params: integers }))), corruptWith(/I64/));
  });

  for (const name of ['a1111.pt', 'kohya.safetensors']) {
    test(`${name}, cut short anywhere`, async (t) => {
      const whole = await readFile(join(fixtures, 'embeddings', name));
      for (let length = 0; length < whole.length; length += 97) {
        const path = await write(t, whole);
        await truncate(path, length);
        await assert.rejects(read(path), corruptWith(/^embedding\.pt cannot be read/), `${length} bytes`);
      }
    });
  }

  test('a folder, and no file at all', async (t) => {
    const folder = await temporaryFolder(t);
    await assert.rejects(read(folder), { code: 'invalid_input' });
    await assert.rejects(read(join(folder, 'none.pt')), {
      code: 'invalid_input',
      message: 'There is no file none.pt.',
    });
  });
});

async function write(t: TestContext, content: Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(t), 'embedding.pt');
  await writeFile(path, content);
  return path;
}
