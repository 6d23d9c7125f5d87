/**
 * Holds the full-size networks to what the original ones compute from the same random weights.
 *
 *     parity.ts [--target cpu|cuda] [--precision int8] [--bundle FOLDER] [SECTION…]
 *
 * Needs 4.9 GB of disk and about 5 GB of memory. The bundle is made in a temporary folder, or in FOLDER, where it is
 * kept and found again. `--target cuda` runs the graphs for CUDA, said in the CPU's operators: their wiring and their
 * weights, not their kernels. Exits with 1 when an error is above its limit.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { resolvePrecision } from '../../function/src/bundle/compile.ts';
import { componentNames, type Precision } from '../../function/src/bundle/manifest.ts';
import { type ParityRow, type Section, type SectionMessage, sections, timed } from './parity-section.ts';
import { ensureRandomBundle } from './random-bundle.ts';

const { values, positionals } = parseArgs({
  options: { bundle: { type: 'string' }, target: { type: 'string', default: 'cpu' }, precision: { type: 'string' } },
  allowPositionals: true,
});
const target = values.target === 'cuda' ? 'cuda' : 'cpu';
const precision = resolvePrecision(target, values.precision);
const available = availableSections(precision);
const chosen = available.filter((section) => positionals.length === 0 || positionals.includes(section));
const unknown = positionals.find((name) => !(available as readonly string[]).includes(name));
if (unknown !== undefined) {
  console.error(`No section ${unknown}: ${available.join(', ')}`);
  process.exit(2);
}

const temporary = values.bundle === undefined ? await mkdtemp(join(tmpdir(), 'safelight-full-size-')) : undefined;
try {
  const folder = resolve(values.bundle ?? join(temporary ?? '', 'bundle'));
  console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} threads, Node ${process.version}`);
  const { seconds } = await timed(() => ensureRandomBundle(folder, target, precision));
  console.log(`bundle ready after ${seconds.toFixed(1)} s\n`);
  printLine('case', 'shape', 'std', 'max abs', 'max rel', 'limit', 'seconds');
  const failures = [];
  for (const section of chosen) failures.push(...(await runSection(folder, section)));
  console.log(failures.length === 0 ? '\nall within their limits' : `\nabove the limit: ${failures.join(', ')}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
}

/** In int8 the other networks are those of fp32. */
function availableSections(of: Precision): readonly Section[] {
  if (of === 'int8') return ['unet'];
  return of === 'fp16' ? componentNames : sections;
}

/** @returns The cases above their limits; the section's own name when it ended early. */
async function runSection(folder: string, section: Section): Promise<string[]> {
  const failures: string[] = [];
  let isDone = false;
  const child = fork(join(import.meta.dirname, 'section-process.ts'), [folder, section]);
  child.on('message', (message: SectionMessage) => {
    if (message.kind === 'row') {
      printRow(message.row);
      // Written so that NaN fails too.
      if (!(message.row.maxRelativeError <= message.row.limit)) failures.push(message.row.name);
    } else if (message.kind === 'loaded') {
      console.log(`${section}: loaded in ${message.seconds.toFixed(2)} s`);
    } else {
      isDone = true;
      console.log(`${section}: peak RSS ${(message.peakRssBytes / 1e9).toFixed(2)} GB`);
    }
  });
  await new Promise((resolveExit) => child.once('exit', resolveExit));
  return isDone ? failures : [...failures, section];
}

function printRow({ name, dims, std, maxAbsoluteError, maxRelativeError, limit, seconds }: ParityRow): void {
  const absolute = maxAbsoluteError?.toExponential(1) ?? '';
  const relative = maxRelativeError.toExponential(1);
  printLine(name, dims.join('×'), std?.toFixed(3) ?? '', absolute, relative, `${limit}`, seconds.toFixed(2));
}

function printLine(name: string, ...cells: string[]): void {
  console.log(name.padEnd(26) + cells.map((cell) => cell.padStart(14)).join(''));
}
