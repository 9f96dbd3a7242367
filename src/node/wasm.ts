/** Loads the processor's WebAssembly module from the package (dist/trapline.wasm). */

import { readFileSync } from 'node:fs';

/** Compiles the module; V8 keeps the code of functions that have become hot within the process. */
export function loadProcessorModule(): WebAssembly.Module {
  const file = new URL('../../dist/trapline.wasm', import.meta.url);
  return new WebAssembly.Module(readFileSync(file));
}
