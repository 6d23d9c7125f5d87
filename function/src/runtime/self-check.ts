import type { ComponentName } from '../bundle/manifest.ts';
import type { Bundle } from '../bundle/open-bundle.ts';
import { FunctionError } from '../errors.ts';
import { createNoiseGenerator } from '../pipeline/random/noise-generator.ts';
import { openModel } from './open-model.ts';
import { createSessionHost } from './session-host.ts';
import { type Tensor, tensor } from './tensor.ts';

export interface ComponentCheck {
  component: Exclude<ComponentName, 'vae_encoder'>;
  /** Of the component's output; 0 would be a plain surface. */
  deviation: number;
}

/** Side of the latents that are tried, the smallest that every level of a v1 UNet can halve. */
const LATENT_SIDE = 8;

/**
 * Runs each network once on a small input and looks whether numbers come out: it finds weights that are whole but wrong,
 * such as all zeros or the overflow of a bad conversion.
 * @throws FunctionError `model_corrupt` naming the network.
 */
export async function selfCheck(bundle: Bundle): Promise<ComponentCheck[]> {
  const host = createSessionHost();
  try {
    const model = await openModel(bundle, host);
    const embeddings = await model.encodePrompts([model.tokenizer.encode('a photograph of an astronaut').tokenIds]);
    const dims = [1, model.config.unet.in_channels, LATENT_SIDE, LATENT_SIDE];
    const count = dims.reduce((product, dim) => product * dim, 1);
    const noise = tensor(createNoiseGenerator('cpu', 0).randn(count), dims);
    const prediction = await model.predictNoise(noise, 500, embeddings);
    const image = await model.decodeLatents(prediction);
    const preview = await model.decodePreview?.(prediction);
    return [
      check('text_encoder', embeddings),
      check('unet', prediction),
      check('vae_decoder', image),
      ...(preview === undefined ? [] : [check('preview_decoder', preview)]),
    ];
  } finally {
    await host.close();
  }
}

function check(component: ComponentCheck['component'], { data }: Tensor): ComponentCheck {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
  if (!Number.isFinite(deviation) || deviation === 0) {
    const problem = deviation === 0 ? 'gives the same number everywhere' : 'gives numbers that are not finite';
    throw new FunctionError('model_corrupt', `The model's ${component} ${problem}: its weights are damaged.`);
  }
  return { component, deviation };
}
