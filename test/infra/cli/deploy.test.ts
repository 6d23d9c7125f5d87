import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { createWebhookSigner } from '../../../function/src/webhooks/sign-webhook.ts';
import { type Deployment, type DeployOptions, deploySteps } from '../../../infra/src/cli/deploy-steps.ts';
import { runSteps } from '../../../infra/src/cli/run-steps.ts';
import { describeEndpoint } from '../../../infra/src/cli/summary.ts';
import { CONFIG, OUTPUTS, SITE, World } from './fakes.ts';

const FIRST: DeployOptions = { checkpoint: '/home/me/SD v1-4.ckpt', acceptLicense: true, smokeTest: true };

let world: World;
let deployment: Deployment;
beforeEach(() => {
  world = new World();
});

async function deploy(options: Partial<DeployOptions> = {}) {
  deployment = { outputs: undefined, apiKey: undefined };
  const steps = deploySteps({ ...FIRST, ...options }, world.tools, deployment);
  await runSteps(steps, world.tools.print, () => 0);
}

describe('deploy', () => {
  it('goes from a checkpoint to a picture', async () => {
    await deploy();
    assert.deepEqual(world.changes(), [
      'safelight weights convert /home/me/SD v1-4.ckpt --name sd-v1-4 --target cuda --accept-license',
      'npx --no-install cdk bootstrap aws://123456789012/eu-west-1',
      'npx --no-install cdk deploy safelight --require-approval never',
      'safelight weights push sd-v1-4-cuda s3://models-bucket/sd-v1-4',
      'safelight keys create first',
    ]);
    assert.deepEqual(
      world.pictures.map(({ endpoint, apiKey, model }) => [endpoint, apiKey, model]),
      [[OUTPUTS.EndpointUrl, 'sl_the-secret', 'sd-v1-4']],
    );
  });

  it('tells progress, and the key as soon as there is one', async () => {
    await deploy();
    assert.ok(world.printed.some((line) => line.startsWith('[5/9] Creating the endpoint …')));
    const key = world.printed.findIndex((line) => line.includes('sl_the-secret'));
    assert.ok(key > 0 && key < world.printed.findIndex((line) => line.includes('Drawing a first picture')));
  });

  it('works in the configured region, whatever the environment says', async () => {
    await deploy();
    for (const [index, command] of world.commands.entries())
      if (/safelight|cdk (deploy|bootstrap)/.test(command))
        assert.equal(world.environments[index]?.env?.AWS_REGION, 'eu-west-1', command);
  });

  it('puts the network where the machines are', async () => {
    await deploy();
    const command = world.commands.find((text) => text.includes('cdk deploy'));
    assert.match(command ?? '', /-c safelight:models=sd-v1-4 -c safelight:zones=eu-west-1a,eu-west-1b/);
  });

  it('changes nothing while something is missing', async () => {
    world.hasDocker = false;
    await assert.rejects(deploy(), /Checking what is needed failed: 1 of the checks/);
    assert.deepEqual(world.changes(), []);
    assert.ok(world.printed.some((line) => line.includes('✗ Image builder')));
  });

  const failures = ['weights convert', 'cdk bootstrap', 'cdk deploy', 'weights push', 'keys create'];
  for (const failure of failures)
    it(`goes on where it was after "${failure}" failed`, async () => {
      world.broken = [failure];
      await assert.rejects(deploy(), /failed: .*\nRun the same command again/);
      world.broken = [];
      const before = world.changes().length;
      await deploy();
      const again = world.changes().slice(before);
      assert.equal(world.pictures.length, 1);
      // What had been done, or looks by itself whether it was, is all that may come again.
      const repeated = again.filter((command) =>
        world
          .changes()
          .slice(0, before - 1)
          .includes(command),
      );
      for (const command of repeated) assert.match(command, /cdk deploy|weights push/);
    });

  it('makes one key, however often it runs', async () => {
    await deploy();
    await deploy({ apiKey: 'sl_mine' });
    assert.equal(world.commands.filter((command) => command.includes('keys create')).length, 1);
    assert.equal(world.pictures.at(-1)?.apiKey, 'sl_mine');
  });

  it('makes one secret for webhooks before the functions ask for it, keeps it, and shows it nowhere', async () => {
    world.broken = ['cdk deploy'];
    await assert.rejects(deploy());
    const secret = world.secrets['/safelight/safelight/webhook-secrets'] ?? assert.fail();
    // What the sender asks of a secret.
    assert.ok(createWebhookSigner([secret]));
    world.broken = [];
    await deploy();
    assert.deepEqual(Object.values(world.secrets), [secret]);
    const said = [...world.printed, ...world.commands, describeEndpoint(deployment, CONFIG)].join('\n');
    assert.ok(!said.includes(secret) && !said.includes(secret.slice('whsec_'.length)));
    assert.match(said, /aws ssm get-parameter --region eu-west-1 --name \/safelight\/safelight\/webhook-secrets/);
  });

  it('draws no picture without a key, and says so', async () => {
    world.hasKeys = true;
    await deploy();
    assert.equal(world.pictures.length, 0);
    assert.ok(world.printed.some((line) => line.includes('SAFELIGHT_API_KEY')));
  });

  it('draws no picture where none is wanted', async () => {
    await deploy({ smokeTest: false });
    assert.equal(world.pictures.length, 0);
  });

  it('keeps models, zones and key when the settings are brought up to date', async () => {
    await deploy();
    world.zones = { 'g4dn.xlarge': ['eu-west-1c'] };
    await deploy({ checkpoint: undefined });
    const command = world.commands.filter((text) => text.includes('cdk deploy')).at(-1);
    assert.match(command ?? '', /models=sd-v1-4 -c safelight:zones=eu-west-1a,eu-west-1b/);
  });

  it('adds a second model as the default, and keeps the first', async () => {
    await deploy();
    await deploy({ checkpoint: '/tmp/dreams.safetensors', apiKey: 'sl_mine' });
    assert.match(world.commands.filter((text) => text.includes('cdk deploy')).at(-1) ?? '', /models=dreams,sd-v1-4/);
    assert.equal(world.pictures.at(-1)?.model, 'dreams');
  });

  it('needs no local copy of a model that is in the bucket', async () => {
    await deploy();
    world.localModels = ['mini'];
    await deploy({ checkpoint: undefined });
  });

  it('says which model is missing', async () => {
    await assert.rejects(
      deploy({ checkpoint: undefined }),
      /no model sd-v1-4 for GPUs on this machine\. Pass --checkpoint <file>, or --model mini/,
    );
  });

  it('needs no checkpoint to be tried with the model that comes with Safelight', async () => {
    await deploy({ checkpoint: undefined, model: 'mini' });
    assert.equal(world.pictures.at(-1)?.model, 'mini');
    assert.ok(world.commands.includes('safelight weights push mini s3://models-bucket/mini'));
    assert.match(world.commands.find((text) => text.includes('cdk deploy')) ?? '', /models=mini -c/);
    assert.ok(!world.commands.some((command) => command.includes('weights convert')));
  });

  it('takes a model that was converted before', async () => {
    world.localModels.push('sd-v1-4');
    await deploy();
    assert.equal(
      world.commands.some((command) => command.includes('weights convert')),
      false,
    );
  });

  describe('the playground', () => {
    const address = `safelight:address=${OUTPUTS.EndpointUrl}`;
    const deployments = () => world.commands.filter((text) => text.includes('cdk deploy'));

    it('is not there unless asked for, and the last step says how', async () => {
      await deploy();
      assert.deepEqual(world.sites, {});
      assert.match(deployments().join(), /playground=false/);
      assert.ok(world.printed.some((line) => line.includes('there is none; --playground makes one')));
      assert.doesNotMatch(describeEndpoint(deployment, CONFIG), /Playground/);
    });

    it('is built and sent, and told at the end', async () => {
      await deploy({ playground: true });
      assert.deepEqual(world.sites, { 'site-bucket': SITE });
      const text = describeEndpoint(deployment, CONFIG);
      assert.match(text, /Playground: https:\/\/api\.example\.com in a browser; it asks for one of your keys/);
      assert.match(text, /playground in S3/);
    });

    it('is let in to its pictures as soon as its address is known: by a second deployment the first time only', async () => {
      await deploy({ playground: true });
      assert.deepEqual(
        deployments().map((command) => command.includes(address)),
        [false, true],
      );
      await deploy({ playground: true, apiKey: 'sl_mine' });
      assert.equal(deployments().length, 3);
      assert.ok(deployments()[2]?.includes(address));
    });

    it('needs one deployment where the own domain says the address', async () => {
      const certificateArn = 'arn:aws:acm:us-east-1:123456789012:certificate/abc';
      const domain = { name: 'api.example.com', certificateArn };
      const tools = { ...world.tools, config: { ...CONFIG, domain, playground: true } };
      await runSteps(deploySteps(FIRST, tools, { outputs: undefined, apiKey: undefined }), world.tools.print, () => 0);
      assert.equal(deployments().length, 1);
    });

    it('stays when nothing is said of it, and goes when told to', async () => {
      await deploy({ playground: true });
      await deploy({ apiKey: 'sl_mine' });
      assert.match(deployments().at(-1) ?? '', /playground=true/);
      await deploy({ playground: false, apiKey: 'sl_mine' });
      assert.match(deployments().at(-1) ?? '', /playground=false/);
      await deploy({ apiKey: 'sl_mine' });
      assert.match(deployments().at(-1) ?? '', /playground=false/);
    });

    it('goes on where it was after it could not be built', async () => {
      world.broken = ['npm run --silent playground'];
      await assert.rejects(deploy({ playground: true }), /Sending the playground failed/);
      world.broken = [];
      await deploy();
      assert.deepEqual(world.sites, { 'site-bucket': SITE });
    });
  });

  it('ends with what to do next', async () => {
    await deploy();
    const text = describeEndpoint(deployment, CONFIG);
    assert.match(text, /Endpoint: https:\/\/api\.example\.com/);
    assert.match(text, /createSafelight\(\{ endpoint: 'https:\/\/api\.example\.com'/);
    assert.match(text, /A month in which nobody calls/);
    assert.doesNotMatch(text, /sl_the-secret/);
  });
});
