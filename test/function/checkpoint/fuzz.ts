/**
 * Reads mutated checkpoints and says how it went: `node --import tsx test/function/checkpoint/fuzz.ts [files] [seed]`,
 * with `--conditions=@safelight/source`. Fails on anything but a result or a reason, on a second spent on one file, and
 * on 300 MB of memory.
 */
import { fuzzFiles } from './fuzz-files.ts';

const [files = '100000', seed = '1'] = process.argv.slice(2);
const start = performance.now();
const report = await fuzzFiles(Number(files), Number(seed));
const seconds = (performance.now() - start) / 1000;
const peakMegabytes = process.resourceUsage().maxRSS / 1024;
console.log(
  `${report.files} files in ${seconds.toFixed(1)} s: ${report.opened} opened, ${report.refused} refused; ` +
    `slowest ${report.slowestMs.toFixed(0)} ms, peak memory ${peakMegabytes.toFixed(0)} MB`,
);
if (report.slowestMs > 1000 || peakMegabytes > 300) process.exitCode = 1;
