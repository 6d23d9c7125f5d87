import type { Outputs } from '../outputs.ts';

/** Whose account it is. */
export interface Identity {
  readonly account: string;
  readonly arn: string;
}

/** What `deploy` and `destroy` ask of AWS, in one region. */
export interface AwsAccount {
  /** @throws when there are no credentials, or they have expired. */
  identity(): Promise<Identity>;
  /** An EC2 quota's value, in virtual processors. */
  quota(code: string): Promise<number>;
  /** Zones that offer each of these instance types. */
  zonesOffering(instanceTypes: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** State of a stack; undefined when there is none. */
  stack(name: string): Promise<DeployedStack | undefined>;
  /** Whether anybody has made an API key. */
  hasApiKeys(table: string): Promise<boolean>;
  /** Puts a secret into SSM, unless there is one of that name. Returns whether it did. */
  createSecret(name: string, value: string): Promise<boolean>;
  /** Returns whether there was one. */
  deleteSecret(name: string): Promise<boolean>;
  /** Makes the dispatcher start nothing more. */
  pauseDispatcher(fleetTable: string): Promise<void>;
  /** Stops all workers, and resolves when none is left. Returns how many there were. */
  stopWorkers(cluster: string): Promise<number>;
  /** Deletes logs that AWS wrote beside the stack's own, such as those of CDK's helper functions. Returns their names. */
  deleteLogGroups(prefix: string): Promise<readonly string[]>;
}

export interface DeployedStack {
  /** CloudFormation's word, such as `CREATE_COMPLETE`. */
  readonly status: string;
  readonly outputs: Partial<Outputs>;
}
