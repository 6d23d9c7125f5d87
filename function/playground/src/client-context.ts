import type { Safelight } from '@safelight/sdk';
import { createContext, useContext } from 'react';

/** The endpoint that the whole page works with. */
export interface Client {
  safelight: Safelight;
  endpoint: string;
  /** Whether a key is sent. The key itself stays in the client. */
  hasKey: boolean;
  /** Tells the page of an error that concerns all of it: the server is gone, or does not take the key. */
  report(error: unknown): void;
}

export const ClientContext = createContext<Client | undefined>(undefined);

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === undefined) throw new Error('There is no client around this component');
  return client;
}
