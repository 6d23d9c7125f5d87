import type { ModelInfo } from '@safelight/sdk/contract';

/**
 * The licence of Stable Diffusion v1 and of every model made from it. Who hands the model on, or lets others use it over
 * a network, has to pass its use restrictions on: they travel in the manifest and in the models API.
 */
export const openRailLicense: ModelInfo['license'] = {
  name: 'CreativeML OpenRAIL-M',
  url: 'https://huggingface.co/spaces/CompVis/stable-diffusion-license',
  useRestrictions:
    'Not to be used (attachment A of the licence): against the law; to exploit or harm minors; to spread false ' +
    'information in order to harm others; to spread personal data that can harm a person; to defame, disparage or ' +
    "harass others; for fully automated decisions that affect a person's legal rights; to discriminate against or harm " +
    'people for their behaviour, traits or protected characteristics; to exploit the vulnerabilities of a group; for ' +
    'medical advice; for justice, law enforcement, immigration or asylum processes.',
};

/** What is shown before a checkpoint is converted for the first time. */
export const openRailTerms = `Stable Diffusion v1 and the models made from it come under the ${openRailLicense.name} licence:
  ${openRailLicense.url}

What you draw is yours, and so is the responsibility for it. If you hand the model on, or let others use it over a
network, you must pass on the same use restrictions.
${openRailLicense.useRestrictions}`;
