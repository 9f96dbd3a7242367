/**
 * The package as `npm pack` makes it installs elsewhere without a build step and runs a guest. Where
 * the packages that it depends on can be had neither from npm's cache nor from a registry, those of
 * the project stand in.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = `bits 64
org 0x100000
        mov dx, 0x3f8
        mov al, '!'
        out dx, al
        mov al, 0
        out 0xf4, al
`;

const folder = mkdtempSync(join(tmpdir(), 'trapline-package-'));
const run = (command: string, args: readonly string[], cwd: string) =>
  spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 100_000 });

beforeAll(() => {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' }));
  const tarball = join(folder, packed.filename);
  writeFileSync(join(folder, 'package.json'), '{"name":"elsewhere","private":true}');
  writeFileSync(join(folder, 'hello.asm'), SOURCE);
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  const { status } = run('npm', ['install', ...options, tarball], folder);
  if (status !== 0) unpack(tarball);
}, 120_000);

/** Installs by hand, with the project's own packages. */
function unpack(tarball: string): void {
  const target = join(folder, 'node_modules/trapline');
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['xzf', tarball, '--strip-components=1', '-C', target]);
  symlinkSync(join(ROOT, 'node_modules'), join(target, 'node_modules'));
  mkdirSync(join(folder, 'node_modules/.bin'));
  const launcher = join(folder, 'node_modules/.bin/trapline');
  writeFileSync(
    launcher,
    '#!/bin/sh\nexec node "$(dirname "$0")/../trapline/dist/bin/main.js" "$@"\n',
    {
      mode: 0o755,
    },
  );
}

test('npx trapline run boots a guest', () => {
  const { status, stdout } = run('npx', ['--no-install', 'trapline', 'run', 'hello.asm'], folder);
  expect([status, stdout]).toEqual([1, '!']);
});

test('the library and its types are there', () => {
  const script = `
    import { assemble, flatImage, loadImage, Pc } from 'trapline';
    import { loadProcessorModule } from 'trapline/node';
    import { readFileSync } from 'node:fs';
    const { bytes } = assemble(readFileSync('hello.asm', 'utf8'), { file: 'hello.asm' });
    const pc = new Pc(loadProcessorModule(), { com1: (byte) => console.log(byte) });
    loadImage(pc.machine, flatImage(bytes));
    console.log(JSON.stringify(pc.machine.run()));
  `;
  const { stdout } = run(process.execPath, ['--input-type=module', '-e', script], folder);
  expect(stdout).toBe('33\n{"kind":"exit","status":1}\n');
  expect(existsSync(join(folder, 'node_modules/trapline/dist/index.d.ts'))).toBe(true);
});

test('nothing but what is needed to run is installed', () => {
  const { dependencies, scripts } = JSON.parse(
    readFileSync(join(folder, 'node_modules/trapline/package.json'), 'utf8'),
  );
  expect(Object.keys(dependencies)).toEqual(['@assemblyscript/loader', 'yargs']);
  expect(Object.keys(scripts)).toEqual(['prepack']);
});
