/** Loads the processor's WebAssembly module from the package (dist/trapline.wasm). */

import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

/**
 * Calls and rounds of loops after which V8 compiles a function anew with its optimizing compiler. The
 * processor's hot functions are few and stay hot, so this is far less than V8's default: a run of a
 * second spends half of it in slow code otherwise. A run that is shorter than a millisecond does not
 * get there, and need not wait at its end for a compiler that takes 0.2 s for the dispatch loop.
 */
const HOT = 5000;

/**
 * V8 gives each function the flag's value as its budget when the module is compiled. The code of a
 * function, compiled at its first call, takes from that the bytes of code that ran, but a quarter of the
 * flag's value at most. With 4 it counts.
 */
const COUNTING = 4;

/** Compiles the module. */
export function loadProcessorModule(): WebAssembly.Module {
  const file = new URL('../../dist/trapline.wasm', import.meta.url);
  const bytes = readFileSync(file);
  setTieringBudget(HOT);
  const module = new WebAssembly.Module(bytes);
  setTieringBudget(COUNTING);
  return module;
}

function setTieringBudget(budget: number): void {
  setFlagsFromString(`--wasm-tiering-budget=${budget}`);
}
