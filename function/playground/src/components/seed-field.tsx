import { randomSeed } from '../lib/settings.ts';
import { Field } from './field.tsx';
import { Icon } from './icon.tsx';
import type { SettingProps } from './setting-props.ts';

export interface SeedFieldProps extends Omit<SettingProps, 'label'> {
  /** The seed of the picture made last. */
  lastSeed?: number | undefined;
}

export function SeedField({ value, error, lastSeed, onChange }: SeedFieldProps) {
  return (
    <Field label="Seed" error={error}>
      {(input) => (
        <div className="with-buttons">
          <input
            {...input}
            type="text"
            inputMode="numeric"
            placeholder="a new one each time"
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
          <button
            type="button"
            className="button square"
            aria-label="Roll a seed"
            title="Roll a seed"
            onClick={() => onChange(randomSeed())}
          >
            <Icon name="dice" />
          </button>
          <button
            type="button"
            className="button square"
            aria-label="Reuse the last seed"
            title="Reuse the last seed"
            disabled={lastSeed === undefined}
            onClick={() => onChange(String(lastSeed ?? ''))}
          >
            <Icon name="reuse" />
          </button>
          {value !== '' && (
            <button
              type="button"
              className="button square"
              aria-label="Clear the seed"
              title="Clear the seed: a new one each time"
              onClick={() => onChange('')}
            >
              <Icon name="close" />
            </button>
          )}
        </div>
      )}
    </Field>
  );
}
