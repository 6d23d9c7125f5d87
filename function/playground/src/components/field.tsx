import { type ReactNode, useId } from 'react';

export interface FieldProps {
  label: string;
  /** What is wrong with it. */
  error?: string | undefined;
  hint?: ReactNode;
  children(input: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': boolean }): ReactNode;
}

/** A labelled input, with what is wrong with it below. */
export function Field({ label, error, hint, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = error ?? hint;
  return (
    <div className="field">
      <label className="label" htmlFor={id}>
        {label}
      </label>
      {children({
        id,
        'aria-describedby': note === undefined ? undefined : noteId,
        'aria-invalid': error !== undefined,
      })}
      {note !== undefined && (
        <div id={noteId} className={error === undefined ? 'hint' : 'field-error'}>
          {note}
        </div>
      )}
    </div>
  );
}
