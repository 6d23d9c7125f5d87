import type { ModelInfo } from '@safelight/sdk/contract';
import { FunctionError } from '../../../errors.ts';
import type { ApiServices } from '../../api-context.ts';

type Models = Pick<ApiServices['engine'], 'defaultModel' | 'models'>;

/** OpenAI's own models: programs name them without a thought, and get the server's default. */
const OPENAI_MODEL = /^(dall-e|gpt-image|chatgpt-image)/;

/** Whether a model's pictures are answered in base64 unless asked otherwise, as OpenAI's newer ones always are. */
export const answersInBase64 = (model: unknown): boolean =>
  typeof model === 'string' && /^(gpt-image|chatgpt-image)/.test(model);

/**
 * The model behind a name, which may be one of OpenAI's.
 * @throws FunctionError `model_not_found`
 */
export const findModel = ({ defaultModel, models }: Models, name: unknown): ModelInfo => {
  const known = models();
  const model =
    known.find((candidate) => candidate.name === name) ??
    (name === undefined || OPENAI_MODEL.test(String(name))
      ? known.find((candidate) => candidate.name === defaultModel)
      : undefined);
  if (model !== undefined) return model;
  const names = known.map((candidate) => candidate.name).join(', ');
  throw new FunctionError('model_not_found', `There is no model of that name here: use one of ${names}`, {
    field: 'model',
  });
};

/** A model in OpenAI's list. When a model was made is not known here. */
export const toModelObject = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'safelight' });
