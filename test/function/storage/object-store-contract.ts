/** What every home's object store must do. Call it with a way to make one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ObjectStore } from '../../../function/src/storage/object-store.ts';

export const KEY = 'jobs/01hzy3v7q8kfxw5t2m9n4p6r8s/0.png';
export const PNG = { contentType: 'image/png' };
const SIGN = { expiresInSeconds: 60, baseUrl: 'https://pictures.example' };
const bytes = (value: number, length = 1000) => new Uint8Array(length).fill(value);

export interface ObjectStoreFixture extends AsyncDisposable {
  store: ObjectStore;
  /** Lets the clock of the store, and of whoever serves its URLs, go on. */
  advance(milliseconds: number): void;
  now(): number;
  /** What somebody gets who has the URL and nothing else. */
  fetch(url: string): Promise<{ status: number; contentType: string | undefined; body: Uint8Array }>;
}

/** Runs the suite against the stores that `createFixture` makes, one per test. */
export const describeObjectStore = (name: string, createFixture: () => Promise<ObjectStoreFixture>): void => {
  describe(`${name} as an object store`, () => {
    it('gives back what was put, and says what it is', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      assert.equal(await store.get(KEY), undefined);
      assert.equal(await store.stat(KEY), undefined);
      assert.equal(await store.put(KEY, bytes(1), PNG), 'created');
      assert.deepEqual(new Uint8Array((await store.get(KEY)) ?? []), bytes(1));
      assert.deepEqual(await store.stat(KEY), { bytes: 1000, contentType: 'image/png' });
      await store.delete(KEY);
      await store.delete(KEY);
      assert.equal(await store.stat(KEY), undefined);
    });

    it('lets the first writer win, however many race', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const writers = Array.from({ length: 6 }, (_, i) => store.put(KEY, bytes(i, 200_000), PNG));
      const outcomes = await Promise.all(writers);
      assert.equal(outcomes.filter((outcome) => outcome === 'created').length, 1);
      const winner = outcomes.indexOf('created');
      assert.deepEqual(new Uint8Array((await store.get(KEY)) ?? []), bytes(winner, 200_000));
      assert.equal(await store.put(KEY, bytes(99), PNG), 'exists');
      assert.equal((await store.stat(KEY))?.bytes, 200_000);
    });

    it('refuses keys of another shape, and a type that the key does not say', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      for (const key of [
        '../secret.png',
        '/jobs/a/0.png',
        'jobs/a/0.exe',
        'jobs/a/../0.png',
        'a.png',
        'jobs/A/0.png',
      ]) {
        const refused = { code: 'invalid_input', field: 'key' };
        await assert.rejects(store.put(key, bytes(1), PNG), refused, key);
        await assert.rejects(store.get(key), refused, key);
        await assert.rejects(store.stat(key), refused, key);
        await assert.rejects(store.sign(key, SIGN), refused, key);
        await assert.rejects(store.delete(key), refused, key);
      }
      await assert.rejects(store.put(KEY, bytes(1), { contentType: 'image/webp' }), TypeError);
      assert.equal(await store.stat(KEY), undefined);
    });

    it('stops when told to', async () => {
      await using fixture = await createFixture();
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      await assert.rejects(fixture.store.put(KEY, bytes(1), { ...PNG, signal }), reason);
      assert.equal(await fixture.store.stat(KEY), undefined);
    });

    it('signs URLs that open one object until they expire', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      await store.put(KEY, bytes(1), PNG);
      const other = KEY.replace('0.png', '1.png');
      await store.put(other, bytes(2), PNG);
      const { url, expiresAt } = await store.sign(KEY, SIGN);
      const { status, contentType, body } = await fixture.fetch(url);
      assert.deepEqual([status, contentType, body], [200, 'image/png', bytes(1)]);
      assert.equal((await fixture.fetch(url.replace('/0.png', '/1.png'))).status, 403, 'another object');
      assert.equal(
        (await fixture.fetch(url.replace(/ignature=(.)/, (_, first) => `ignature=${first === '0' ? '1' : '0'}`)))
          .status,
        403,
        'another signature',
      );
      const prolonged = url.replace('Expires=60', 'Expires=600').replace(/expires=\d/, 'expires=9');
      assert.notEqual(prolonged, url);
      assert.equal((await fixture.fetch(prolonged)).status, 403, 'a longer life');
      const start = fixture.now();
      assert.ok(expiresAt > start + 58_000 && expiresAt <= start + 60_000);
      fixture.advance(expiresAt - start - 1);
      assert.equal((await fixture.fetch(url)).status, 200, 'its last moment');
      fixture.advance(1);
      assert.equal((await fixture.fetch(url)).status, 403, 'expired');
      assert.equal((await fixture.fetch((await store.sign(KEY, SIGN)).url)).status, 200, 'signed again');
    });
  });
};
