/** Events that no instruction lies between take time of their own, the same however the run is cut. */

import { describe, expect, it } from 'vitest';
import { BareMachine, CODE } from '../fuzz/machine.ts';

const TF = 0x100n;
const STI = 0xfb;
const INTERRUPT = 0x20;
/** Type byte of the gate of vector 2, in BareMachine's IDT. */
const NMI_GATE_TYPE = 0x6000 + 2 * 16 + 5;
const TRAP_GATE = 0xef;

/**
 * STI with TF set: behind it the single-step trap comes, whose handler leaves IF set, so that the interrupt
 * comes before its first instruction; and the handler of the interrupt faults at once.
 */
function start(machine: BareMachine): void {
  machine.restore(0);
  machine.breakHandler(INTERRUPT);
  const { processor } = machine;
  processor.memory.write(CODE, Uint8Array.of(STI, 0x90, 0x90));
  processor.rflags = TF | 2n;
  processor.stateChanged();
  machine.acknowledge = () => {
    processor.setInterruptLine(false);
    return INTERRUPT;
  };
  processor.setInterruptLine(true);
}

function statesBy(slice: number): Map<bigint, string> {
  const machine = new BareMachine();
  start(machine);
  const states = new Map<bigint, string>();
  while (machine.processor.time < 8n) {
    machine.processor.run(slice);
    states.set(machine.processor.time, machine.state());
  }
  return states;
}

describe('events with no instruction between them', () => {
  it('come at the same times in one run and in many', () => {
    const stepped = statesBy(1);
    // STI and what follows it, then the fault of the handler: two extra nanoseconds.
    expect([...stepped.keys()]).toEqual([2n, 3n, 4n, 5n, 6n, 7n, 8n]);
    for (const slice of [2, 4, 8]) {
      for (const [time, state] of statesBy(slice)) expect(state).toBe(stepped.get(time));
    }
  });

  it('show the host the time that they have taken', () => {
    const machine = new BareMachine();
    start(machine);
    const { processor } = machine;
    processor.memory.write(NMI_GATE_TYPE, Uint8Array.of(TRAP_GATE));
    // As behind an STI, which holds the NMI off for one instruction.
    processor.view.setU32('SHADOW', 1);
    processor.view.setU32('NMI_PENDING', 1);
    const seen: bigint[] = [];
    machine.acknowledge = () => {
      seen.push(processor.time);
      processor.setInterruptLine(false);
      return INTERRUPT;
    };
    // STI, the trap, the NMI a nanosecond after it, then the interrupt.
    processor.run(1);
    expect(seen).toEqual([2n]);
    expect(processor.time).toBe(3n);
  });
});
