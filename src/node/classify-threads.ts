/** Classifies variants of the x86 in threads: a machine for each in every thread, and forms shared out a few at a time. */

import { Worker } from 'node:worker_threads';
import {
  type Classification,
  type ClassifyOptions,
  type FormReport,
  summarize,
} from '../virtualizability/classify.ts';
import { X86_MODES, type X86Mode } from '../virtualizability/x86/modes.ts';
import { variantRows, type X86Variant } from '../virtualizability/x86/variant.ts';
import { x86Forms } from '../virtualizability/x86/x86-machine.ts';

/** One machine to classify. */
export interface ClassifyTask {
  readonly variant: X86Variant;
  readonly mode: X86Mode['name'];
}

export interface ThreadOptions extends Pick<ClassifyOptions, 'states' | 'seed'> {
  readonly module: WebAssembly.Module;
  readonly threads: number;
  /** Only these; all if there are none. */
  readonly mnemonics?: readonly string[];
  readonly progress?: (share: number) => void;
}

/** What a thread is started with. */
export interface WorkerData {
  readonly module: WebAssembly.Module;
  readonly tasks: readonly ClassifyTask[];
  readonly states?: number;
  readonly seed?: number;
}

/** Forms of one task to try, and what was found of them. */
export interface Batch {
  readonly task: number;
  readonly forms: readonly number[];
}
export interface BatchResult extends Batch {
  readonly reports: readonly FormReport[];
}

const BATCH_FORMS = 8;
/** Of the package, also where this runs from its sources or bundled. */
const WORKER = new URL('../../dist/node/classify-worker.js', import.meta.url);

/** The classifications of `tasks`, in their order. What is found does not depend on the number of threads. */
export async function classifyInThreads(
  tasks: readonly ClassifyTask[],
  { module, threads, states, seed, mnemonics = [], progress }: ThreadOptions,
): Promise<Classification[]> {
  const data: WorkerData = {
    module,
    tasks,
    ...(states !== undefined && { states }),
    ...(seed !== undefined && { seed }),
  };
  const queue = batchesOf(tasks, new Set(mnemonics));
  const total = queue.length;
  const found: FormReport[][] = tasks.map(() => []);
  const count = Math.max(1, Math.min(threads, total));
  const take = ({ task, forms, reports }: BatchResult): void => {
    reports.forEach((report, n) => {
      const place = found[task];
      if (place !== undefined) place[forms[n] ?? 0] = report;
    });
    progress?.(1 - queue.length / total);
  };
  await Promise.all(Array.from({ length: count }, () => work(data, queue, take)));
  return tasks.map(({ mode }, n) => summarize(mode, Object.values(found[n] ?? [])));
}

function batchesOf(tasks: readonly ClassifyTask[], mnemonics: ReadonlySet<string>): Batch[] {
  return tasks.flatMap(({ variant, mode: name }, task) => {
    const mode = X86_MODES.find((one) => one.name === name);
    const all = mode === undefined ? [] : x86Forms(mode, variantRows(variant));
    const isAsked = (mnemonic: string): boolean => mnemonics.size === 0 || mnemonics.has(mnemonic);
    const chosen = all.flatMap(({ mnemonic }, n) => (isAsked(mnemonic) ? [n] : []));
    return Array.from({ length: Math.ceil(chosen.length / BATCH_FORMS) }, (_, n) => ({
      task,
      forms: chosen.slice(n * BATCH_FORMS, (n + 1) * BATCH_FORMS),
    }));
  });
}

/** One thread takes batches from `queue` until there are none. */
function work(
  data: WorkerData,
  queue: Batch[],
  take: (result: BatchResult) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData: data });
    const next = (): void => {
      const batch = queue.shift();
      if (batch !== undefined) worker.postMessage(batch);
      else void worker.terminate().then(() => resolve());
    };
    worker.on('message', (result: BatchResult) => {
      take(result);
      next();
    });
    worker.on('error', reject);
    next();
  });
}
