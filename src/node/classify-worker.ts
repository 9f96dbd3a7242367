/** A thread of classify-threads.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { classifyForm } from '../virtualizability/classify.ts';
import { X86_MODES } from '../virtualizability/x86/modes.ts';
import { variantRows } from '../virtualizability/x86/variant.ts';
import { X86Machine } from '../virtualizability/x86/x86-machine.ts';
import type { Batch, BatchResult, WorkerData } from './classify-threads.ts';

const { module, tasks, states, seed } = workerData as WorkerData;
const machines = new Map<number, X86Machine>();

function machineOf(task: number): X86Machine {
  const known = machines.get(task);
  if (known !== undefined) return known;
  const wanted = tasks[task];
  const mode = X86_MODES.find(({ name }) => name === wanted?.mode);
  assert(wanted !== undefined && mode !== undefined, `task ${task}`);
  const machine = new X86Machine(module, mode, variantRows(wanted.variant));
  machines.set(task, machine);
  return machine;
}

parentPort?.on('message', ({ task, forms }: Batch) => {
  const controls = tasks[task]?.variant.controls ?? [];
  const options = {
    controls,
    ...(states !== undefined && { states }),
    ...(seed !== undefined && { seed }),
  };
  const machine = machineOf(task);
  const reports = forms.map((form) => classifyForm(machine, form, options));
  parentPort?.postMessage({ task, forms, reports } satisfies BatchResult);
});
