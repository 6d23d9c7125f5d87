import { randomInt } from 'node:crypto';
import { MAX_SEED, type ModelInfo, type SafetyPolicy } from '@safelight/sdk/contract';
import type { Engine } from './engine.ts';
import { FunctionError } from './errors.ts';
import { resolveSettings } from './pipeline/resolve-settings.ts';

/** The part of an engine that knows models without running them. */
export type ModelCatalog = Pick<Engine, 'defaultModel' | 'models' | 'resolve'>;

/** @throws FunctionError `model_not_found` naming those there are. */
export function findModel<Model extends { info: ModelInfo }>(models: readonly Model[], name: string): Model {
  const model = models.find(({ info }) => info.name === name);
  if (model !== undefined) return model;
  const known = models.map(({ info }) => info.name).join(', ');
  throw new FunctionError('model_not_found', `There is no model of that name here: use one of ${known}`, {
    field: 'model',
  });
}

/**
 * @param leastSafety The least strict policy that callers can ask for. @defaultValue `flag`
 * @throws FunctionError `model_not_found` when the default model is not among them.
 */
export function createModelCatalog(
  infos: readonly ModelInfo[],
  defaultName: string,
  leastSafety?: SafetyPolicy,
): ModelCatalog {
  const models = infos.map((info) => ({ info }));
  const defaultModel = findModel(models, defaultName).info.name;
  return {
    defaultModel,
    models: () => infos,
    resolve: (input) =>
      resolveSettings(
        input,
        findModel(models, input.model ?? defaultModel).info,
        () => randomInt(MAX_SEED + 1),
        leastSafety,
      ),
  };
}
