/** A checkpoint that can be downloaded by a short name. */
export interface PublishedCheckpoint {
  /** On the Hugging Face hub. */
  repository: string;
  file: string;
  /** Of the file, as several independent projects pin it. */
  sha256: string;
  license: { name: string; url: string };
}

/** All of v1 came out under the same licence, whose use restrictions travel with every copy. */
const openRailM = {
  name: 'CreativeML OpenRAIL-M',
  url: 'https://huggingface.co/spaces/CompVis/stable-diffusion-license',
} as const;

/**
 * Stable Diffusion v1 by name: the original checkpoints, without the EMA copy that only training needs. The first v1-5
 * repositories (`runwayml/…`) are gone from the hub; these are the copies kept there since.
 */
export const publishedCheckpoints = {
  'v1-1': {
    repository: 'CompVis/stable-diffusion-v-1-1-original',
    file: 'sd-v1-1.ckpt',
    sha256: '86cd1d3ccb044d7ba8db743d717c9bac603c4043508ad2571383f954390f3cea',
    license: openRailM,
  },
  'v1-2': {
    repository: 'CompVis/stable-diffusion-v-1-2-original',
    file: 'sd-v1-2.ckpt',
    sha256: '3b87d30facd5bafca1cbed71cfb86648aad75d1c264663c0cc78c7aea8daec0d',
    license: openRailM,
  },
  'v1-3': {
    repository: 'CompVis/stable-diffusion-v-1-3-original',
    file: 'sd-v1-3.ckpt',
    sha256: '2cff93af4dcc07c3e03110205988ff98481e86539c51a8098d4f2236e41f7f2f',
    license: openRailM,
  },
  'v1-4': {
    repository: 'CompVis/stable-diffusion-v-1-4-original',
    file: 'sd-v1-4.ckpt',
    sha256: 'fe4efff1e174c627256e44ec2991ba279b3816e364b49f9be2abc0b3ff3f8556',
    license: openRailM,
  },
  'v1-5': {
    repository: 'stable-diffusion-v1-5/stable-diffusion-v1-5',
    file: 'v1-5-pruned-emaonly.safetensors',
    sha256: '6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa',
    license: openRailM,
  },
  'v1-5-inpainting': {
    repository: 'stable-diffusion-v1-5/stable-diffusion-inpainting',
    file: 'sd-v1-5-inpainting.ckpt',
    sha256: 'c6bbc15e3224e6973459ba78de4998b80b50112b0ae5b5c67113d56b4e366b19',
    license: openRailM,
  },
} as const satisfies Record<string, PublishedCheckpoint>;

export type PublishedCheckpointName = keyof typeof publishedCheckpoints;
export const publishedCheckpointNames = Object.keys(publishedCheckpoints) as PublishedCheckpointName[];
