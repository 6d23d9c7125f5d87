import type { ModelInfo } from '@safelight/sdk';

export interface WelcomeProps {
  model: ModelInfo;
  onPick(prompt: string): void;
}

/** For models that say what they know, that; for the others, what Stable Diffusion was shown with. */
const openExamples = ['a photograph of an astronaut riding a horse', 'a watercolour of a lighthouse at dusk'];
const closedExamples = ['fox', 'rocket', 'red apple'];

/** What to see before the first picture. */
export function Welcome({ model, onPick }: WelcomeProps) {
  const knows = (thing: string) => model.concepts?.some((concept) => thing.endsWith(concept)) === true;
  const examples = model.concepts === undefined ? openExamples : closedExamples.filter(knows).map((it) => `a ${it}`);
  return (
    <div className="welcome">
      <span className="lamp big" aria-hidden="true" />
      <h2>Your first picture</h2>
      <p className="muted">Say what to draw, then press Generate.</p>
      {examples.length > 0 && (
        <p className="chips">
          {examples.map((example) => (
            <button key={example} type="button" className="chip" onClick={() => onPick(example)}>
              {example}
            </button>
          ))}
        </p>
      )}
    </div>
  );
}
