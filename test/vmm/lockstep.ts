/** A guest bare and in a VM, for comparing what it computes: the same image, the same features, the same limit. */

import { loadImage } from '../../src/image/load.ts';
import { SEGMENT_NAMES, type SegmentState } from '../../src/machine/cpu-view.ts';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { Machine, type RunEnd } from '../../src/machine/machine.ts';
import { type GuestFile, readGuest } from '../../src/node/guest-file.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Board } from '../../src/pc/board.ts';
import { guestFeatures } from '../../src/vmm/full-engine.ts';
import type { FullTechnique } from '../../src/vmm/monitor.ts';
import { createVirtualMachine } from '../../src/vmm/virtual-machine.ts';
import type { FullVmOptions } from '../../src/vmm/vm-options.ts';

export const module = loadProcessorModule();

/** The path of a guest's source. */
export const guestPath = (name: string): string =>
  new URL(`../../guests/${name}/main.asm`, import.meta.url).pathname;

export const readGuestNamed = (name: string): GuestFile => readGuest(guestPath(name));

/** What runs a guest. */
export interface Runner extends Pick<FullVmOptions, 'shadowFill' | 'patchJumps'> {
  readonly cpu: FullTechnique | 'bare';
  /** Of the machine; a VMM may keep some for itself. */
  readonly features?: ReadonlySet<string>;
}

/** How a run ended, and all that the guest can tell by then. */
export interface Outcome {
  readonly end: RunEnd;
  readonly output: string;
  readonly time: bigint;
  readonly rip: bigint;
  readonly registers: readonly bigint[];
  readonly segments: readonly SegmentState[];
}

/** What is to be seen of a machine whose run came to `end`. */
export function outcomeOf(machine: Machine, end: RunEnd, sent: readonly number[]): Outcome {
  const { processor } = machine;
  const { view } = processor;
  const controls = ['CR0', 'CR2', 'CR3', 'CR4', 'EFER'].map((name) => view.u64(name));
  return {
    end,
    output: Buffer.from(sent).toString('latin1'),
    time: processor.time,
    rip: view.u64('RIP'),
    registers: [...view.gpr, processor.rflags, ...controls],
    segments: SEGMENT_NAMES.map((name) => view.segment(name)),
  };
}

function createMachine(
  { cpu, features = DEFAULT_FEATURES, ...options }: Runner,
  maxInstructions: number,
): Machine {
  if (cpu === 'bare') {
    return Machine.bare(module, { features: guestFeatures(features), maxInstructions });
  }
  return createVirtualMachine(module, { ...options, cpu, features, maxInstructions }).machine;
}

/** Runs `guest` to its end or for `maxInstructions`, bare or in a VM; `input` comes from COM1. */
export function runGuest(
  { image }: Pick<GuestFile, 'image'>,
  runner: Runner | Runner['cpu'],
  maxInstructions: number,
  input: Iterable<number> = [],
): Outcome {
  const sent: number[] = [];
  const options = typeof runner === 'string' ? { cpu: runner } : runner;
  const machine = createMachine(options, maxInstructions);
  const board = new Board(machine, { com1: (byte) => sent.push(byte) });
  loadImage(machine, image);
  board.com1.openInput();
  const bytes = input[Symbol.iterator]();
  for (;;) {
    const end = machine.run();
    if (end.kind !== 'input') {
      return outcomeOf(machine, end, sent);
    }
    const { done, value } = bytes.next();
    board.com1.supply(done ? undefined : value);
  }
}
