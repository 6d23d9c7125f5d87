import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Accepts what cdk-nag finds at a construct and below it.
 * @param rule as cdk-nag prints it, without `AwsSolutions-`
 * @param reason why it is right here
 */
export function acknowledge(scope: IConstruct, rule: string, reason: string): void {
  Validations.of(scope).acknowledge({ id: `AwsSolutions-${rule}`, reason });
}
