import type { GenerateSettings, Warning } from '@safelight/sdk/contract';

/** What A1111 calls extra networks: `<lora:name:0.8>`. */
const NETWORKS = /<(lora|lyco|hypernet):([^<>]*)>/g;
/** As the contract has it. */
const MAX_WEIGHT = 10;

/** A LoRA with how strongly it counts in each network. */
export interface WantedLora {
  readonly name: string;
  readonly unetWeight: number;
  readonly textEncoderWeight: number;
}

/** A network as the prompt names it; `lora` is undefined for one of another kind, or with a weight that is no number. */
interface PromptNetwork {
  readonly tag: string;
  readonly lora: WantedLora | undefined;
}

/** Takes the networks out of a prompt. */
function splitNetworks(prompt: string): { text: string; networks: PromptNetwork[] } {
  const networks: PromptNetwork[] = [];
  const text = prompt.replace(NETWORKS, (tag: string, kind: string, content: string) => {
    networks.push({ tag, lora: kind === 'hypernet' ? undefined : parseLora(content) });
    return '';
  });
  return { text, networks };
}

/**
 * What stands between `<lora:` and `>`: `name`, `name:weight`, `name:textEncoder:unet`, or with `te=` and `unet=`. Undefined
 * when a weight is no number from -10 to 10, or a rank to cut it down to is given.
 *
 * Source: A1111 `extensions-builtin/Lora/extra_networks_lora.py`, which takes other named arguments for an extension's.
 */
export function parseLora(content: string): WantedLora | undefined {
  const items = content.split(':');
  const named = new Map<string, string>();
  const positional: string[] = [];
  for (const item of items) {
    const [key = '', value, ...more] = item.split('=');
    if (value !== undefined && more.length === 0) named.set(key, value);
    else positional.push(item);
  }
  const [name, first, second, rank = named.get('dyn')] = positional;
  const textEncoderWeight = parseWeight(named.get('te') ?? first ?? '1');
  const unet = named.get('unet') ?? second;
  const unetWeight = unet === undefined ? textEncoderWeight : parseWeight(unet);
  if (!name || rank !== undefined || textEncoderWeight === undefined || unetWeight === undefined) return undefined;
  return { name, unetWeight, textEncoderWeight };
}

function parseWeight(text: string): number | undefined {
  const weight = text.trim() === '' ? Number.NaN : Number(text);
  return Math.abs(weight) <= MAX_WEIGHT ? weight : undefined;
}

/** The LoRAs that the prompt names, if its syntax has any. */
export function promptLoras({ prompt, promptSyntax }: Pick<GenerateSettings, 'prompt' | 'promptSyntax'>): WantedLora[] {
  if (promptSyntax !== 'a1111') return [];
  return splitNetworks(prompt).networks.flatMap(({ lora }) => lora ?? []);
}

/** The LoRAs that the settings name beside the prompt. */
export function settingsLoras({ loras = [] }: Pick<GenerateSettings, 'loras'>): WantedLora[] {
  return loras.map(({ name, weight, textEncoderWeight = weight }) => ({ name, unetWeight: weight, textEncoderWeight }));
}

/** Each LoRA once, in the order in which they come, with the sum of its weights. */
export function addUp(loras: readonly WantedLora[]): WantedLora[] {
  const sums = new Map<string, WantedLora>();
  for (const lora of loras) {
    const sum = sums.get(lora.name) ?? { name: lora.name, unetWeight: 0, textEncoderWeight: 0 };
    sums.set(lora.name, {
      name: lora.name,
      unetWeight: sum.unetWeight + lora.unetWeight,
      textEncoderWeight: sum.textEncoderWeight + lora.textEncoderWeight,
    });
  }
  return [...sums.values()];
}

/** How a prompt names a LoRA; undefined for a name that has no place in it. */
export function loraTag({ name, unetWeight, textEncoderWeight }: WantedLora): string | undefined {
  if (/[:<>=\n]/.test(name)) return undefined;
  const weights = unetWeight === textEncoderWeight ? [unetWeight] : [textEncoderWeight, unetWeight];
  return `<lora:${[name, ...weights].join(':')}>`;
}

/**
 * Takes the networks out of a prompt, and warns of those that have no effect.
 * @param isUsed Whether a LoRA of that name is added to the model.
 */
export function removeNetworks(
  prompt: string,
  field: 'prompt' | 'negativePrompt',
  isUsed: (name: string) => boolean,
): { text: string; warnings: Warning[] } {
  const { text, networks } = splitNetworks(prompt);
  // A1111 takes them from the prompt alone.
  const ignored = networks.filter(({ lora }) => field !== 'prompt' || lora === undefined || !isUsed(lora.name));
  if (ignored.length === 0) return { text, warnings: [] };
  const tags = ignored.map(({ tag }) => tag);
  const message = `${tags.join(', ')} had no effect: ${whyIgnored(field, ignored)}.`;
  return { text, warnings: [{ code: 'networks_ignored', field, message, networks: tags }] };
}

function whyIgnored(field: 'prompt' | 'negativePrompt', ignored: readonly PromptNetwork[]): string {
  if (field === 'negativePrompt') return 'LoRAs are named in the prompt, with a negative weight if need be';
  if (ignored.every(({ lora }) => lora !== undefined)) return 'there is no LoRA of that name here';
  return 'this server adds LoRAs that it has, with weights from -10 to 10, and no hypernetworks';
}
