import type { GenerateSettings } from '@safelight/sdk/contract';
import { samplers } from '../schedulers/index.ts';

const scheduleLabels = { ddim_uniform: 'DDIM', normal: 'Normal', karras: 'Karras' } as const;

/**
 * The settings of one picture in AUTOMATIC1111's `parameters` text, which other tools read back: the prompt, the negative
 * prompt, then one line of `Name: value` pairs.
 * @param checkpointSha256 Its first ten digits name the model.
 */
export function formatParameters(settings: GenerateSettings, checkpointSha256: string): string {
  const { width, height, schedule } = settings;
  const sampler = samplers[settings.sampler];
  const pairs: [string, string | number][] = [
    ['Steps', settings.steps],
    ['Sampler', sampler.label],
    ['Schedule type', scheduleLabels[schedule]],
    ['CFG scale', settings.guidanceScale],
    ['Seed', settings.seed],
    ['Size', `${width}x${height}`],
    ['Model hash', checkpointSha256.slice(0, 10)],
    ['Model', settings.model],
  ];
  if (settings.eta !== sampler.defaultEta) pairs.push([sampler.name === 'ddim' ? 'Eta DDIM' : 'Eta', settings.eta]);
  // A missing RNG means GPU.
  if (settings.rng === 'cpu') pairs.push(['RNG', 'CPU']);
  pairs.push(['Version', 'Safelight']);

  const lines = [settings.prompt];
  if (settings.negativePrompt !== '') lines.push(`Negative prompt: ${settings.negativePrompt}`);
  lines.push(pairs.map(([name, value]) => `${name}: ${quote(String(value))}`).join(', '));
  return lines.join('\n');
}

/** A value with a separator in it is written as JSON. */
function quote(value: string): string {
  return /[,:\n]/.test(value) ? JSON.stringify(value) : value;
}
