import assert from 'node:assert/strict';
import { open as openFileHandle, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { openCheckpoint } from '../../../function/src/checkpoint/open-checkpoint.ts';
import { openFile, readFile } from '../../../function/src/checkpoint/open-file.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import {
  encodeSafetensors,
  encodeTorchLegacy,
  encodeTorchZip,
  encodeZip,
  floats,
  integer,
  named,
  pickle,
  tensorPickle,
  text,
} from './checkpoint-writer.ts';
import { corruptWith } from './corrupt-with.ts';
import { writeDiffusersFolder } from './diffusers-writer.ts';
import { memoryBytes } from './memory-bytes.ts';

const open = (bytes: Uint8Array) => readFile(memoryBytes(bytes));
const weight = floats([2, 3], [0, 1, 2, 3, 4, 5]);
const tensors = new Map([
  ['weight', weight],
  ['bias', floats([3], [6, 7, 8])],
]);

/** A checkpoint whose pickle is this, with a storage of six floats. */
const withPickle = (...parts: (string | Buffer)[]) =>
  encodeZip([
    ['archive/data.pkl', pickle(...parts)],
    ['archive/data/0', weight.bytes],
  ]);

describe('a file cut at every tenth of its length is refused', () => {
  const formats: [string, Buffer][] = [
    ['safetensors', encodeSafetensors(tensors)],
    ['zip', encodeTorchZip(tensors)],
    ['legacy', encodeTorchLegacy(tensors)],
  ];
  for (const [name, whole] of formats) {
    for (let tenth = 0; tenth < 10; tenth += 1) {
      test(`${name}, ${tenth} tenths`, async () => {
        await assert.rejects(
          open(whole.subarray(0, Math.floor((whole.length * tenth) / 10))),
          corruptWith(/model\.ckpt/),
        );
      });
    }
  }
});

