/**
 * V8's code cache. Compiling the command line takes longer than most commands run, so the build keeps
 * what V8 made of the bundle's files (cache-code.ts), each beside its file. It holds for one version of
 * V8 and one kind of processor, which its name tells; the hash in the name of the file says that both
 * are of the same text; and V8 refuses what was made by another version or under other flags. Files
 * without a cache that holds are loaded as ever; Node compiles them, and keeps the result in a cache of
 * its own where it has one (22.8 and later).
 */

import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/** How Node loads files that are required, by extension: to be replaced by who knows better. */
export const loaders = createRequire(import.meta.url).extensions;

/** Where the code cache of a file is kept. */
export function cachePath(path: string): string {
  return `${path}.${process.versions.v8}-${process.platform}-${process.arch}.cache`;
}

/** Takes the code of files from their caches from now on. */
export function useCodeCache(): void {
  const load = loaders['.js'];
  loaders['.js'] = (module, path) => {
    const code = readCache(path);
    if (code !== undefined) return runScript(module, path, compileScript(path, code));
    enableNodeCache();
    load?.(module, path);
  };
}

function readCache(path: string): Uint8Array | undefined {
  try {
    return readFileSync(cachePath(path));
  } catch {
    return undefined;
  }
}

function enableNodeCache(): void {
  const { enableCompileCache } = Module as { enableCompileCache?: () => void };
  enableCompileCache?.();
}

/** The file at `path` as a script whose value is the function of a CommonJS module. */
export function compileScript(path: string, cachedData?: Uint8Array): Script {
  const source = Module.wrap(readFileSync(path, 'utf8'));
  return new Script(source, { filename: path, ...(cachedData && { cachedData }) });
}

/** Runs a compiled file as `module`. */
export function runScript(module: NodeJS.Module, path: string, script: Script): void {
  const body = script.runInThisContext();
  const require = (id: string): unknown => module.require(id);
  body.call(module.exports, module.exports, require, module, path, dirname(path));
}
