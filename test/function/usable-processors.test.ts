import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { usableProcessors } from '../../function/src/usable-processors.ts';

/** On a machine of 16 processors with these files. */
const on = (files: Readonly<Record<string, string>>) =>
  usableProcessors({
    scheduled: 16,
    readText: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`ENOENT: ${path}`);
      return text;
    },
  });

const root = '/sys/fs/cgroup';

describe('usable processors', () => {
  test('are those that the process may be scheduled on, where there is no quota', () => {
    assert.equal(on({}), 16);
    assert.equal(on({ '/proc/self/cgroup': '0::/\n' }), 16);
    assert.equal(on({ '/proc/self/cgroup': '0::/\n', [`${root}/cpu.max`]: 'max 100000\n' }), 16);
    const v1 = { '/proc/self/cgroup': '4:cpu,cpuacct:/\n', [`${root}/cpu,cpuacct/cpu.cfs_quota_us`]: '-1\n' };
    assert.equal(on({ ...v1, [`${root}/cpu,cpuacct/cpu.cfs_period_us`]: '100000\n' }), 16);
  });

  test('are no more than a container may use, rounded down, and one at the least', () => {
    const limited = (max: string) => on({ '/proc/self/cgroup': '0::/\n', [`${root}/cpu.max`]: max });
    assert.equal(limited('400000 100000\n'), 4);
    assert.equal(limited('250000 100000\n'), 2);
    assert.equal(limited('50000 100000\n'), 1);
    assert.equal(limited('20000 10000\n'), 2);
    assert.equal(limited('3200000 100000\n'), 16);
  });

  test('are those of the tightest quota on the way up', () => {
    const files = {
      '/proc/self/cgroup': '0::/kubepods.slice/pod:7.slice/app.scope\n',
      [`${root}/kubepods.slice/pod:7.slice/app.scope/cpu.max`]: 'max 100000\n',
      [`${root}/kubepods.slice/pod:7.slice/cpu.max`]: '300000 100000\n',
      [`${root}/kubepods.slice/cpu.max`]: '800000 100000\n',
    };
    assert.equal(on(files), 3);
  });

  test('are found where version 1 has them, also in a container that does not see the folders its cgroup is in', () => {
    const cgroups = '5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:cpuset:/docker/abc\n';
    const quota = { 'cpu.cfs_quota_us': '600000\n', 'cpu.cfs_period_us': '100000\n' };
    const at = (folder: string) =>
      on({
        '/proc/self/cgroup': cgroups,
        ...Object.fromEntries(Object.entries(quota).map(([name, text]) => [`${folder}/${name}`, text])),
      });
    assert.equal(at(`${root}/cpu,cpuacct/docker/abc`), 6);
    assert.equal(at(`${root}/cpu,cpuacct`), 6);
    assert.equal(at(`${root}/cpuset`), 16);
  });

  test('pass over what cannot be read as numbers, and leave the hierarchy for no path', () => {
    for (const max of ['', 'max', '0 0', '100000', 'x y', '-1 100000', '100000 0'])
      assert.equal(on({ '/proc/self/cgroup': '0::/\n', [`${root}/cpu.max`]: max }), 16, max);
    assert.equal(on({ '/proc/self/cgroup': 'nonsense\n0::relative\n' }), 16);
    assert.equal(on({ '/proc/self/cgroup': '0::/../../..\n', [`${root}/cpu.max`]: '200000 100000' }), 2);
  });

  test('are at least one, and no more than the machine has, here', () => {
    const here = usableProcessors();
    assert.ok(here >= 1 && here <= availableParallelism(), `${here}`);
  });
});
