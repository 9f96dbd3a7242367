/** Loads the processor's WebAssembly module from the package (dist/trapline.wasm). */

import { readFileSync } from 'node:fs';

/** Compiles the module. V8 compiles a function when it is first called, and again when it is hot. */
export function loadProcessorModule(): WebAssembly.Module {
  const file = new URL('../../dist/trapline.wasm', import.meta.url);
  return new WebAssembly.Module(readFileSync(file));
}
