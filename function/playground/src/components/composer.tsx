import { type ChangeEvent, type FormEvent, useId } from 'react';
import { useEstimate } from '../hooks/use-estimate.ts';
import { usePromptReading } from '../hooks/use-prompt-reading.ts';
import type { ErrorDescription } from '../lib/describe-error.ts';
import type { Settings } from '../lib/settings.ts';
import { ErrorNotice } from './error-notice.tsx';
import { EstimateLine } from './estimate-line.tsx';
import { Icon } from './icon.tsx';
import { PromptField } from './prompt-field.tsx';

export interface ComposerProps {
  settings: Settings;
  isSubmitting: boolean;
  isOnline: boolean;
  error?: ErrorDescription | undefined;
  errors: Partial<Record<string, string>>;
  /** How many jobs are done: estimates get better with each. */
  jobsDone: number;
  onChange(change: Partial<Settings>): void;
  onSubmit(): void;
  onFile(file: File): void;
  onShowCode(): void;
  onCompare(): void;
}

/** The prompts, and what can be done with them. */
export function Composer(props: ComposerProps) {
  const { settings, isSubmitting, isOnline, error, errors, onChange, onSubmit } = props;
  const reading = usePromptReading(settings);
  const estimate = useEstimate(settings, props.jobsDone);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isSubmitting && isOnline) onSubmit();
  };
  return (
    <form className="composer card" noValidate onSubmit={submit}>
      <PromptField
        label="Prompt"
        rows={3}
        placeholder="What to draw"
        value={settings.prompt}
        error={errors.prompt}
        reading={reading}
        onChange={(prompt) => onChange({ prompt })}
      />
      <PromptField
        label="Negative prompt"
        rows={1}
        placeholder="What to leave out"
        value={settings.negativePrompt}
        error={errors.negativePrompt}
        onChange={(negativePrompt) => onChange({ negativePrompt })}
      />
      {error !== undefined && <ErrorNotice error={error} />}
      <button type="submit" className="button primary big" disabled={isSubmitting || !isOnline}>
        {isSubmitting ? 'Sending…' : 'Generate'}{' '}
        <span className="keys" aria-hidden="true">
          Ctrl ↵
        </span>
      </button>
      <EstimateLine estimate={estimate} />
      <ComposerTools {...props} />
    </form>
  );
}

function ComposerTools({ settings, onFile, onShowCode, onCompare }: ComposerProps) {
  const fileId = useId();
  const readFile = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    if (file !== undefined) onFile(file);
    // So that the same file can be chosen again.
    event.target.value = '';
  };
  return (
    <div className="tools">
      <input
        id={fileId}
        className="visually-hidden"
        type="file"
        accept="image/png,image/jpeg,image/webp"
        onChange={readFile}
      />
      <label className="button quiet" htmlFor={fileId}>
        <Icon name="image" /> From a picture
      </label>
      <button type="button" className="button quiet" disabled={settings.prompt.trim() === ''} onClick={onCompare}>
        <Icon name="grid" /> Compare
      </button>
      <button type="button" className="button quiet" disabled={settings.prompt.trim() === ''} onClick={onShowCode}>
        <Icon name="code" /> Code
      </button>
    </div>
  );
}
