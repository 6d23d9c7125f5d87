/** Commands of the documentation that its tests do not run, and why. Their options are checked all the same. */
export const notRun: readonly { command: RegExp; because: string }[] = [
  { command: /^npm (ci|install)\b/, because: 'installs packages' },
  { command: /^npm (test|run check)$/, because: 'runs these tests' },
  { command: /^(npm run serve|npx safelight serve)$/, because: 'the server that the others draw on was started so' },
  { command: /npm run serve -- --host 0\.0\.0\.0$/, because: 'would open a port; test/integration/cli.test.ts' },
  { command: /--model (sd-v1-4|sd-v1-4-quick)\b/, because: 'needs a checkpoint of several gigabytes' },
  {
    command: /-- weights (inspect|convert) /,
    because: 'needs such a checkpoint; test/integration/weights.test.ts converts small ones',
  },
  { command: /-- weights (download|push|pull) /, because: 'needs the network; test/function/transfer has doubles' },
  {
    command: /generate -- "a red apple"$|^npm run models$|-- (prompt|embeddings) |--x /,
    because: 'test/integration/cli.test.ts runs the like',
  },
  {
    command: /-- (txt2img|img2img) |-- png-info |--from-image /,
    because: 'documentation.test.ts runs those that need no checkpoint by themselves',
  },
  { command: /-- status --endpoint https:/, because: 'there is no such endpoint; test/integration/cli.test.ts' },
  {
    command: /^OTEL_EXPORTER_OTLP_ENDPOINT=\S+ npm run serve$/,
    because: 'needs a collector; the tests of telemetry have one',
  },
  { command: /-- loras$/, because: 'test/integration/loras.test.ts' },
  { command: /^npx safelight generate /, because: 'the first command of README.md by its installed name' },
  { command: /install\.js --onnxruntime-node-install=cuda12$/, because: 'downloads CUDA libraries' },
  { command: /^(mkdir|cp|ln) /, because: 'copies a file that the reader has' },
  { command: /^safelight keys /, because: 'needs a table on AWS; test/function/cli/keys.test.ts has a double' },
  { command: /^(old=\$\()?aws (ssm|s3) /, because: 'needs an AWS account' },
  {
    command: /^npm run deploy -- --(checkpoint |playground$)/,
    because: 'needs an AWS account; test/infra/cli/deploy.test.ts',
  },
  { command: /^npm run deploy -- --dry-run$/, because: 'test/integration/deploy-dry-run.test.ts' },
  { command: /^cd infra$|^npx cdk synth$/, because: 'test/integration/cdk-synth.test.ts' },
  { command: /^npm run simulate$/, because: 'takes minutes; test/bench/simulation/simulation.test.ts' },
  { command: /^npm run container:check$/, because: 'needs root; test/infra/build-container.test.ts' },
  { command: /^claude mcp add /, because: 'needs Claude Code; test/function/cli/mcp.test.ts has another client' },
  { command: /^curl /, because: 'test/integration/documentation.test.ts runs them as they stand' },
];
