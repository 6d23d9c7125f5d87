import { type FormEvent, useState } from 'react';
import { describeError, type ErrorDescription } from '../lib/describe-error.ts';
import { plural } from '../lib/format.ts';
import { type Axis, type AxisField, axisLabels, cellCount, MAX_CELLS, parseValues } from '../lib/grid.ts';
import { Dialog } from './dialog.tsx';
import { ErrorNotice } from './error-notice.tsx';
import { Field } from './field.tsx';
import { SelectField } from './select-field.tsx';

export interface GridDialogProps {
  /** Sends the jobs; rejects with what went wrong. */
  onStart(x: Axis, y: Axis | undefined): Promise<void>;
  onClose(): void;
}

interface AxisText {
  field: AxisField;
  text: string;
}

/** What to compare: one setting across, and another one down if wished. */
export function GridDialog({ onStart, onClose }: GridDialogProps) {
  const [x, setX] = useState<AxisText>({ field: 'guidanceScale', text: '2, 5, 8' });
  const [y, setY] = useState<AxisText>({ field: 'steps', text: '' });
  const [isSending, setIsSending] = useState(false);
  const [error, setError] = useState<ErrorDescription>();

  const xAxis = { field: x.field, values: parseValues(x.field, x.text) };
  const yValues = parseValues(y.field, y.text);
  const yAxis = yValues.length === 0 || y.field === x.field ? undefined : { field: y.field, values: yValues };
  const count = cellCount(xAxis, yAxis);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setIsSending(true);
    try {
      await onStart(xAxis, yAxis);
      onClose();
    } catch (cause) {
      setError(describeError(cause));
      setIsSending(false);
    }
  };

  return (
    <Dialog title="Compare settings" onClose={onClose}>
      <form className="settings" onSubmit={submit}>
        <AxisFields name="Across" axis={x} onChange={setX} />
        <AxisFields name="Down" axis={y} onChange={setY} />
        {count > MAX_CELLS && <p className="field-error">At most {MAX_CELLS} pictures: leave some values out</p>}
        {error !== undefined && <ErrorNotice error={error} />}
        <button type="submit" className="button primary" disabled={isSending || count === 0 || count > MAX_CELLS}>
          {isSending ? 'Sending…' : `Draw ${plural(count, 'picture')}`}
        </button>
      </form>
    </Dialog>
  );
}

interface AxisFieldsProps {
  name: string;
  axis: AxisText;
  onChange(axis: AxisText): void;
}

function AxisFields({ name, axis, onChange }: AxisFieldsProps) {
  const separator = axis.field === 'prompt' ? 'Separated by |' : 'Separated by commas';
  return (
    <div className="pair">
      <SelectField
        label={name}
        value={axis.field}
        options={axisLabels}
        onChange={(field) => onChange({ field: field as AxisField, text: '' })}
      />
      <Field label={`${name}: values`} hint={separator}>
        {(input) => (
          <input
            {...input}
            type="text"
            autoComplete="off"
            value={axis.text}
            onChange={(event) => onChange({ ...axis, text: event.target.value })}
          />
        )}
      </Field>
    </div>
  );
}
