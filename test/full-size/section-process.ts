/** One section of the parity test: `section-process.ts BUNDLE SECTION`, started by `parity.ts`, which it reports to. */
import { compareBatches, compareSharedLatents } from './batch-parity.ts';
import { compareNetwork } from './network-parity.ts';
import type { SectionMessage } from './parity-section.ts';
import { compareTrajectories } from './trajectory-parity.ts';

const [folder = '', section] = process.argv.slice(2);
const report = (message: SectionMessage) => process.send?.(message);

switch (section) {
  case 'text_encoder':
  case 'unet':
  case 'vae_decoder':
  case 'vae_encoder':
    await compareNetwork(folder, section, report);
    break;
  case 'trajectory':
    await compareTrajectories(folder, report);
    break;
  case 'batches':
    await compareBatches(folder, report);
    await compareSharedLatents(folder, report);
    break;
  default:
    throw new Error(`No section ${section}`);
}
report({ kind: 'done', peakRssBytes: process.resourceUsage().maxRSS * 1024 });
process.disconnect();
