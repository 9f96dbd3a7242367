/**
 * A triple fault explained: each event of the chain, what its error code says, and what was read
 * when the check failed.
 */

import { EVENT_NAMES } from '../base/vector.ts';
import type { FaultRecord } from '../machine/fault-chain.ts';
import { describeDescriptor, describeGate, describePageEntry } from './entry.ts';
import { describeErrorCode } from './error-code.ts';
import { digits, hex } from './hex.ts';
import type { Symbolizer } from './symbols.ts';

const VECTOR_PF = 14;
/** Bit of the error code of #PF: a write. */
const PF_WR = 2;
/** The longest instruction: a fetch that faults lies within one. */
const MAX_INSTRUCTION_BYTES = 15n;

const NO_TSS =
  'TR holds no TSS (LTR was not executed): a stack that the gate takes from it (IST, inner ring) is garbage';
/** What a delivery pushes at most, with the alignment of the stack. */
const FRAME_BYTES = 64n;

/** A fault on the way to a handler that was not about the stack pointer in use. */
function usesTss({ why, vector, address, rsp }: FaultRecord): boolean {
  if (why.name === 'TssLimit' || why.name === 'StackNotCanonical') return true;
  const below = rsp - address;
  return vector === VECTOR_PF && why.entry === 'page' && (below <= 0n || below > FRAME_BYTES);
}

/**
 * The explanation, one string a line. `symbols` names code addresses where it can; `hasTss` is false
 * where TR was never loaded.
 */
export function explainFaults(
  faults: readonly FaultRecord[],
  symbols: Symbolizer = () => undefined,
  hasTss = true,
): string[] {
  return faults.flatMap((fault, n) => {
    const [head = '', ...rest] = explainFault(fault, symbols);
    const hint = n > 0 && !hasTss && usesTss(fault) ? [NO_TSS] : [];
    const lines = [...rest, ...hint].map((line) => `     ${line}`);
    return [`  ${n + 1}. ${head}${cause(faults[n - 1])}`, ...lines];
  });
}

/** What was being delivered when the event after `previous` was raised. */
function cause(previous: FaultRecord | undefined): string {
  if (previous === undefined) return '';
  return `, while delivering ${previous.doubled ? '#DF' : nameOf(previous)}`;
}

function explainFault(fault: FaultRecord, symbols: Symbolizer): string[] {
  const { vector, errorCode, why } = fault;
  const code =
    errorCode === undefined ? undefined : describeErrorCode(vector, errorCode, isFetch(fault));
  const lines = [
    nameWithCode(fault) + (code === undefined ? '' : `: ${code}`),
    place(fault, symbols),
    ...entryLine(fault),
  ];
  if (why.name !== 'None') lines.push(why.text);
  if (fault.doubled) lines.push('this turns it into a double fault, #DF(0)');
  return lines;
}

/**
 * A page fault of the first byte of an instruction, or of the page that it goes on in, is one of the
 * fetch.
 */
function isFetch({ vector, kind, errorCode, address, rip }: FaultRecord): boolean {
  if (vector !== VECTOR_PF || kind !== 'exception' || ((errorCode ?? 0) & PF_WR) !== 0)
    return false;
  const ahead = address - rip;
  const isNextPage = (address & 0xfffn) === 0n && ahead > 0n && ahead < MAX_INSTRUCTION_BYTES;
  return ahead === 0n || isNextPage;
}

function nameOf(fault: FaultRecord): string {
  if (fault.kind === 'software') return `INT ${hex(fault.vector, 2)}`;
  if (fault.kind === 'interrupt' && fault.vector >= 32) return `interrupt ${hex(fault.vector, 2)}`;
  return EVENT_NAMES[fault.vector] ?? `exception ${fault.vector}`;
}

function nameWithCode(fault: FaultRecord): string {
  const { errorCode } = fault;
  return nameOf(fault) + (errorCode === undefined ? '' : `(${hex(errorCode, 4)})`);
}

function place({ vector, cs, rip, rsp, cpl, address }: FaultRecord, symbols: Symbolizer): string {
  const name = symbols(rip);
  const where = `${digits(cs, 4)}:${digits(rip, 16)}${name === undefined ? '' : ` (${name})`}`;
  const cr2 = vector === VECTOR_PF ? ` CR2=${digits(address, 16)}` : '';
  return `at ${where} CPL=${cpl} RSP=${digits(rsp, 16)}${cr2}`;
}

function entryLine({ why, read }: FaultRecord): string[] {
  if (read === undefined) return [];
  const { address, low, high, level } = read;
  switch (why.entry) {
    case 'page':
      return [describePageEntry(level, address, low)];
    case 'gate':
      if (low === 0n && high === 0n && why.name === 'IdtLimit')
        return [`gate at ${hex(address)}: not read`];
      return [describeGate(address, low, high)];
    case 'descriptor':
      if (address === 0n) return [];
      if (why.name === 'TableLimit') return [`descriptor at ${hex(address)}: not read`];
      return [describeDescriptor(address, low, high)];
    default:
      return address === 0n ? [] : [`TSS field at ${hex(address)} = ${digits(low, 16)}`];
  }
}
