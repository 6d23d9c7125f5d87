import { readPictureText } from '@safelight/sdk/metadata';
import { describeSampler } from '../../../describe-samplers.ts';
import type { SucceededJob } from '../draw-now.ts';
import { toBase64 } from '../pictures.ts';
import type { Body } from '../read-body.ts';
import { toTimestamp } from './progress.ts';

const infotextOf = async (file: Uint8Array): Promise<string> =>
  (await readPictureText(new Blob([new Uint8Array(file)]))) ?? '';

/** What AUTOMATIC1111 says of a generation (`Processed.js` in `modules/processing.py`). */
const toInfo = async ({ settings, images, createdAt, warnings }: SucceededJob, files: readonly Uint8Array[]) => {
  const { prompt, negativePrompt, seed, subseed = -1, subseedStrength = 0, count } = settings;
  const repeat = <Value>(value: Value): Value[] => Array.from({ length: count }, () => value);
  const [first] = images;
  return {
    prompt,
    all_prompts: repeat(prompt),
    negative_prompt: negativePrompt,
    all_negative_prompts: repeat(negativePrompt),
    seed,
    all_seeds: images.map((image) => image.seed),
    subseed,
    all_subseeds: images.map((_, i) => (subseedStrength > 0 ? subseed + i : -1)),
    subseed_strength: subseedStrength,
    width: first?.width ?? settings.width,
    height: first?.height ?? settings.height,
    sampler_name: describeSampler(settings.sampler)?.sampler.label ?? settings.sampler,
    cfg_scale: settings.guidanceScale,
    steps: settings.steps,
    batch_size: count,
    restore_faces: false,
    face_restoration_model: null,
    sd_model_name: settings.model,
    sd_model_hash: null,
    sd_vae_name: null,
    sd_vae_hash: null,
    seed_resize_from_w: -1,
    seed_resize_from_h: -1,
    denoising_strength: settings.strength ?? settings.hires?.strength ?? null,
    extra_generation_params: {},
    index_of_first_image: 0,
    infotexts: await Promise.all(files.map(infotextOf)),
    styles: [],
    job_timestamp: toTimestamp(Date.parse(createdAt)),
    clip_skip: settings.clipSkip ?? 1,
    is_using_inpainting_conditioning: false,
    version: 'Safelight',
    // Ours: such as words that the model does not know.
    comments: warnings.map(({ message }) => message),
  };
};

/** The answer of txt2img and img2img: the pictures, the request, and a JSON text about both. */
export const toAnswer = async (job: SucceededJob, body: Body, files: readonly Uint8Array[]) => ({
  images: body.send_images === false ? [] : files.map(toBase64),
  parameters: body.include_init_images === true ? body : { ...body, init_images: null, mask: null },
  info: JSON.stringify(await toInfo(job, files)),
});
