import type { GenerateInput } from '@safelight/sdk/contract';
import { readGenerateInput } from '@safelight/sdk/metadata';
import { FunctionError } from '../errors.ts';
import type { GenerateFlags } from './generate-input.ts';
import { readFileOrRefuse } from './sent-pictures.ts';

/** What goes with one sampler, and not with another that is asked for in its place. */
const ofSampler = ['schedule', 'eta', 'sChurn', 'sTmin', 'sTmax', 'sNoise'] as const;

/**
 * What `--from-image` asks for, where the flags do not ask for something else.
 * @throws FunctionError `invalid_input` for a picture that carries no settings, or was drawn from one that is not given.
 */
export async function readFromImage(path: string, flags: GenerateFlags): Promise<GenerateInput> {
  const input = await readGenerateInput(new Blob([await readFileOrRefuse(path, 'from-image')]));
  if (input === undefined) {
    const message = `${path} carries no settings: "safelight png-info" says what a picture tells`;
    throw new FunctionError('invalid_input', message, { field: 'from-image' });
  }
  if (flags.sampler !== undefined) for (const field of ofSampler) delete input[field];
  if (input.strength !== undefined && flags.initImage === undefined) throw missing(path, 'init-image', 'a picture');
  const isMasked = input.maskBlur !== undefined && input.outpaint === undefined;
  if (isMasked && flags.mask === undefined) throw missing(path, 'mask', 'a mask');
  return input;
}

function missing(path: string, flag: string, what: string): FunctionError {
  const message = `${path} was drawn with ${what} that its file does not hold: give it with --${flag}`;
  return new FunctionError('invalid_input', message, { field: flag });
}
