import type { GenerateSettings, ScheduleName } from '@safelight/sdk/contract';
import { OWN_PAIR } from '@safelight/sdk/metadata';
import type { DiffusionModel } from '../diffusion-model.ts';
import type { Embedding } from '../prompt/embeddings.ts';
import { loraTag, settingsLoras } from '../prompt/networks.ts';
import { samplers } from '../schedulers/index.ts';
import { unsaidSettings } from './unsaid-settings.ts';

/** AUTOMATIC1111's names. */
export const scheduleLabels: Readonly<Record<ScheduleName, string>> = {
  normal: 'Normal',
  karras: 'Karras',
  exponential: 'Exponential',
  sgm_uniform: 'SGM Uniform',
  simple: 'Simple',
  ddim_uniform: 'DDIM',
  beta: 'Beta',
  align_your_steps: 'Align Your Steps',
};
/** Of settings that stand there where they are not the customary ones. AUTOMATIC1111 has no end of guidance and no cache. */
const plainLabels = {
  guidanceStart: 'Skip Early CFG',
  guidanceEnd: 'Guidance end',
  deepCache: 'Deep cache',
  sChurn: 'Sigma churn',
  sTmin: 'Sigma tmin',
  sTmax: 'Sigma tmax',
  sNoise: 'Sigma noise',
} as const;

/**
 * The settings of one picture in AUTOMATIC1111's `parameters` text, which other tools read back: the prompt, the negative
 * prompt, then one line of `Name: value` pairs.
 * @param model The first ten digits of its checkpoint's checksum name it, the first twelve of a LoRA's the LoRA.
 * @param embeddings Those that the prompts name: twelve digits of each.
 */
export function formatParameters(
  settings: GenerateSettings,
  { checkpointSha256, loras = [] }: Pick<DiffusionModel, 'checkpointSha256' | 'loras'>,
  embeddings: readonly Pick<Embedding, 'name' | 'sha256'>[] = [],
): string {
  const { width, height, schedule } = settings;
  const sampler = samplers[settings.sampler];
  const pairs: Pair[] = [
    ['Steps', settings.steps],
    ['Sampler', sampler.label],
    ['Schedule type', scheduleLabels[schedule]],
    ['CFG scale', settings.guidanceScale],
    ['Seed', settings.seed],
    ['Size', `${width}x${height}`],
    ['Model hash', checkpointSha256.slice(0, 10)],
    ['Model', settings.model],
  ];
  if (settings.decoder === 'preview') pairs.push(['VAE Decoder', 'TAESD']);
  if (settings.clipSkip !== undefined) pairs.push(['Clip skip', settings.clipSkip]);
  if (settings.eta !== sampler.defaultEta) pairs.push([sampler.name === 'ddim' ? 'Eta DDIM' : 'Eta', settings.eta]);
  pairs.push(...plainPairs(settings));
  pairs.push(...startPairs(settings));
  pairs.push(...gridPairsOf(settings));
  const embeddingHashes = formatHashes(embeddings.map(({ name, sha256 }) => ({ name, hash: sha256 })));
  if (embeddingHashes !== '') pairs.push(['TI hashes', embeddingHashes]);
  // A missing RNG means GPU.
  if (settings.rng === 'cpu') pairs.push(['RNG', 'CPU']);
  // Tools that read the settings back know LoRAs only from the prompt.
  const tags = settingsLoras(settings).map(loraTag);
  const isTagged = settings.promptSyntax === 'a1111' && tags.every((tag) => tag !== undefined);
  const prompt = [settings.prompt, ...tags.filter((tag) => tag !== undefined)].join(' ');
  const write = (written: readonly Pair[]) => toText(prompt, settings.negativePrompt, written);
  const unsaid = unsaidSettings(settings, write(pairs), isTagged ? prompt : undefined);
  if (Object.keys(unsaid).length > 0) pairs.push([OWN_PAIR, JSON.stringify(unsaid)]);
  const loraHashes = formatHashes(loras);
  if (loraHashes !== '') pairs.push(['Lora hashes', loraHashes]);
  pairs.push(['Version', 'Safelight']);
  return write(pairs);
}

type Pair = readonly [name: string, value: string | number];

function toText(prompt: string, negativePrompt: string, pairs: readonly Pair[]): string {
  const lines = [prompt];
  if (negativePrompt !== '') lines.push(`Negative prompt: ${negativePrompt}`);
  lines.push(pairs.map(([name, value]) => `${name}: ${quote(String(value))}`).join(', '));
  return lines.join('\n');
}

/** Fresh noise on the way, and variations. */
function plainPairs(settings: GenerateSettings): Pair[] {
  const pairs: Pair[] = [];
  for (const [name, label] of Object.entries(plainLabels)) {
    const value = settings[name as keyof typeof plainLabels];
    if (value !== undefined) pairs.push([label, value]);
  }
  const { subseed, subseedStrength } = settings;
  if (subseed !== undefined && subseedStrength !== undefined) {
    pairs.push(['Variation seed', subseed], ['Variation seed strength', subseedStrength]);
  }
  return pairs;
}

const fillLabels = {
  original: 'original',
  fill: 'fill',
  latent_noise: 'latent noise',
  latent_nothing: 'latent nothing',
} as const;

/** The axes of a sheet, as A1111's script of that name writes them. */
function gridPairsOf({ grid }: GenerateSettings): Pair[] {
  if (grid === undefined) return [];
  const values = (axis: readonly object[]) => axis.map((entry) => Object.values(entry).join(' ')).join(', ');
  const types = (axis: readonly object[]) => Object.keys(axis[0] ?? {}).join(' ');
  const { x, y } = grid;
  const pairs: Pair[] = [
    ['Script', 'X/Y/Z plot'],
    ['X Type', types(x)],
    ['X Values', values(x)],
  ];
  return y === undefined ? pairs : [...pairs, ['Y Type', types(y)], ['Y Values', values(y)]];
}

/** What a picture started from, and its enlarging run, under AUTOMATIC1111's names. */
function startPairs({ strength, maskBlur, maskFill, inpaintArea, maskPadding, hires, steps }: GenerateSettings) {
  const pairs: Pair[] = [];
  if (strength !== undefined) pairs.push(['Denoising strength', strength]);
  if (maskBlur !== undefined) pairs.push(['Mask blur', maskBlur]);
  if (maskFill !== undefined) pairs.push(['Masked content', fillLabels[maskFill]]);
  if (inpaintArea === 'masked') pairs.push(['Inpaint area', 'Only masked']);
  if (maskPadding !== undefined) pairs.push(['Masked area padding', maskPadding]);
  if (hires !== undefined) {
    pairs.push(['Denoising strength', hires.strength], ['Hires upscale', hires.scale]);
    pairs.push(['Hires steps', hires.steps ?? steps]);
    pairs.push(['Hires upscaler', hires.upscaler === 'latent' ? 'Latent' : 'Lanczos']);
  }
  return pairs;
}

/** A value with a separator in it is written as JSON. */
function quote(value: string): string {
  return /[,:\n]/.test(value) ? JSON.stringify(value) : value;
}

/** As A1111 writes the list, a name has neither colon nor comma. */
function formatHashes(addOns: readonly { name: string; hash: string }[]): string {
  return addOns.map(({ name, hash }) => `${name.replaceAll(/[:,]/g, '')}: ${hash.slice(0, 12)}`).join(', ');
}
