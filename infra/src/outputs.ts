/** What the stack tells the command line. */
export interface Outputs {
  /** Address that the SDK calls. */
  readonly EndpointUrl: string;
  readonly ModelsBucket: string;
  /** Names of the models, comma-separated. */
  readonly Models: string;
  readonly KeysTable: string;
  readonly FleetTable: string;
  readonly Cluster: string;
  /** Zones of the network, comma-separated. */
  readonly Zones?: string;
  /** What a CNAME record of the own domain must point to. */
  readonly DomainTarget?: string;
  /** Where the playground is shown, if it is. */
  readonly PlaygroundUrl?: string;
  /** Where its files are. */
  readonly PlaygroundBucket?: string;
}
