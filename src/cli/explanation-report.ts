/** The report of `trapline explain`: the class of an instruction and the two runs that show it, in words. */

import {
  type ClassifiedForm,
  disassemble,
  type ExplainedRun,
  type Explanation,
  instructionSet,
  type MnemonicReport,
  MODE,
  ROWS,
  type Situation,
} from '../index.ts';
import { wrap } from './wrap.ts';

/** What stands in each column of the comparison. */
const LABEL_WIDTH = 24;
const CELL_WIDTH = 36;
const BITS = { long64: 64, prot32: 32 } as const;
const MODES = { long64: '64-bit mode', prot32: '32-bit protected mode' } as const;
export type ModeName = keyof typeof BITS;

/** What the class means, for one who has not met it. */
const MEANING = {
  'control-sensitive': 'it changes what a VMM must control, and no trap tells the VMM',
  'behaviour-sensitive': 'its results show what a VMM must hide, and no trap tells the VMM',
  privileged: 'at CPL 3 it traps wherever it does not at CPL 0, so a VMM gets control',
  'always traps': 'it traps at every CPL',
  innocuous:
    'it does the same for the program at every CPL and with all resources, and changes none of them',
} as const;

export function formatMnemonic(mode: ModeName, one: MnemonicReport): string {
  const { mnemonic, classes, changes, shows, unless, states } = one;
  const lines = [`${mnemonic} in ${MODES[mode]} (${states} states tried)`];
  for (const name of classes) {
    const forms = one.forms.filter(({ names }) => names.includes(name));
    const isAll = forms.length === one.forms.length;
    const isRest = name === 'innocuous' && !isAll;
    const texts = isRest ? 'all other forms' : forms.map(({ text }) => text).join('; ');
    const which = isAll ? '' : `: ${texts}`;
    lines.push(wrap(`  ${name}: ${MEANING[name]}${which}`, 4));
  }
  if (changes.length > 0) lines.push(`  changes: ${changes.join(', ')}`);
  if (shows.length > 0) lines.push(`  results depend on: ${shows.join(', ')}`);
  if (unless.length > 0) lines.push(`  traps, or is gone, if ${unless.join(' or ')}`);
  return lines.join('\n');
}

/** The witness: `form` is the one that it is of. */
export function formatExplanation(
  mode: ModeName,
  form: ClassifiedForm,
  explanation: Explanation,
): string {
  const { finding, state, runs } = explanation;
  const bytes = Array.from(state.code, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const [line] = disassemble(state.code, instructionSet(ROWS), { mode: BITS[mode], origin: RIP });
  const [first, second] = runs;
  return [
    `The smallest state found in which ${form.text} shows it (${finding.count} of ${form.evidence.states} states do):`,
    `  ${bytes}    ${line?.text ?? form.text}`,
    ...stateLines(explanation),
    '',
    row('', titleOf(first.situation), titleOf(second.situation)),
    row('', outcomeOf(first), outcomeOf(second)),
    ...valueRows(first, second, finding.kind === 'shows' && finding.resource !== MODE),
    ...memoryRows(first, second),
    '',
    wrap(conclusion(explanation), 0),
  ].join('\n');
}

/** Where the machine under test has its instruction. */
const RIP = 0x400100n;

function stateLines({ state, runs }: Explanation): string[] {
  const names = [...runs[0].before.keys()];
  const first = names.indexOf('rax');
  const set = Array.from(state.gpr, (value, n) => ({ name: names[first + n] ?? '', value }))
    .filter(({ value }) => value !== 0n)
    .map(({ name, value }) => `${name}=${hex(value)}`);
  const pieces = state.memory
    .filter(({ bytes }) => bytes.some((byte) => byte !== 0))
    .map(({ address, bytes }) => `  [${hex(BigInt(address))}] = ${bytesText(bytes)}`);
  return [`  registers: ${set.join(' ') || 'all 0'}; flags ${hex(state.rflags)}`, ...pieces];
}

/** Trailing zeroes say nothing. */
function bytesText(bytes: Uint8Array): string {
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  return Array.from(bytes.subarray(0, end), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

function titleOf({ mode, varied }: Situation): string {
  const cpl = mode === 'supervisor' ? 'at CPL 0' : 'at CPL 3';
  return varied.length === 0 ? cpl : `${cpl}, ${varied.join(', ')} otherwise`;
}

function outcomeOf({ outcome, event }: ExplainedRun): string {
  return outcome === 'completed' ? 'runs to its end' : `traps: ${event ?? ''}`;
}

/** What differs between the two runs, or is changed by one. With `showsStart` also what the states differ in. */
function valueRows(first: ExplainedRun, second: ExplainedRun, showsStart: boolean): string[] {
  const rows: string[] = [];
  for (const name of first.before.keys()) {
    const [a, b] = [first, second].map((run) => ({
      before: run.before.get(name) ?? 0n,
      after: run.after.get(name) ?? 0n,
    }));
    if (a === undefined || b === undefined) continue;
    const isChanged = a.before !== a.after || b.before !== b.after;
    const isVaried = showsStart && a.before !== b.before;
    if (name === 'rip' ? a.after === b.after && !isVaried : !isChanged && !isVaried) continue;
    rows.push(row(`  ${name}`, change(a.before, a.after), change(b.before, b.after)));
  }
  return rows;
}

function change(before: bigint, after: bigint): string {
  return before === after ? hex(before) : `${hex(before)} -> ${hex(after)}`;
}

function memoryRows(first: ExplainedRun, second: ExplainedRun): string[] {
  const writes = [first, second].map(
    ({ written }) =>
      new Map(written.map(({ address, bytes }) => [address, bytesText(bytes) || '00'])),
  );
  const addresses = [...new Set(writes.flatMap((one) => [...one.keys()]))].sort((a, b) => a - b);
  return addresses.map((address) => {
    const [a, b] = writes.map((one) => one.get(address) ?? '(as it was)');
    return row(`  [${hex(BigInt(address))}]`, a ?? '', b ?? '');
  });
}

function row(label: string, first: string, second: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${first.padEnd(CELL_WIDTH)} ${second}`.trimEnd();
}

function conclusion({ finding, runs }: Explanation): string {
  const { kind, resource, where, caught } = finding;
  const what = resource === MODE ? 'the mode' : resource;
  if (caught) {
    const does = kind === 'changes' ? `it changes ${what}` : `its results depend on ${what}`;
    return `At CPL 0 ${does}; at CPL 3 it traps, and a VMM can do that for its guest.`;
  }
  if (kind === 'shows' && where === 'both') {
    return 'From the same state it gives the program different results at CPL 0 and at CPL 3, without a trap: a guest kernel that a VMM runs at CPL 3 sees that it does not own the machine.';
  }
  if (kind === 'shows') {
    return `Two states that differ in nothing but ${what} give the program different results, without a trap: what a VMM has there instead of the guest's is seen by the guest.`;
  }
  if (where === 'user') {
    return `At CPL 3 it changes ${what} without a trap: a VMM does not learn of it.`;
  }
  const isDone = runs[1].changed.includes(resource);
  const instead = isDone ? 'changes it without a trap' : 'leaves it as it was, without a trap';
  return `At CPL 0 it changes ${what}; from the same state at CPL 3 it ${instead}: a guest kernel that a VMM runs at CPL 3 does not get what it asks for, and the VMM does not learn of it.`;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
