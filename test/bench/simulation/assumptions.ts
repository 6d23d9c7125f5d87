import { gpuPriceOf } from '../../../function/src/aws/price-list.ts';
import type { Capacity } from '../../../function/src/dispatcher/decide.ts';

/** Shortest and longest, in seconds; any between is as likely. */
export type Span = readonly [number, number];

/** What the model takes from outside. Nothing here was measured on AWS: docs/simulation.md says where it comes from. */
export interface Assumptions {
  /** From RunTask to a machine that boots, and is paid from then. */
  readonly provision: Span;
  readonly boot: Span;
  /** The image, from the registry in the same region. */
  readonly pull: Span;
  /** Model from S3, sessions. */
  readonly load: Span;
  /** One picture: 512×512, 50 steps. */
  readonly image: Span;
  /** Share of spot starts that come to nothing. */
  readonly spotMissing: number;
  /** How often a spot machine is taken back. */
  readonly interruptionsPerHour: number;
  /** How long a machine without its task is still paid. */
  readonly scaleInSeconds: number;
  /** US dollars an hour. */
  readonly perHour: Readonly<Record<Capacity, number>>;
}

const perHour = (capacity: Capacity): number => gpuPriceOf('g4dn.xlarge', capacity)?.perHour ?? Number.NaN;

export const ASSUMPTIONS: Assumptions = {
  provision: [5, 20],
  boot: [80, 120],
  pull: [40, 90],
  load: [10, 25],
  image: [5.5, 6.5],
  spotMissing: 0.1,
  interruptionsPerHour: 0.05,
  scaleInSeconds: 60,
  perHour: { spot: perHour('spot'), 'on-demand': perHour('on-demand') },
};
