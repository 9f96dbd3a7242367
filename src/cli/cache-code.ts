/**
 * Build step: `cache-code.js MAIN ARGS…` runs the bundled command line and keeps the code of the files
 * that it loads (code-cache.ts), with the functions that the run called. The status is 0 if the run's
 * was that of a guest that succeeded.
 */

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import v8 from 'node:v8';
import type { Script } from 'node:vm';
import { cachePath, compileScript, loaders, runScript } from './code-cache.ts';

const SUCCESS = 1;

const [node = '', , file = '', ...args] = process.argv;
const main = resolve(file);
const scripts = new Map<string, Script>();
const load = loaders['.js'];

loaders['.js'] = (module, path) => {
  if (path === main) return load?.(module, path);
  const script = compileScript(path);
  scripts.set(path, script);
  runScript(module, path, script);
};

// Code holds under the flags that it was made under: those of a process that has just started.
v8.setFlagsFromString = () => {};

process.on('exit', (status) => {
  for (const [path, script] of scripts) writeFileSync(cachePath(path), script.createCachedData());
  process.exitCode = status === SUCCESS ? 0 : 1;
});

process.argv = [node, main, ...args];
createRequire(import.meta.url)(main);
