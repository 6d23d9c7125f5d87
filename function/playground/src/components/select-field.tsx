import { Field } from './field.tsx';
import type { SettingProps } from './setting-props.ts';

export interface SelectFieldProps extends SettingProps {
  /** Values and their labels. A value that is not among them, from a picture of elsewhere say, is offered too. */
  options: Readonly<Record<string, string>>;
}

export function SelectField({ label, value, error, options, onChange }: SelectFieldProps) {
  const all = value in options ? options : { ...options, [value]: value };
  return (
    <Field label={label} error={error}>
      {(input) => (
        <select {...input} value={value} onChange={(event) => onChange(event.target.value)}>
          {Object.entries(all).map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
