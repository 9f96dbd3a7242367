/** Runs the built command line in a process of its own. */

import { type SpawnSyncOptionsWithStringEncoding, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The command line's main file. */
export const MAIN = join(ROOT, 'dist/bin/main.js');

/** What a process left behind. */
export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `trapline ARGS` in `cwd` with `input` on stdin; its stdout goes to `out`, its stderr to `err`. */
export function trapline(
  args: readonly string[],
  input: string = '',
  cwd = ROOT,
  out: 'pipe' | number = 'pipe',
  err: 'pipe' | number = 'pipe',
): Finished {
  const limits = { timeout: 60_000, maxBuffer: 2 ** 28 } as const;
  const options: SpawnSyncOptionsWithStringEncoding = {
    input,
    cwd,
    encoding: 'utf8',
    stdio: ['pipe', out, err],
    ...limits,
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], options);
  return { status, stdout, stderr };
}

/** A new folder with these files in it. */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'trapline-test-'));
  for (const [name, data] of Object.entries(files)) writeFileSync(join(folder, name), data);
  return folder;
}
