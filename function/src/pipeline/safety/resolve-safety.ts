import {
  type ModelInfo,
  type ParsedGenerateInput,
  type SafetyPolicy,
  safetyPolicySchema,
} from '@safelight/sdk/contract';
import { FunctionError } from '../../errors.ts';

/** From the most lenient to the strictest. */
const policies = safetyPolicySchema.options;

/**
 * The stricter of what the caller and the server want; nothing where that is `flag`, which needs no safety checker.
 * @throws FunctionError `invalid_input` where it needs one and the model has none.
 */
export function resolveSafety(
  { safety = 'flag' }: Pick<ParsedGenerateInput, 'safety'>,
  model: ModelInfo,
  least: SafetyPolicy,
) {
  const policy = policies[Math.max(policies.indexOf(safety), policies.indexOf(least))];
  if (policy === undefined || policy === 'flag') return {};
  if (!model.safetyChecker) {
    const advice = 'convert it with --safety-checker, or use a model that has one';
    const problem = `Model ${model.name} has no safety checker, without which nothing can be ${pastOf[policy]}`;
    throw new FunctionError('invalid_input', `${problem}: ${advice}`, { field: 'safety' });
  }
  return { safety: policy };
}

const pastOf = { blur: 'blurred', block: 'blocked' } as const;
