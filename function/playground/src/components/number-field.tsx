import { Field } from './field.tsx';
import type { SettingProps } from './setting-props.ts';

export interface NumberFieldProps extends SettingProps {
  min: number;
  max: number;
  step?: number;
  placeholder?: string;
  /** Bounds of a slider beside the number, where one makes sense. */
  slider?: { min: number; max: number; step?: number };
}

export function NumberField({ label, value, error, onChange, slider, ...bounds }: NumberFieldProps) {
  return (
    <Field label={label} error={error}>
      {(input) => (
        <div className="number-field">
          {slider !== undefined && (
            <input
              type="range"
              aria-label={`${label}, slider`}
              {...slider}
              value={value === '' ? slider.min : value}
              onChange={(event) => onChange(event.target.value)}
            />
          )}
          <input
            {...input}
            {...bounds}
            type="number"
            inputMode="decimal"
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        </div>
      )}
    </Field>
  );
}
