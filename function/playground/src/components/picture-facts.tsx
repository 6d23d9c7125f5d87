import type { JobImage, SafetyPolicy, SucceededJob, Timings } from '@safelight/sdk';
import { formatBytes, formatDuration, formatPrice, formatTime } from '../lib/format.ts';
import { labelOf, samplerLabels, scheduleLabels } from '../lib/labels.ts';

/** In the order in which they happen. */
const timingLabels: Readonly<Record<keyof Timings, string>> = {
  queueMs: 'Waiting',
  bootMs: 'Starting a worker',
  downloadMs: 'Fetching the model',
  loadMs: 'Loading the model',
  encodeMs: 'Reading the prompt',
  denoiseMs: 'Denoising',
  decodeMs: 'Developing',
  uploadMs: 'Saving',
};

/** Settings, times and price, as tables. */
export function PictureFacts({ job, image }: { job: SucceededJob; image: JobImage }) {
  const { timings, usage, createdAt } = job;
  const times = Object.entries(timingLabels).flatMap(([name, label]): [string, string][] => {
    const ms = timings[name as keyof Timings];
    return ms === undefined ? [] : [[label, formatDuration(ms)]];
  });
  const { price } = usage;
  return (
    <>
      <Facts title="Settings" facts={settingFacts(job, image)} />
      <Facts title="Time" facts={times} />
      <Facts
        title="Use"
        facts={[
          ['Worker time', `${usage.gpuSeconds.toFixed(1)} s`],
          ...(price === undefined ? [] : [['Price, estimated', formatPrice(price)] as [string, string]]),
          ['File', `${image.format.toUpperCase()}, ${formatBytes(image.bytes)}`],
          ['Made', formatTime(createdAt)],
        ]}
      />
    </>
  );
}

/** What became of a picture that the model's safety checker objects to. */
const flagged: Readonly<Record<SafetyPolicy, string>> = {
  flag: 'flagged',
  blur: 'flagged, and blurred',
  block: 'flagged, and kept back',
};

function settingFacts({ settings }: SucceededJob, image: JobImage): [string, string][] {
  const { promptSyntax, clipSkip, eta, guidanceStart = 0, guidanceEnd = 1, subseed, subseedStrength } = settings;
  const { deepCache, loras = [], decoder } = settings;
  const { safety } = image;
  return [
    ['Seed', String(image.seed)],
    ['Size', `${image.width} × ${image.height}`],
    ['Steps', String(settings.steps)],
    ['Guidance', String(settings.guidanceScale)],
    ...(guidanceStart === 0 && guidanceEnd === 1
      ? []
      : [['Guided part', `${guidanceStart} to ${guidanceEnd}`] as [string, string]]),
    ...(deepCache === undefined ? [] : [['Deep cache', String(deepCache)] as [string, string]]),
    ['Sampler', labelOf(samplerLabels, settings.sampler)],
    ['Schedule', labelOf(scheduleLabels, settings.schedule)],
    ...(eta === 0 ? [] : [['Eta', String(eta)] as [string, string]]),
    ...(clipSkip === undefined ? [] : [['Clip skip', String(clipSkip)] as [string, string]]),
    ...(subseed === undefined ? [] : [['Variation', `${subseed}, ${subseedStrength ?? 0}`] as [string, string]]),
    ['Random numbers', settings.rng === 'cuda' ? 'GPU' : 'CPU'],
    ...(promptSyntax === 'plain' ? [['Prompt syntax', 'plain'] as [string, string]] : []),
    ['Model', settings.model],
    ...loras.map(({ name, weight }): [string, string] => ['LoRA', `${name}, ${weight}`]),
    ...(decoder === 'preview' ? [['Decoder', 'preview'] as [string, string]] : []),
    ...(safety === undefined
      ? []
      : [
          ['Safety checker', safety.isFlagged ? (flagged[safety.policy] ?? flagged.flag) : 'no objection'] as [
            string,
            string,
          ],
        ]),
  ];
}

function Facts({ title, facts }: { title: string; facts: readonly [string, string][] }) {
  return (
    <section className="facts">
      <h3>{title}</h3>
      <dl>
        {facts.map(([name, value]) => (
          <div key={`${name} ${value}`}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
