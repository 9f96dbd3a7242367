/** The code cache beside the bundle's files: it holds, and without one that does all goes on. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { cachePath } from '../../src/cli/code-cache.ts';
import { ROOT } from './command-line.ts';

const BIN = join(ROOT, 'dist/bin');
const HELLO = join(ROOT, 'guests/hello/main.asm');

/** Files of a folder that have a cache for this version of Node. */
const cached = (folder: string): string[] => {
  const names = readdirSync(folder);
  return names.filter((name) => names.includes(cachePath(name)));
};

/** Prints how many of the files named in its arguments V8 compiles from their cache. */
const COUNT = `
  const { compileScript, cachePath } = await import(process.argv[1]);
  const { readFileSync } = await import('node:fs');
  const scripts = process.argv.slice(2).map((path) => compileScript(path, readFileSync(cachePath(path))));
  console.log(scripts.filter(({ cachedDataRejected }) => cachedDataRejected === false).length);
`;

// A build by another version of Node has no cache for this one.
describe.skipIf(cached(BIN).length === 0)('code cache', () => {
  const count = (...options: string[]): number => {
    const paths = cached(BIN).map((name) => join(BIN, name));
    const module = join(ROOT, 'dist/cli/code-cache.js');
    const args = [...options, '--input-type=module', '-e', COUNT, module, ...paths];
    return Number(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout);
  };

  test('V8 takes it', () => {
    expect(cached(BIN).some((name) => name.startsWith('trapline-'))).toBe(true);
    expect(count()).toBe(cached(BIN).length);
  });

  test('V8 refuses it under other flags', () => {
    expect(count('--no-lazy')).toBe(0);
  });
});

describe('without a cache that holds', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'trapline-cache-'));
    cpSync(BIN, join(root, 'dist/bin'), { recursive: true });
    for (const file of ['dist/trapline.wasm', 'package.json']) {
      cpSync(join(ROOT, file), join(root, file));
    }
  });

  const hello = (...options: string[]): unknown => {
    const args = [...options, join(root, 'dist/bin/main.js'), 'run', HELLO];
    const env = { ...process.env, NODE_COMPILE_CACHE: join(root, 'node-cache') };
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
    return { status, stdout, stderr };
  };
  const change = (edit: (path: string) => void): void => {
    const folder = join(root, 'dist/bin');
    for (const name of cached(folder)) edit(join(folder, cachePath(name)));
  };
  const expected = { status: 1, stdout: 'Hello from 64-bit mode, ring 0.\n', stderr: '' };

  test('none', () => {
    change((path) => rmSync(path));
    expect(hello()).toEqual(expected);
    expect(hello()).toEqual(expected);
  });

  test('an empty one', () => {
    change((path) => writeFileSync(path, ''));
    expect(hello()).toEqual(expected);
  });

  test('one that is cut off', () => {
    change((path) => writeFileSync(path, readFileSync(path).subarray(0, -100)));
    expect(hello()).toEqual(expected);
  });

  test('one of another version', () => {
    change((path) => {
      const bytes = readFileSync(path);
      bytes.writeUInt32LE(bytes.readUInt32LE(4) ^ 1, 4);
      writeFileSync(path, bytes);
    });
    expect(hello()).toEqual(expected);
  });

  test('one of other flags', () => {
    expect(hello('--no-lazy')).toEqual(expected);
  });
});
