import { open, stat } from 'node:fs/promises';
import type { GenerateSettings } from '@safelight/sdk/contract';
import { spareThreads, startByteThreads } from '../../bundle/byte-threads.ts';
import { openFile } from '../../checkpoint/open-file.ts';
import { FunctionError } from '../../errors.ts';
import { addUp, promptLoras, settingsLoras, type WantedLora } from '../../pipeline/prompt/networks.ts';
import { type AddOn, type AddOnSource, nameAddOns } from '../add-on-folder.ts';

/** Formats that LoRAs come in, the preferred one first. */
const extensions = ['.safetensors', '.pt', '.ckpt'];
/** As many as the contract allows beside the prompt. */
const MAX_LORAS = 16;

/** A LoRA that is there, and how strongly it is wanted. */
export interface FoundLora extends WantedLora {
  readonly path: string;
  /** Of the file: what a model is made from. */
  readonly sha256: string;
  /** Of its tensors: what AUTOMATIC1111 knows it by. */
  readonly hash: string;
  /** The field of the input that named it first. */
  readonly field: 'prompt' | 'loras';
}

/** LoRAs that settings may name. */
export interface LoraFolder {
  /** Their names. @throws FunctionError `unavailable` when they cannot be listed. */
  list(): Promise<string[]>;
  /**
   * Finds the LoRAs that settings name. What only the prompt names may be missing, as AUTOMATIC1111 has it, and the pipeline
   * warns of it; what the field `loras` names must be there.
   * @throws FunctionError `invalid_input` naming the field, and the LoRAs there are; `model_corrupt` for a damaged file.
   */
  find(settings: Pick<GenerateSettings, 'prompt' | 'promptSyntax' | 'loras'>): Promise<FoundLora[]>;
}

/** @param source Where LoRAs lie; none, where that is undefined. */
export function createLoraFolder(source: AddOnSource | undefined): LoraFolder {
  const hashes = createHashCache();
  const listAll = async () => (source === undefined ? new Map<string, AddOn>() : await source.list(extensions));
  return {
    list: async () => [...(await listAll()).keys()],
    async find(settings) {
      const [prompted, chosen] = [promptLoras(settings), settingsLoras(settings)];
      if (prompted.length === 0 && chosen.length === 0) return [];
      const there = await listAll();
      const missing = chosen.find(({ name }) => !there.has(name));
      if (missing !== undefined) throw notThere(missing.name, there);
      const wanted = addUp([...prompted.filter(({ name }) => there.has(name)), ...chosen]);
      const field = prompted.length > 0 ? 'prompt' : 'loras';
      if (wanted.length > MAX_LORAS)
        throw new FunctionError('invalid_input', `Use at most ${MAX_LORAS} LoRAs at once`, { field });
      return Promise.all(
        wanted.map(async (lora) => {
          const addOn = there.get(lora.name) as AddOn;
          await source?.bring(addOn);
          const { path } = addOn;
          const isPrompted = prompted.some(({ name }) => name === lora.name);
          return { ...lora, path, ...(await hashes(path)), field: isPrompted ? 'prompt' : 'loras' };
        }),
      );
    },
  };
}

function notThere(name: string, there: ReadonlyMap<string, AddOn>): FunctionError {
  const known = there.size === 0 ? 'there are none' : `use one of ${nameAddOns(there.keys())}`;
  return new FunctionError('invalid_input', `There is no LoRA of the name ${JSON.stringify(name)} here: ${known}`, {
    field: 'loras',
  });
}

type Hashes = Pick<FoundLora, 'sha256' | 'hash'>;

/** Files are hashed anew only when they have changed since. */
function createHashCache(): (path: string) => Promise<Hashes> {
  const known = new Map<string, { state: string; hashes: Promise<Hashes> }>();
  return async (path) => {
    const { size, mtimeNs, ino } = await stat(path, { bigint: true });
    const state = `${size} ${mtimeNs} ${ino}`;
    const found = known.get(path);
    if (found?.state === state) return found.hashes;
    const hashes = hashLora(path);
    known.set(path, { state, hashes });
    hashes.catch(() => known.delete(path));
    return hashes;
  };
}

async function hashLora(path: string): Promise<Hashes> {
  const opened = await openFile(path);
  await opened.close();
  const threads = startByteThreads(Math.min(spareThreads(), 2));
  const file = await open(path, 'r');
  try {
    const sha256 = threads.sha256OfFile(path);
    sha256.catch(() => undefined); // Heard below.
    const noted = opened.metadata?.get('sshs_model_hash');
    if (noted !== undefined && /^[0-9a-f]{64}$/.test(noted)) return { sha256: await sha256, hash: noted };
    if (opened.format !== 'safetensors') return { sha256: await sha256, hash: await sha256 };
    const head = new DataView(new ArrayBuffer(8));
    await file.read(head, 0, 8, 0);
    const dataStart = 8 + Number(head.getBigUint64(0, true));
    const hash = await threads.sha256OfRange(file.fd, dataStart, Number.POSITIVE_INFINITY);
    return { sha256: await sha256, hash };
  } finally {
    await threads.close();
    await file.close();
  }
}