describe('a pickle can do nothing', () => {
  const doomed: [string, (string | Buffer)[], RegExp][] = [
    ['calls os.system', [named('os', 'system'), '(', text('true'), 'tR'], /calls os\.system, which is refused/],
    ['calls eval', [named('__builtin__', 'eval'), '(', text('1'), 'tR'], /calls __builtin__\.eval/],
    ['names its function on the stack', [text('os'), text('system'), '\x93)R'], /calls os\.system/],
    ['makes an object', [named('subprocess', 'Popen'), ')\x81'], /calls subprocess\.Popen/],
    ['makes an object of an old class', ['(ios\nsystem\n'], /calls os\.system/],
    ['makes one from the stack', ['(', named('os', 'system'), text('true'), 'o'], /calls os\.system/],
    ['gives state to a class', [named('os', 'environ'), '}b'], /calls os\.environ/],
    ['hides the name behind a terminal sequence', [named('os', '\x1b[2Jx'), ')R'], /calls os\.\u{fffd}\[2Jx/u],
    ['uses an extension', ['\x82\x01'], /unknown instruction 0x82/],
    ['calls what it built', ['})R'], /calls what is no function/],
    ['appends to a tensor', [tensorPickle('0', weight), 'Na'], /appends to what is no list/],
    ['recalls what it never held', ['h\x07'], /never held/],
    ['takes from an empty stack', ['0'], /empty stack/],
    ['ends early', ['X\xff\xff\xff\x7f'], /cut short/],
    ['has a string that is not UTF-8', ['X\x01\0\0\0\xff'], /not UTF-8/],
    ['has a storage of its own making', ['(', text('storage'), text('os'), text('0'), 'tQ'], /malformed storage/],
    ['encodes with another codec', [named('_codecs', 'encode'), '(', text('x'), text('zip'), 'tR'], /malformed bytes/],
  ];
  for (const [name, parts, message] of doomed) {
    test(name, async () => {
      await assert.rejects(open(withPickle(...parts)), corruptWith(message));
    });
  }

  test('a class that is only named, as Lightning does, is left alone', async () => {
    const file = await open(withPickle('}(', named('os', 'system'), 'N', text('w'), tensorPickle('0', weight), 'u'));
    assert.deepEqual([...file.tensors.keys()], ['w']);
  });

  for (const [name, loop] of [
    // Each instruction doubles what it refers to, or copies all there is once more.
    ['nested lists without end', ']'.repeat(2_000_000)],
    [
      'dictionaries copied over and over',
      `](${'K\x01K\x02\x86'.repeat(30_000)}e${'q\0'}${`${named('collections', 'OrderedDict')}h\0\x85R0`.repeat(1000)}`,
    ],
  ] as const) {
    test(`work is limited: ${name}`, async () => {
      await assert.rejects(open(withPickle(loop, '.')), corruptWith(/absurdly long/));
    });
  }
});

describe('tensors that lie about their place', () => {
  const stateDict = (tensor: Buffer) => withPickle('}(', text('w'), tensor, 'u');
  const cases: [string, Buffer, RegExp][] = [
    ['an offset beyond the storage', tensorPickle('0', weight, 1), /tensor w reaches beyond its storage/],
    ['a shape beyond the storage', tensorPickle('0', { ...weight, shape: [3, 3] }), /tensor w reaches beyond/],
    ['a storage that is not there', tensorPickle('7', weight), /tensor w refers to a storage that is not in the file/],
    ['a storage of another size', tensorPickle('0', { ...weight, bytes: new Uint8Array(28) }), /not in the file/],
    ['a negative size', tensorPickle('0', { ...weight, shape: [-2, -3] }), /malformed tensor/],
    ['a shape that overflows', tensorPickle('0', { ...weight, shape: [2 ** 30, 2 ** 30] }), /absurdly large/],
    ['a storage of no known type', tensorPickle('0', { ...weight, type: 'U8' }), /unknown type torch\.none/],
  ];
  for (const [name, tensor, message] of cases) {
    test(name, async () => {
      await assert.rejects(open(stateDict(tensor)), corruptWith(message));
    });
  }

  test('two accounts of one storage', async () => {
    const half = { ...weight, type: 'F16' as const, shape: [12] };
    const both = ['}(', text('w'), tensorPickle('0', weight), text('v'), tensorPickle('0', half), 'u'];
    await assert.rejects(open(withPickle(...both)), corruptWith(/storage 0 in two ways/));
  });
});

describe('a zip made to deceive', () => {
  const whole = encodeTorchZip(tensors, []);
  const directory = whole.readUInt32LE(whole.length - 6);
  /** The zip with one field of its first directory entry changed. */
  const changed = (change: (entry: Buffer) => void) => {
    const copy = Buffer.from(whole);
    change(copy.subarray(directory));
    return copy;
  };
  const cases: [string, Buffer, RegExp][] = [
    ['a compressed entry', changed((entry) => entry.writeUInt16LE(8, 10)), /data\.pkl is compressed.*zip bomb/],
    ['an encrypted entry', changed((entry) => entry.writeUInt16LE(1, 8)), /is encrypted/],
    ['an entry of two sizes', changed((entry) => entry.writeUInt32LE(1, 20)), /has two sizes/],
    ['an entry that is elsewhere', changed((entry) => entry.writeUInt32LE(5, 42)), /is not where|overlaps/],
    ['overlapping entries', overlapping(), /overlaps what follows it/],
    ['a name that climbs', encodeZip([['archive/../../x', weight.bytes]]), /name that leads elsewhere/],
    ['an absolute name', encodeZip([['/etc/passwd', weight.bytes]]), /name that leads elsewhere/],
    [
      'two entries of a name',
      encodeZip([
        ['a/b', weight.bytes],
        ['a/b', weight.bytes],
      ]),
      /two entries named a\/b/,
    ],
    ['a zip of something else', encodeZip([['word/document.xml', weight.bytes]]), /none that PyTorch saved/],
    [
      'big-endian numbers',
      encodeZip([
        ['a/data.pkl', pickle('}')],
        ['a/byteorder', Buffer.from('big')],
      ]),
      /little-endian/,
    ],
    ['bytes after its end', Buffer.concat([whole, Buffer.alloc(3)]), /no zip directory at its end/],
  ];
  for (const [name, bytes, message] of cases) {
    test(name, async () => {
      await assert.rejects(open(bytes), corruptWith(message));
    });
  }

  test('a zip bomb is not unpacked', async () => {
    const bomb = deflateRawSync(Buffer.alloc(1 << 24));
    const bytes = encodeZip([['archive/data.pkl', bomb]]);
    const entry = bytes.subarray(bytes.readUInt32LE(bytes.length - 6));
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(1 << 24, 24);
    await assert.rejects(open(bytes), corruptWith(/compressed, which no checkpoint is: it may be a zip bomb/));
  });

  function overlapping(): Buffer {
    const bytes = encodeZip([
      ['a/data.pkl', Buffer.alloc(64)],
      ['a/data/0', Buffer.alloc(64)],
    ]);
    const entry = bytes.subarray(bytes.readUInt32LE(bytes.length - 6));
    entry.writeUInt32LE(100, 20);
    entry.writeUInt32LE(100, 24);
    return bytes;
  }
});

test('a zip beyond 4 GB is read by its 64-bit fields', async (t) => {
  const hole = 2 ** 32 + 64;
  const path = join(await temporaryFolder(t), 'large.ckpt');
  const file = await openFileHandle(path, 'w');
  const model = pickle('}(', text('w'), tensorPickle('0', weight), 'u');
  const directory: Buffer[] = [];
  let position = 0;
  for (const [name, size, bytes] of [
    ['archive/hole', hole, Buffer.alloc(0)],
    ['archive/data.pkl', model.length, model],
    ['archive/data/0', weight.bytes.length, weight.bytes],
  ] as const) {
    // As in any zip, then with sizes and position moved to a zip64 field.
    const small = encodeZip([[name, Buffer.alloc(0)]]);
    const entry = Buffer.from(small.subarray(small.readUInt32LE(small.length - 6), small.length - 22));
    for (const field of [20, 24, 42]) entry.writeUInt32LE(0xffffffff, field);
    entry.writeUInt16LE(28, 30);
    const wide = Buffer.from([1, 0, 24, 0, ...[size, size, position].flatMap((value) => [...uint64(value)])]);
    directory.push(entry, wide);
    await file.write(small, 0, 30 + name.length, position);
    position += 30 + name.length;
    await file.write(bytes, 0, bytes.length, position);
    position += size;
  }
  const listing = Buffer.concat(directory);
  const end64 = Buffer.alloc(56);
  end64.write('PK\x06\x06');
  end64[4] = 44;
  for (const [offset, value] of [
    [24, 3],
    [32, 3],
    [40, listing.length],
    [48, position],
  ] as const) {
    uint64(value).copy(end64, offset);
  }
  const locator = Buffer.concat([
    Buffer.from('PK\x06\x07\0\0\0\0'),
    uint64(position + listing.length),
    Buffer.from('\x01\0\0\0'),
  ]);
  const end = Buffer.concat([Buffer.from('PK\x05\x06\0\0\0\0'), Buffer.alloc(12, 0xff), Buffer.alloc(2)]);
  await file.write(Buffer.concat([listing, end64, locator, end]), 0, null, position);
  await file.close();

  const checkpoint = await openFile(path);
  assert.deepEqual([...(await checkpoint.readFloat32('w'))], [0, 1, 2, 3, 4, 5]);
  await checkpoint.close();
});

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

describe('a file of the old format made to deceive', () => {
  const whole = encodeTorchLegacy(tensors, []);
  test('a storage of another length than announced', async () => {
    const bytes = Buffer.from(whole);
    bytes.writeBigInt64LE(5n, bytes.length - 12 - 8);
    await assert.rejects(open(bytes), corruptWith(/storage 1 has 5 elements where 3 were announced/));
  });

  test('bytes after its end', async () => {
    await assert.rejects(open(Buffer.concat([whole, Buffer.alloc(1)])), corruptWith(/cut short or is not whole/));
  });

  test('a pickle of something else', async () => {
    await assert.rejects(open(pickle('}')), corruptWith(/none that PyTorch saved/));
  });

  test('big-endian numbers', async () => {
    const bytes = Buffer.from(whole);
    const flag = bytes.indexOf('little_endian') + 'little_endian'.length;
    bytes[flag] = 0x89;
    await assert.rejects(open(bytes), corruptWith(/not little-endian/));
  });

  test('a number without end', async () => {
    await assert.rejects(open(pickle('\x8b', integer(2_000_000))), corruptWith(/absurdly long number/));
  });
});

describe('shards that lead elsewhere', () => {
  for (const [name, index, message] of [
    ['out of the folder', { weight_map: { w: '../secret.safetensors' } }, /names the file \.\.\/secret/],
    ['to a file that lacks the tensor', { weight_map: { other: 'a.safetensors' } }, /a\.safetensors.*no tensor other/],
    ['nowhere', { weight_map: {} }, /names 0 files/],
    ['to no map at all', [], /no index of shards/],
  ] as const) {
    test(name, async (t) => {
      const folder = await temporaryFolder(t);
      await writeFile(join(folder, 'a.safetensors'), encodeSafetensors(tensors));
      await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
      await assert.rejects(openCheckpoint(folder), corruptWith(message));
    });
  }
});

test('a diffusers folder without weights is refused, and so is one of SDXL', async (t) => {
  const folder = join(await temporaryFolder(t), 'model');
  await writeDiffusersFolder(folder, new Map(), { layers: 1, vaeLevels: 4 }, { write: async () => {} });
  await assert.rejects(openCheckpoint(folder), corruptWith(/text_encoder has no weights/, 'invalid_input'));
  await writeFile(join(folder, 'text_encoder_2'), '');
  await assert.rejects(openCheckpoint(folder), corruptWith(/Stable Diffusion XL/, 'invalid_input'));
});
