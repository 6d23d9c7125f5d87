import { FunctionError } from '../../errors.ts';
import { type KeyLimits, keyLimitsSchema } from '../keys/api-key.ts';
import type { HttpEvent } from './http-event.ts';

/** What the authorizer tells the API about a caller; texts, since API Gateway passes nothing else on. */
export const toAuthorizerContext = (owner: string, limits: KeyLimits): { owner: string; limits: string } => ({
  owner,
  limits: JSON.stringify(limits),
});

/** @throws FunctionError `unauthorized` where no authorizer stood before the route. */
export const fromAuthorizerContext = (event: HttpEvent): { owner: string; limits: KeyLimits } => {
  const { owner, limits } = event.requestContext.authorizer?.lambda ?? {};
  // Only a route without the authorizer can bring this about: nobody is let in for want of a name.
  if (typeof owner !== 'string' || owner === '' || typeof limits !== 'string')
    throw new FunctionError('unauthorized', 'The caller is not known: this route has no authorizer');
  return { owner, limits: keyLimitsSchema.parse(JSON.parse(limits)) };
};
