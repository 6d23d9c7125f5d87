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
  /** Makes these files, and no others, what the bucket of a site holds. */
  sendSite(bucket: string, files: readonly SiteFile[]): Promise<void>;
  /** Makes the dispatcher start nothing more. */
  pauseDispatcher(fleetTable: string): Promise<void>;
  /** Stops all workers, and resolves when none is left. Returns how many there were. */
  stopWorkers(cluster: string): Promise<number>;
  /** Deletes logs that AWS wrote beside the stack's own, such as those of CDK's helper functions. Returns their names. */
  deleteLogGroups(prefix: string): Promise<readonly string[]>;
}

/** A file of a site of static files. */
export interface SiteFile {
  /** Where it lies below the site's address, such as `assets/index.js`. */
  readonly path: string;
  readonly body: Uint8Array;
  readonly contentType: string;
  /** How long browsers and CloudFront keep it. */
  readonly cacheControl: string;
}

export interface DeployedStack {
  /** CloudFormation's word, such as `CREATE_COMPLETE`. */
  readonly status: string;
  readonly outputs: Partial<Outputs>;
}
