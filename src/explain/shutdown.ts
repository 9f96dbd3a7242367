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

/** The explanation, one string a line. `symbols` names code addresses where it can. */
export function explainFaults(
  faults: readonly FaultRecord[],
  symbols: Symbolizer = () => undefined,
): string[] {
  return faults.flatMap((fault, n) => {
    const [head = '', ...rest] = explainFault(fault, symbols);
    return [`  ${n + 1}. ${head}${cause(faults[n - 1])}`, ...rest.map((line) => `     ${line}`)];
  });
}

/** What was being delivered when the event after `previous` was raised. */
function cause(previous: FaultRecord | undefined): string {
  if (previous === undefined) return '';
  return `, while delivering ${previous.doubled ? '#DF' : nameOf(previous)}`;
}

function explainFault(fault: FaultRecord, symbols: Symbolizer): string[] {
  const { vector, errorCode, why } = fault;
  const code = errorCode === undefined ? undefined : describeErrorCode(vector, errorCode);
  const lines = [
    nameWithCode(fault) + (code === undefined ? '' : `: ${code}`),
    place(fault, symbols),
    ...entryLine(fault),
  ];
  if (why.name !== 'None') lines.push(why.text);
  if (fault.doubled) lines.push('this turns it into a double fault, #DF(0)');
  return lines;
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
