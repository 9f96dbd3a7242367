/**
 * A triple fault explained: each event of the chain, what its error code says, and what was read
 * when the check failed.
 */

import { EVENT_NAMES, PF, PF_WR } from '../base/vector.ts';
import type { FaultRecord, TssStack } from '../machine/fault-chain.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';
import { describeDescriptor, describeGate, describeLegacyGate } from './entry.ts';
import { describeErrorCode } from './error-code.ts';
import { digits, hex } from './hex.ts';
import { describePageEntry, describePdpteRegister } from './page-entry.ts';

/** The longest instruction: a fetch that faults lies within one. */
const MAX_INSTRUCTION_BYTES = 15n;

const NO_TSS = 'TR holds no TSS (LTR was not executed): what stands there is garbage';
/** Offset of IST1 in a 64-bit TSS; RSP0 to RSP2 lie before it (SDM 3A 7.7). */
const IST1 = 0x24;

/** What is known of the guest beside the faults. */
export interface FaultContext {
  readonly symbols: SymbolTable;
  /** False where TR was never loaded. */
  readonly hasTss: boolean;
  /** Long mode, whose tables and registers are wider. */
  readonly isLong: boolean;
  /** The set that the instruction at `rip` belongs to, if it is one that the machine lacks. */
  readonly absentSet: (rip: bigint) => string | undefined;
}

const UNKNOWN: FaultContext = {
  symbols: new SymbolTable([]),
  hasTss: true,
  isLong: true,
  absentSet: () => undefined,
};

/** The explanation, one string a line. */
export function explainFaults(faults: readonly FaultRecord[], context = UNKNOWN): string[] {
  const { hasTss } = context;
  return faults.flatMap((fault, n) => {
    const [head = '', ...rest] = explainFault(fault, context);
    const hint = fault.stack !== undefined && !hasTss ? [NO_TSS] : [];
    const lines = [...rest, ...hint].map((line) => `     ${line}`);
    return [`  ${n + 1}. ${head}${cause(faults[n - 1])}`, ...lines];
  });
}

/** An exception that a PV domain could not take. */
export function explainRefused({
  vector,
  errorCode,
  address,
}: Pick<FaultRecord, 'vector' | 'errorCode' | 'address'>): string[] {
  const code = errorCode === undefined ? undefined : describeErrorCode(vector, errorCode);
  const name = nameWithCode({ vector, errorCode, kind: 'exception' });
  const at = vector === PF ? `, CR2=${digits(address, 16)}` : '';
  return [`  ${name}${code === undefined ? '' : `: ${code}`}${at}`];
}

/** What was being delivered when the event after `previous` was raised. */
function cause(previous: FaultRecord | undefined): string {
  if (previous === undefined) return '';
  return `, while delivering ${previous.doubled ? '#DF' : nameOf(previous)}`;
}

function explainFault(fault: FaultRecord, context: FaultContext): string[] {
  const { vector, errorCode, why } = fault;
  const code =
    errorCode === undefined ? undefined : describeErrorCode(vector, errorCode, isFetch(fault));
  const lines = [
    nameWithCode(fault) + (code === undefined ? '' : `: ${code}`),
    place(fault, context),
    ...entryLine(fault, context),
  ];
  if (why.name !== 'None') lines.push(missing(fault, context) ?? why.text);
  if (fault.stack !== undefined) lines.push(stackLine(fault.stack));
  if (fault.doubled) lines.push('this turns it into a double fault, #DF(0)');
  return lines;
}

/** What the bytes are, where they are an instruction that this machine lacks. */
export function missing({ why, rip }: FaultRecord, context: FaultContext): string | undefined {
  const set = why.name === 'Undefined' ? context.absentSet(rip) : undefined;
  return set === undefined ? undefined : `the bytes are an instruction of ${set}`;
}

/**
 * A page fault of the first byte of an instruction, or of the page that it goes on in, is one of the
 * fetch.
 */
function isFetch({ vector, kind, errorCode, address, rip }: FaultRecord): boolean {
  if (vector !== PF || kind !== 'exception' || ((errorCode ?? 0) & PF_WR) !== 0) return false;
  const ahead = address - rip;
  const isNextPage = (address & 0xfffn) === 0n && ahead > 0n && ahead < MAX_INSTRUCTION_BYTES;
  return ahead === 0n || isNextPage;
}

type Named = Pick<FaultRecord, 'vector' | 'kind'>;

function nameOf(fault: Named): string {
  if (fault.kind === 'software') return `INT ${hex(fault.vector, 2)}`;
  if (fault.kind === 'interrupt' && fault.vector >= 32) return `interrupt ${hex(fault.vector, 2)}`;
  return EVENT_NAMES[fault.vector] ?? `exception ${fault.vector}`;
}

function nameWithCode(fault: Named & Pick<FaultRecord, 'errorCode'>): string {
  const { errorCode } = fault;
  return nameOf(fault) + (errorCode === undefined ? '' : `(${hex(errorCode, 4)})`);
}

/** `text`, which is an address, with the symbol of the address if it has one. */
function named(text: string, address: bigint, symbols: SymbolTable): string {
  const name = symbols.name(address);
  return name === undefined ? text : `${text} (${name})`;
}

function place(fault: FaultRecord, { symbols, isLong }: FaultContext): string {
  const { vector, cs, rip, rsp, cpl, address } = fault;
  const [width, stack] = isLong ? [16, 'RSP'] : [8, 'ESP'];
  const where = named(`${digits(cs, 4)}:${digits(rip, width)}`, rip, symbols);
  const cr2 = vector === PF ? ` CR2=${digits(address, width)}` : '';
  return `at ${where} CPL=${cpl} ${stack}=${digits(rsp, width)}${cr2}`;
}

/** `the stack is IST3 of the TSS, at 0x34: 0000000000000000` */
function stackLine({ offset, address, pointer }: TssStack): string {
  const [name, first] = offset < IST1 ? ['RSP', 0x04] : ['IST', IST1 - 8];
  const field = `${name}${(offset - first) / 8} of the TSS, at ${hex(address)}`;
  return `the stack is ${field}: ${pointer === undefined ? 'not read' : digits(pointer, 16)}`;
}

function entryLine({ why, read }: FaultRecord, { symbols, isLong }: FaultContext): string[] {
  if (read === undefined) return [];
  const { address, low, high } = read;
  switch (why.entry) {
    case 'page':
      return [describePageEntry(read)];
    case 'pdpte':
      return [describePdpteRegister(read)];
    case 'gate':
      if (low === 0n && high === 0n && why.name === 'IdtLimit')
        return [`gate at ${hex(address)}: not read`];
      return [isLong ? describeGate(address, low, high) : describeLegacyGate(address, low)];
    case 'descriptor':
      if (address === 0n) return [];
      if (why.name === 'TableLimit') return [`descriptor at ${hex(address)}: not read`];
      return [describeDescriptor(address, low, high)];
    case 'address':
      return [`linear address ${digits(low, 16)}`];
    case 'rip': {
      const from = address === 0n ? '' : `, read at ${named(hex(address), address, symbols)}`;
      return [`new RIP ${digits(low, 16)}${from}`];
    }
    default:
      return address === 0n ? [] : [`TSS field at ${hex(address)} = ${digits(low, 16)}`];
  }
}
