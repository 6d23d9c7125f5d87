import { TOKENIZER_FILE } from '../bundle/manifest.ts';

/** What the first picture waits for, in its order; anything else comes after. */
const NEED = ['text_encoder', 'unet', 'vae_decoder', 'unet_shallow', 'safety_checker', 'vae_encoder'];

/** Names of a bundle's files in the order in which a picture needs them: tokenizer, text encoder, UNet, … */
export function orderByNeed(names: Iterable<string>): string[] {
  const rank = (name: string): number => {
    if (name === TOKENIZER_FILE) return -1;
    const component = NEED.indexOf(name.slice(0, name.lastIndexOf('.')));
    return component === -1 ? NEED.length : component;
  };
  // By name within a component: the graph, which is small, before its weights.
  return [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
