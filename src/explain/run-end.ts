/** Why a run ended abnormally, for a person: the reason, the place, the fault chain, the registers. */

import { readFaultChain } from '../machine/fault-chain.ts';
import type { Machine, RunEnd } from '../machine/machine.ts';
import type { AbsentMode } from '../machine/processor.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';
import { absentSet } from './absent-set.ts';
import { codeBits, dumpCode } from './code.ts';
import { digits } from './hex.ts';
import { readLinear } from './linear-memory.ts';
import { dumpRegisters } from './registers.ts';
import { explainFaults, explainRefused, type FaultContext, missing } from './shutdown.ts';
import { dumpStack } from './stack.ts';

const EFER_LMA = 1n << 10n;

/** The explanation, one string a line; the first line is the reason. */
export function explainEnd(machine: Machine, end: RunEnd, symbols = new SymbolTable([])): string[] {
  const facts = context(machine, symbols);
  return [
    head(machine, reason(machine, end), symbols),
    ...chain(machine, end, facts),
    ...dumpState(machine, symbols),
  ];
}

/** What led to the end, where that is known. */
function chain(machine: Machine, end: RunEnd, facts: FaultContext): string[] {
  switch (end.kind) {
    case 'shutdown':
      return explainFaults(end.faults, facts);
    case 'crash':
      return end.fault === undefined ? [] : explainRefused(end.fault);
    default:
      return lastMissing(facts, machine);
  }
}

/**
 * The same for a run that was stopped from outside, which has not ended; `why` is the reason. A guest that sleeps
 * until it is woken up does not hang: its state is not told.
 */
export function explainStop(
  machine: Machine,
  why: string,
  symbols = new SymbolTable([]),
): string[] {
  const first = head(machine, why, symbols);
  return machine.sleepsForInterrupt ? [first] : [first, ...dumpState(machine, symbols)];
}

function head(machine: Machine, why: string, symbols: SymbolTable): string {
  return `${why} at ${place(machine, symbols)}, after ${machine.instructions} instructions`;
}

function dumpState(machine: Machine, symbols: SymbolTable): string[] {
  return [
    ...dumpCode(machine),
    ...dumpRegisters(machine.processor),
    ...dumpStack(machine, symbols),
  ];
}

/** Longer than the prefixes and opcodes of any instruction. */
const MAX_BYTES = 15;

function context(machine: Machine, symbols: SymbolTable): FaultContext {
  const { view } = machine.processor;
  const { base } = view.segment('cs');
  const is64 = codeBits(view) === 64;
  return {
    symbols,
    hasTss: view.segment('tr').selector !== 0, // LTR refuses a null selector
    isLong: (view.u64('EFER') & EFER_LMA) !== 0n,
    absentSet: (rip) => absentSet(readLinear(machine, base + rip, MAX_BYTES), is64),
  };
}

/** A guest that ends in its own panic may do so for an instruction that this machine lacks. */
function lastMissing(facts: FaultContext, { processor }: Machine): string[] {
  const [fault] = readFaultChain(processor.view);
  if (fault === undefined || missing(fault, facts) === undefined) return [];
  return ['the last fault that the guest took:', ...explainFaults([fault], facts)];
}

/** How the guest got there, and what to do instead. */
const ABSENT: Readonly<Record<AbsentMode, string>> = {
  'real mode': ' (it clears CR0.PE; guests start in protected or 64-bit mode, and stay there)',
  'virtual-8086 mode': ' (IRET of an EFLAGS image with VM set)',
  'a hardware task switch': ' (a task gate, a far JMP or CALL to a TSS, or IRET with NT set)',
};

function reason(machine: Machine, end: RunEnd): string {
  switch (end.kind) {
    case 'shutdown':
      return 'triple fault';
    case 'absent':
      return `the guest asks for ${end.mode}, which this machine does not have${ABSENT[end.mode]},`;
    case 'reset':
      return `the guest reset the machine through ${end.by}`;
    case 'off':
      return `the guest switched the power off through ${end.by}`;
    case 'crash':
      return `the domain crashed: ${end.why},`;
    case 'halted':
      if (isDomain(machine)) return 'blocked with no event to come (no timer is set)';
      return machine.sleepsForInterrupt
        ? 'halted with no wake-up possible (no device has an event to come)'
        : 'halted with no wake-up possible (interrupts are off)';
    case 'limit':
      return 'the instruction limit was reached';
    case 'input':
      return 'the guest waits for input';
    case 'exit':
      return `exit with status ${end.status}`;
  }
}

/** A domain runs on a processor that leaves to the VMM what comes. */
function isDomain({ processor: { view } }: Machine): boolean {
  return view.u32('HOSTED') !== 0;
}

function place({ processor: { view } }: Machine, symbols: SymbolTable): string {
  const rip = view.u64('RIP');
  const name = symbols.name(rip);
  const width = codeBits(view) === 64 ? 16 : 8;
  const address = `${digits(view.segment('cs').selector, 4)}:${digits(rip, width)}`;
  return name === undefined ? address : `${address} (${name})`;
}
