/** Checked by the compiler: the router takes and gives what the contract says, which is what the SDK builds on. */
import { test } from 'node:test';
import type * as contract from '@safelight/sdk/contract';
import type { inferRouterInputs } from '@trpc/server';
import { expectTypeOf } from 'expect-type';
import type * as z from 'zod/mini';
import type { AppRouter } from '../../../function/src/api/router.ts';

type Inputs = inferRouterInputs<AppRouter>;
// Not `inferRouterOutputs`, which adds `| undefined` to optional fields as JSON might.
type Procedures = AppRouter['_def']['procedures'];
type Output<Procedure extends { _def: { $types: { output: unknown } } }> = Procedure['_def']['$types']['output'];
type JobRef = z.input<typeof contract.jobRefSchema>;

test('the router agrees with the contract', () => {
  expectTypeOf<Inputs['jobs']['submit']>().toEqualTypeOf<contract.SubmitInput>();
  expectTypeOf<Inputs['jobs']['get']>().toEqualTypeOf<JobRef>();
  expectTypeOf<Inputs['jobs']['watch']>().toEqualTypeOf<JobRef>();
  expectTypeOf<Inputs['jobs']['cancel']>().toEqualTypeOf<JobRef>();
  expectTypeOf<Inputs['jobs']['list']>().toEqualTypeOf<z.input<typeof contract.listInputSchema>>();
  expectTypeOf<Inputs['jobs']['estimate']>().toEqualTypeOf<contract.EstimateInput>();
  expectTypeOf<Inputs['uploads']['create']>().toEqualTypeOf<contract.UploadInput>();
  expectTypeOf<Inputs['usage']['get']>().toEqualTypeOf<contract.UsageInput>();
  expectTypeOf<Inputs['images']['sign']>().toEqualTypeOf<z.input<typeof contract.signInputSchema>>();
  expectTypeOf<Inputs['models']['get']>().toEqualTypeOf<z.input<typeof contract.modelRefSchema>>();

  expectTypeOf<Output<Procedures['jobs']['submit']>>().toEqualTypeOf<contract.Job>();
  expectTypeOf<Output<Procedures['jobs']['get']>>().toEqualTypeOf<contract.Job>();
  expectTypeOf<Output<Procedures['jobs']['watch']>>().toEqualTypeOf<AsyncIterable<contract.Job, void>>();
  expectTypeOf<Output<Procedures['jobs']['cancel']>>().toEqualTypeOf<contract.Job>();
  expectTypeOf<Output<Procedures['jobs']['list']>>().toEqualTypeOf<contract.JobPage>();
  expectTypeOf<Output<Procedures['jobs']['estimate']>>().toEqualTypeOf<contract.Estimate>();
  expectTypeOf<Output<Procedures['uploads']['create']>>().toEqualTypeOf<contract.UploadTicket>();
  expectTypeOf<Output<Procedures['usage']['get']>>().toEqualTypeOf<contract.Usage>();
  expectTypeOf<Output<Procedures['images']['sign']>>().toEqualTypeOf<contract.SignedUrl>();
  expectTypeOf<Output<Procedures['models']['list']>>().toEqualTypeOf<contract.ModelInfo[]>();
  expectTypeOf<Output<Procedures['models']['get']>>().toEqualTypeOf<contract.ModelInfo>();
  expectTypeOf<Inputs['prompts']['read']>().toEqualTypeOf<contract.ReadPromptInput>();
  expectTypeOf<Output<Procedures['prompts']['read']>>().toEqualTypeOf<contract.PromptReading>();
  expectTypeOf<Output<Procedures['health']>>().toEqualTypeOf<contract.Health>();
});
