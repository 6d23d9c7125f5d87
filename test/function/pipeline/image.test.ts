import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { encodeImage, toPixels } from '../../../function/src/pipeline/image/encode-image.ts';
import { formatParameters } from '../../../function/src/pipeline/image/parameters.ts';
import type { Tensor } from '../../../function/src/runtime/tensor.ts';
import { quickSettings } from '../../support/settings.ts';

const image: Tensor = { data: Float32Array.from({ length: 3 * 8 * 16 }, (_, i) => Math.sin(i)), dims: [1, 3, 8, 16] };
const sha256 = 'abcdef0123456789'.repeat(4);

describe('pixels', () => {
  test('are clamped and truncated, channel by channel', () => {
    const data = Float32Array.of(-2, -1, 0, 0.999, 1, 2);
    assert.deepEqual([...toPixels({ data, dims: [1, 3, 1, 2] }).data], [0, 127, 255, 0, 254, 255]);
  });
});

describe('the parameters text', () => {
  test('is what AUTOMATIC1111 writes', () => {
    const settings = quickSettings({
      promptSyntax: 'a1111',
      sampler: 'dpmpp_2m',
      schedule: 'karras',
      steps: 20,
      guidanceScale: 7.5,
      seed: 1,
      width: 512,
    });
    assert.equal(
      formatParameters(settings, { checkpointSha256: sha256 }),
      'a red apple\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 1, Size: 512x64, ' +
        'Model hash: abcdef0123, Model: mini, Version: Safelight',
    );
  });

  test('names the negative prompt, an unusual eta and the CPU generator', () => {
    const text = formatParameters(quickSettings({ negativePrompt: 'blur', eta: 0.5, rng: 'cpu' }), {
      checkpointSha256: sha256,
    });
    assert.match(text, /^a red apple\nNegative prompt: blur\nSteps: 4, /);
    assert.match(text, /, Eta DDIM: 0.5, RNG: CPU, /);
  });

  test('names the part of the run that is guided', () => {
    const text = formatParameters(quickSettings({ guidanceStart: 0.2, guidanceEnd: 0.8 }), {
      checkpointSha256: sha256,
    });
    assert.match(text, /, Skip Early CFG: 0.2, Guidance end: 0.8, /);
    assert.doesNotMatch(formatParameters(quickSettings(), { checkpointSha256: sha256 }), /CFG:|Guidance/);
  });

  test('names the interval of deep features', () => {
    const text = formatParameters(quickSettings({ deepCache: 2 }), { checkpointSha256: sha256 });
    assert.match(text, /, Deep cache: 2, /);
    assert.doesNotMatch(formatParameters(quickSettings(), { checkpointSha256: sha256 }), /cache/);
  });

  test('leaves out an eta that is the sampler’s own', () => {
    assert.doesNotMatch(
      formatParameters(quickSettings({ sampler: 'euler_a', schedule: 'normal', eta: 1 }), { checkpointSha256: sha256 }),
      /Eta/,
    );
  });
});

describe('files carry their parameters', () => {
  const latin = 'a café\nSteps: 20, Seed: 1';
  const anyScript = 'a café 🍎 سيب\nSteps: 20';

  test('PNG: Latin-1 in tEXt, anything else in iTXt, and the picture stays whole', async () => {
    for (const text of [latin, anyScript]) {
      const png = await encodeImage(toPixels(image), 'png', { parameters: text, source: 'trainedAlgorithmicMedia' });
      assert.equal(readPngText(png, 'parameters'), text);
      const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual([info.width, info.height, info.channels], [16, 8, 3]);
      assert.deepEqual([...data], [...toPixels(image).data]);
    }
  });

  for (const format of ['jpeg', 'webp'] as const) {
    test(`${format}: EXIF user comment in any script, and the picture still opens`, async () => {
      for (const text of [latin, anyScript, '']) {
        const file = await encodeImage(toPixels(image), format, {
          parameters: text,
          source: 'trainedAlgorithmicMedia',
        });
        const { exif, width, height } = await sharp(file, { failOn: 'warning' }).metadata();
        assert.deepEqual([width, height], [16, 8]);
        assert.equal(readUserComment(exif as Buffer), text);
        await sharp(file, { failOn: 'warning' }).raw().toBuffer();
      }
    });
  }
});

describe('files say that a machine made them, for readers of XMP', () => {
  const sources = ['trainedAlgorithmicMedia', 'compositeWithTrainedAlgorithmicMedia'] as const;

  for (const format of ['png', 'jpeg', 'webp'] as const) {
    test(`${format}: IPTC's digital source type, beside the parameters`, async () => {
      for (const source of sources) {
        const file = await encodeImage(toPixels(image), format, { parameters: 'a 🍎', source });
        const { xmp, exif } = await sharp(file, { failOn: 'warning' }).metadata();
        const property = `Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/${source}"`;
        assert.ok(xmp?.toString().includes(property), xmp?.toString());
        // Where the standards put it, found without the library that wrote it.
        if (format === 'png') assert.ok(readPngText(file, 'XML:com.adobe.xmp')?.includes(property));
        else assert.equal(readUserComment(exif as Buffer), 'a 🍎');
        const marker = { png: 'iTXt', jpeg: 'http://ns.adobe.com/xap/1.0/\0', webp: 'XMP ' }[format];
        assert.ok(Buffer.from(file).includes(marker));
      }
    });
  }
});

/** Reads a text chunk as the PNG specification says, checksums included, independently of the writer. */
function readPngText(png: Uint8Array, keyword: string): string | undefined {
  const file = Buffer.from(png);
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const body = file.subarray(at + 8, at + 8 + length);
    assert.equal(
      file.readUInt32BE(at + 8 + length),
      crc(file.subarray(at + 4, at + 8 + length)),
      `checksum of ${type}`,
    );
    const end = body.indexOf(0);
    if (type === 'tEXt' && body.toString('latin1', 0, end) === keyword) return body.toString('latin1', end + 1);
    if (type === 'iTXt' && body.toString('latin1', 0, end) === keyword) {
      const translated = body.indexOf(0, body.indexOf(0, end + 3) + 1);
      const text = body.subarray(translated + 1);
      return (body[end + 1] === 1 ? inflateSync(text) : text).toString('utf8');
    }
    at += 12 + length;
  }
  return undefined;
}

/** CRC-32 bit by bit (PNG specification, annex D). */
function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

/** Follows IFD0 to the Exif directory to the user comment. */
function readUserComment(block: Buffer): string {
  const tiff = block.toString('latin1', 0, 4) === 'Exif' ? block.subarray(6) : block;
  assert.equal(tiff.toString('latin1', 0, 2), 'MM');
  const find = (directory: number, tag: number) => {
    for (let i = 0; i < tiff.readUInt16BE(directory); i += 1) {
      const entry = directory + 2 + 12 * i;
      if (tiff.readUInt16BE(entry) === tag)
        return { count: tiff.readUInt32BE(entry + 4), value: tiff.readUInt32BE(entry + 8) };
    }
    throw new Error(`no tag ${tag}`);
  };
  const { count, value } = find(find(tiff.readUInt32BE(4), 0x8769).value, 0x9286);
  const comment = Buffer.from(tiff.subarray(value, value + count));
  assert.equal(comment.toString('latin1', 0, 8), 'UNICODE\0');
  return comment.subarray(8).swap16().toString('utf16le');
}
