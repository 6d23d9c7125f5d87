import type { CapacityKind } from '../aws/price-list.ts';

/** EC2's own address for what a machine may know of itself. */
const BASE_URL = 'http://169.254.169.254/latest';
const TOKEN_SECONDS = 21_600;
const TIMEOUT_MS = 2000;

/** What EC2 tells a machine about itself. */
export interface InstanceMetadata {
  /** `undefined` where EC2 says nothing, as on a machine that is none of its own. */
  machine(): Promise<{ instanceType: string; capacity: CapacityKind } | undefined>;
  /** Whether a spot machine is about to be taken back, or moved away from: two minutes are left. */
  isBeingTakenBack(): Promise<boolean>;
}

/** Asks EC2, by version 2 of its protocol. */
export const createInstanceMetadata = (fetchMetadata: typeof fetch = fetch): InstanceMetadata => {
  let token: string | undefined;

  const ask = async (path: string, init: RequestInit): Promise<Response> =>
    await fetchMetadata(`${BASE_URL}/${path}`, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });

  const newToken = async (): Promise<string> => {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS) };
    const response = await ask('api/token', { method: 'PUT', headers });
    if (!response.ok) throw new Error(`EC2 gave no token: ${response.status}`);
    return await response.text();
  };

  /** `undefined` where there is nothing of that name. */
  const read = async (path: string): Promise<string | undefined> => {
    for (let isRetry = false; ; isRetry = true) {
      token ??= await newToken();
      const response = await ask(`meta-data/${path}`, { headers: { 'x-aws-ec2-metadata-token': token } });
      if (response.ok) return await response.text();
      await response.body?.cancel();
      if (response.status === 404) return undefined;
      if (response.status !== 401 || isRetry) throw new Error(`EC2 answered ${response.status}`);
      // The token's time was over.
      token = undefined;
    }
  };

  return {
    async machine() {
      try {
        const [instanceType, lifeCycle] = [await read('instance-type'), await read('instance-life-cycle')];
        if (instanceType === undefined) return undefined;
        return { instanceType, capacity: lifeCycle === 'spot' ? 'spot' : 'on-demand' };
      } catch {
        return undefined;
      }
    },
    async isBeingTakenBack() {
      return (await read('spot/instance-action')) !== undefined;
    },
  };
};
