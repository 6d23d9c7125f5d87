import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { fillMasked } from '../../../function/src/pipeline/start/fill.ts';
import { interpolate } from '../../../function/src/pipeline/start/hires.ts';
import { areaAround, blurMask, toLatentMask } from '../../../function/src/pipeline/start/mask.ts';
import type { Pixels } from '../../../function/src/pipeline/start/pixels.ts';
import { openPicture, unpack } from '../../../function/src/pipeline/start/read-picture.ts';
import { resizeTo } from '../../../function/src/pipeline/start/resize.ts';
import goldens from '../../fixtures/start/start.json' with { type: 'json' };

const numbers = <Count extends number>(values: readonly number[]) => values as unknown as number[] & { length: Count };
const blackMask = (width: number, height: number): Pixels => ({
  data: new Uint8Array(width * height),
  width,
  height,
  channels: 1,
});

function boxMask([width = 0, height = 0]: number[], [x1 = 0, y1 = 0, x2 = 0, y2 = 0]: number[]): Pixels {
  const mask = blackMask(width, height);
  for (let y = y1; y < y2; y += 1) mask.data.fill(255, y * width + x1, y * width + x2);
  return mask;
}

describe('the area around a mask is that of AUTOMATIC1111', () => {
  for (const { size, box, padding, shape, area } of goldens.areas) {
    test(`${box} in ${size}, padding ${padding}, for ${shape}`, () => {
      const [width = 0, height = 0] = numbers<2>(shape);
      const found = areaAround(boxMask(size, box), padding, { width, height });
      assert.deepEqual([found?.left, found?.top, found?.width, found?.height], area);
    });
  }

  test('there is none around nothing', () => {
    assert.equal(areaAround(blackMask(8, 8), 4, { width: 8, height: 8 }), undefined);
  });
});

describe('masks', () => {
  test('blur is a Gaussian of unit sum that mirrors at the border', () => {
    const mask = boxMask([41, 41], [20, 20, 21, 21]);
    const { data } = blurMask(mask, 2);
    const density = (x: number, y: number) => (255 * Math.exp(-(x ** 2 + y ** 2) / 8)) / (8 * Math.PI);
    for (const [x, y] of [
      [0, 0],
      [1, 0],
      [2, 1],
      [3, 3],
    ] as const) {
      // Rounded once across and once down.
      assert.ok(Math.abs((data[(20 + y) * 41 + 20 + x] ?? Number.NaN) - density(x, y)) < 1.2, `at ${x}, ${y}`);
    }
    assert.ok(blurMask(boxMask([9, 7], [0, 0, 9, 7]), 4).data.every((value) => value === 255));
    assert.equal(blurMask(mask, 0), mask);
  });

  test('become the latents’ mask as AUTOMATIC1111 makes it, channel by channel', async () => {
    const mask = blackMask(64, 64);
    for (let i = 0; i < mask.data.length; i += 1) {
      if (((i % 64) - 30) ** 2 + (Math.floor(i / 64) - 34) ** 2 < 400) mask.data[i] = 255;
    }
    const latentMask = await toLatentMask(mask, { width: 8, height: 8 }, 2);
    assert.deepEqual([...latentMask], [...goldens.latentMask, ...goldens.latentMask]);
  });

  test('fill takes colours from around, close to AUTOMATIC1111’s', async () => {
    const picture: Pixels = { data: Uint8Array.from(goldens.fill.picture), width: 48, height: 48, channels: 3 };
    const { data } = await fillMasked(picture, boxMask([48, 48], [16, 16, 32, 32]));
    const errors = goldens.fill.filled.map((value, i) => Math.abs(value - (data[i] ?? Number.NaN)));
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    assert.ok(mean < 4, `off by ${mean} on average`);
  });
});

