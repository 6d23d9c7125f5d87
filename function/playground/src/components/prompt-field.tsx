import type { PromptReading } from '@safelight/sdk';
import { type KeyboardEvent, useEffect, useRef } from 'react';
import { plural } from '../lib/format.ts';
import { Field } from './field.tsx';
import type { SettingProps } from './setting-props.ts';

export interface PromptFieldProps extends SettingProps {
  placeholder: string;
  rows: number;
  reading?: PromptReading | undefined;
}

/** A text that grows with what is typed, and says how the server reads it. */
export function PromptField({ label, value, error, placeholder, rows, reading, onChange }: PromptFieldProps) {
  const ref = useRef<HTMLTextAreaElement>(null);

  // The height follows the text.
  useEffect(() => {
    const area = ref.current;
    if (area === null) return;
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight + 2}px`;
  }, [value]);

  return (
    <Field label={label} error={error} hint={reading === undefined ? undefined : <ReadingHint reading={reading} />}>
      {(input) => (
        <textarea
          {...input}
          ref={ref}
          rows={rows}
          placeholder={placeholder}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={submitOnCtrlEnter}
        />
      )}
    </Field>
  );
}

function submitOnCtrlEnter(event: KeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
}

function ReadingHint({ reading }: { reading: PromptReading }) {
  const { texts, parts, warnings } = reading;
  const tokens = Math.max(0, ...texts.map(({ tokenCount }) => tokenCount));
  const chunks = Math.max(1, ...texts.map((text) => text.chunks.length));
  const facts = [
    plural(tokens, 'token'),
    ...(chunks > 1 ? [`read in ${chunks} parts`] : []),
    ...(parts.length > 1 ? [`${parts.length} prompts joined by AND`] : []),
    ...(texts.length > parts.length ? [`changes on the way: ${texts.length} versions`] : []),
    ...emphasised(reading),
  ];
  return (
    <>
      <span>{facts.join(' · ')}</span>
      {warnings.map(({ message }) => (
        <span key={message} className="hint-warning">
          {message}
        </span>
      ))}
    </>
  );
}

/** The words with a weight of their own, each run of equal weight once. */
function emphasised({ texts }: PromptReading): string[] {
  const runs: { text: string; weight: number }[] = [];
  for (const { text, weight } of texts[0]?.chunks.flat() ?? []) {
    const last = runs.at(-1);
    if (last?.weight === weight) last.text += ` ${text.trim()}`;
    else runs.push({ text: text.trim(), weight });
  }
  return runs.filter(({ weight }) => weight !== 1).map(({ text, weight }) => `${text} ×${Number(weight.toFixed(2))}`);
}
