import { createSafelight } from '@safelight/sdk';
import { type FormEvent, useId, useState } from 'react';
import { describeError, type ErrorDescription } from '../lib/describe-error.ts';
import { ErrorNotice } from './error-notice.tsx';

export interface KeyFormProps {
  endpoint: string;
  /** What the server said to the key before. */
  error?: ErrorDescription | undefined;
  onSubmit(apiKey: string): void;
}

/** Asks for the key of a server that wants one. */
export function KeyForm({ endpoint, error, onSubmit }: KeyFormProps) {
  const [apiKey, setApiKey] = useState('');
  const [formError, setFormError] = useState<ErrorDescription>();
  const id = useId();
  const shown = formError ?? error;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const key = apiKey.trim();
    try {
      // Says what is wrong with the key before it is sent anywhere.
      createSafelight({ endpoint, apiKey: key });
      onSubmit(key);
    } catch (cause) {
      setFormError(describeError(cause));
    }
  };

  return (
    <form className="card key-form" onSubmit={submit}>
      <h2>This server needs a key</h2>
      <p className="muted">
        It stays in this tab until you close it, and is sent to <strong>{new URL(endpoint).host}</strong> only.
      </p>
      {shown !== undefined && <ErrorNotice error={shown} />}
      <label className="field" htmlFor={id}>
        <span className="label">API key</span>
        <input
          id={id}
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={apiKey}
          onChange={(event) => setApiKey(event.target.value)}
        />
      </label>
      <button type="submit" className="button primary">
        Use this key
      </button>
    </form>
  );
}