describe('enlarged latents are those of torch', () => {
  for (const { width, height, latents } of goldens.interpolate.results) {
    test(`3 by 5 to ${width} by ${height}`, () => {
      const own = { data: Float32Array.from(goldens.interpolate.latents), dims: [1, 2, 5, 3] };
      const { data, dims } = interpolate(own, width, height);
      assert.deepEqual(dims, [1, 2, height, width]);
      const error = Math.max(...latents.map((value, i) => Math.abs(value - (data[i] ?? Number.NaN))));
      assert.ok(error < 1e-6, `off by ${error}`);
    });
  }
});

const stripes = async (format: 'png' | 'jpeg' | 'webp') => {
  const data = Uint8Array.from({ length: 40 * 20 * 3 }, (_, i) => (Math.floor(i / 3) % 40 < 20 ? 255 : 0));
  return sharp(data, { raw: { width: 40, height: 20, channels: 3 } })
    .toFormat(format, { quality: 100 })
    .toBuffer();
};

describe('pictures that callers send', () => {
  for (const format of ['png', 'jpeg', 'webp'] as const) {
    test(`${format} is read as it stands`, async () => {
      const picture = await openPicture(await stripes(format), 'initImage');
      assert.deepEqual([picture.width, picture.height], [40, 20]);
      const pixels = await unpack(picture.color(), 'initImage');
      assert.equal(pixels.channels, 3);
      assert.ok((pixels.data[0] ?? 0) > 250 && (pixels.data[39 * 3] ?? 255) < 5);
      assert.equal((await unpack(picture.mask(), 'mask')).channels, 1);
    });
  }

  test('are turned the right way up, and stand on white where they are transparent', async () => {
    const turned = await sharp(await stripes('jpeg'))
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const picture = await openPicture(turned, 'initImage');
    assert.deepEqual([picture.width, picture.height], [20, 40]);
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: '#ff000000' } })
      .png()
      .toBuffer();
    const seen = await openPicture(clear, 'initImage');
    assert.deepEqual([...(await unpack(seen.color(), 'initImage')).data.subarray(0, 3)], [255, 255, 255]);
    assert.equal((await unpack(seen.mask(), 'mask')).data[0], 0);
  });

  test('get the size asked for in every mode', async () => {
    const size = { width: 32, height: 32 };
    const picture = await openPicture(await stripes('png'), 'initImage');
    for (const mode of ['stretch', 'crop', 'extend'] as const) {
      const { data, width, height } = await unpack(resizeTo(picture.color(), picture, size, mode), 'initImage');
      assert.deepEqual([width, height], [32, 32], mode);
      // White on the left, black on the right, from top to bottom.
      for (const y of [0, 31]) {
        assert.ok((data[(y * 32 + 2) * 3] ?? 0) > 200 && (data[(y * 32 + 29) * 3] ?? 255) < 60, `${mode}, row ${y}`);
      }
    }
  });

  const png = (width: number, height: number) => {
    const chunk = (type: string, body: Buffer) => {
      const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
      const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
      length.writeUInt32BE(body.length);
      checksum.writeUInt32BE(crc32(typed));
      return Buffer.concat([length, typed, checksum]);
    };
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 2], 8);
    const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const body = chunk('IDAT', deflateSync(Buffer.alloc(10)));
    return Buffer.concat([signature, chunk('IHDR', header), body, chunk('IEND', Buffer.alloc(0))]);
  };
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>';
  const refused: [string, () => Promise<Uint8Array> | Uint8Array][] = [
    ['nothing', () => new Uint8Array()],
    ['a text', () => Buffer.from('hello')],
    ['an SVG', () => Buffer.from(svg)],
    [
      'a GIF',
      () =>
        sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
          .gif()
          .toBuffer(),
    ],
    ['a picture that unpacks to gigabytes', () => png(30_000, 30_000)],
    ['a header without a picture', () => png(64, 64)],
    ['half a file', () => stripes('png').then((file) => file.subarray(0, file.length / 2))],
    ['a signature alone', () => Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)],
  ];
  for (const [what, make] of refused) {
    test(`${what} is refused, naming the field`, async () => {
      const file = await make();
      const reading = openPicture(file, 'mask').then((picture) => unpack(picture.mask(), 'mask'));
      await assert.rejects(reading, { code: 'invalid_input', field: 'mask' });
    });
  }
});
