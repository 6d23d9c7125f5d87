/** OpenAI's own client, pointed at a Safelight server: pictures made from pictures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toFile } from 'openai';
import sharp from 'sharp';
import { insertPngText } from '../../../../function/src/pipeline/image/png-text.ts';
import { failureOf, open } from './openai-fixture.ts';

const square = (width: number, height: number, alpha: (x: number, y: number) => number = () => 1) => {
  const pixels = Buffer.alloc(width * height * 4, 128);
  for (let i = 0; i < width * height; i++) pixels[i * 4 + 3] = 255 * alpha(i % width, Math.floor(i / width));
  return sharp(pixels, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();
};

const file = async (data: Uint8Array, name = 'picture.png') => await toFile(data, name, { type: 'image/png' });

describe('images.edit', () => {
  /** The mask that a job was drawn with, a byte a pixel. */
  const maskOf = async (opened: Awaited<ReturnType<typeof open>>) => {
    const [drawn] = opened.drawn;
    const mask = `${opened.folder.path}/objects/${drawn?.mask}`;
    return await sharp(mask).greyscale().raw().toBuffer({ resolveWithObject: true });
  };

  test('draws the transparent places of the mask', async () => {
    await using opened = await open();
    const image = await file(await square(96, 64));
    const mask = await file(await square(96, 64, (x) => (x < 48 ? 0 : 1)), 'mask.png');
    const { data } = await opened.openai.images.edit({
      image,
      mask,
      prompt: 'a blue heart',
      n: 2,
      response_format: 'b64_json',
      ...{ steps: 3 },
    });
    assert.equal(data?.length, 2);
    const [drawn] = opened.drawn;
    assert.deepEqual([drawn?.strength, drawn?.count, drawn?.steps, drawn?.prompt], [1, 2, 3, 'a blue heart']);
    // As many pixels as the model's own 64x64, in the picture's shape; not below the model's smallest side.
    assert.deepEqual([drawn?.width, drawn?.height], [80, 64]);
    const { data: pixels, info } = await maskOf(opened);
    assert.deepEqual([info.width, info.height], [96, 64]);
    assert.deepEqual([pixels[0], pixels[47], pixels[48], pixels[95]], [255, 255, 0, 0]);
  });

  test('draws the transparent places of the picture where there is no mask', async () => {
    await using opened = await open();
    await opened.openai.images.edit({
      image: await file(await square(64, 64, (_, y) => (y < 32 ? 1 : 0))),
      prompt: 'a sea',
    });
    const { data: pixels } = await maskOf(opened);
    assert.deepEqual([pixels[0], pixels.at(-1)], [0, 255]);
  });

  test('changes the whole of an opaque picture', async () => {
    await using opened = await open();
    await opened.openai.images.edit({ image: await file(await square(64, 64)), prompt: 'a sea', size: '256x256' });
    const [drawn] = opened.drawn;
    assert.deepEqual([drawn?.mask, drawn?.strength, drawn?.width], [undefined, 0.75, 256]);
    assert.match(drawn?.initImage ?? '', /^uploads\/local\/[0-9a-f]{64}\.png$/);
  });

  test('reads the opacity of 16-bit pictures', async () => {
    await using opened = await open();
    const sixteen = await sharp(await square(64, 64, (x) => (x < 32 ? 0 : 1)))
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    assert.equal((await sharp(sixteen).metadata()).depth, 'ushort');
    await opened.openai.images.edit({ image: await file(sixteen), prompt: 'a sea' });
    const { data: pixels } = await maskOf(opened);
    assert.deepEqual([pixels[0], pixels[63]], [255, 0]);
  });

  test('refuses hostile and wrong pictures, naming the parameter', async () => {
    await using opened = await open();
    const good = await square(64, 64);
    const cases: [Record<string, unknown>, string][] = [
      [{ image: await file(Buffer.from('<svg/>')) }, 'image'],
      [{ image: await file(good.subarray(0, 60)) }, 'image'],
      [{ image: [await file(good), await file(good)] }, 'image'],
      [{ image: await file(good), mask: await file(good) }, 'mask'],
      [{ image: await file(good), mask: await file(await square(32, 64, () => 0)) }, 'mask'],
      [{ image: await file(Buffer.concat([good, Buffer.alloc(21 * 2 ** 20)])) }, 'image'],
    ];
    for (const [fields, param] of cases) {
      const failure = await failureOf(opened.openai.images.edit({ prompt: 'a sea', ...fields } as never));
      assert.deepEqual([failure.status, failure.param], [400, param], failure.message);
    }
    const form = async (body: string, type: string) => {
      const answer = await fetch(`${opened.server.url}/v1/images/edits`, {
        method: 'POST',
        body,
        headers: { 'content-type': type },
      });
      return [answer.status, ((await answer.json()) as { error: { message: string } }).error.message] as const;
    };
    assert.match((await form('--x\r\nbroken', 'multipart/form-data; boundary=x')).join(), /400,The form is damaged/);
    assert.match((await form('', 'multipart/form-data')).join(), /400,The form is damaged/);
    assert.match((await form('{}', 'application/json')).join(), /400,Send a form/);
    assert.match((await form('--x--\r\n', 'multipart/form-data; boundary=x')).join(), /400,.*image is missing/);
    assert.equal(opened.drawn.length, 0);
  });
});

test('images.createVariation follows what the picture says of itself, or else nothing but the picture', async () => {
  await using opened = await open();
  const bare = await square(64, 64);
  await opened.openai.images.createVariation({ image: await file(bare), n: 2 });
  const told = await sharp(bare).withExif({}).png().toBuffer();
  const text = 'a red apple\nNegative prompt: blur\nSteps: 20, Sampler: Euler, Seed: 1';
  await opened.openai.images.createVariation({ image: await file(insertPngText(told, 'parameters', text)) });
  const [unguided, guided] = opened.drawn;
  assert.deepEqual([unguided?.prompt, unguided?.guidanceScale, unguided?.strength, unguided?.count], ['', 1, 0.6, 2]);
  assert.deepEqual([guided?.prompt, guided?.negativePrompt, guided?.guidanceScale], ['a red apple', 'blur', 7.5]);
});
