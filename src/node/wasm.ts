/** Loads the processor's WebAssembly module from the package (dist/trapline.wasm). */

import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

/**
 * Work after which V8 compiles a WebAssembly function anew with its optimizing compiler, in the units of
 * its option; a ninetieth of the default. The processor's hot functions are few and stay hot, so the
 * sooner the better: a run of a second spends half of it in slow code otherwise.
 */
const TIERING_BUDGET = 20_000;

/** Compiles the module. V8 compiles a function when it is first called, and again when it is hot. */
export function loadProcessorModule(): WebAssembly.Module {
  setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`);
  const file = new URL('../../dist/trapline.wasm', import.meta.url);
  return new WebAssembly.Module(readFileSync(file));
}
