/**
 * Variants of the instruction set: the same rows with other privilege rules, or fewer of them, and control bits. The
 * decode and privilege tables of the processor are data, so a variant needs nothing else.
 */

import type { Attributes, Insn, Privilege } from '../../isa/row.ts';
import { insn } from '../../isa/row.ts';
import { ROWS } from '../../isa/table.ts';
import { CONTROLS } from './controls.ts';
import { entryOf, HISTORICAL, LATER } from './published-list.ts';

/** One change. Plain data, as it stands in a file. */
export interface Change {
  /** A mnemonic, or the text of one form ("mov sreg, r16m16"). */
  readonly rows: string;
  /** It traps at CPL 3; or it does at no level. */
  readonly privileged?: boolean;
  /** At CPL 3 it silently does nothing. */
  readonly silent?: boolean;
  /** It does not exist. */
  readonly removed?: boolean;
}

export interface X86Variant {
  readonly name: string;
  readonly changes: readonly Change[];
  readonly controls: readonly string[];
}

/** A variant that cannot be had; the message says why. */
export class VariantError extends Error {
  override readonly name = 'VariantError';
}

const textOf = ({ mnemonic, operandText }: Insn): string => `${mnemonic} ${operandText}`.trim();

function trapping(name: string, lists: Parameters<typeof entryOf>[0]): X86Variant {
  const rows = ROWS.filter((row) => row.alias !== true && entryOf(lists, row) !== undefined);
  const texts = [...new Set(rows.map(textOf))];
  return { name, controls: [], changes: texts.map((text) => ({ rows: text, privileged: true })) };
}

export const PLAIN: X86Variant = { name: 'x86', changes: [], controls: [] };

/** Variants by name; they are built when asked for. */
const NAMED: Readonly<Record<string, () => X86Variant>> = {
  umip: () => ({ name: 'umip', changes: [], controls: ['CR4.UMIP=1'] }),
  'trap-18': () => trapping('trap-18', HISTORICAL),
  'trap-all': () => trapping('trap-all', [...HISTORICAL, ...LATER]),
};

export const VARIANT_NAMES: readonly string[] = Object.keys(NAMED);

export function variantNamed(name: string): X86Variant | undefined {
  return Object.hasOwn(NAMED, name) ? NAMED[name]?.() : undefined;
}

/** The rows of a variant, each at the number that it has in ROWS. */
export function variantRows({ changes }: X86Variant): readonly Insn[] {
  if (changes.length === 0) return ROWS;
  const byName = new Map<string, Change[]>();
  for (const change of changes)
    byName.set(change.rows, [...(byName.get(change.rows) ?? []), change]);
  return ROWS.map((row) => {
    const own = [...(byName.get(row.mnemonic) ?? []), ...(byName.get(textOf(row)) ?? [])];
    return row.alias ? row : own.reduce(edit, row);
  });
}

function edit(row: Insn, { privileged, silent, removed }: Change): Insn {
  if (removed) return withAttributes(row, { alias: true });
  if (silent) return withAttributes(row, { priv: 'silent' });
  if (privileged === undefined) return row;
  return withAttributes(row, { priv: privileged ? 'cpl0' : ('never' satisfies Privilege) });
}

/** A row that is an alias is not decoded: its bytes are #UD. */
function withAttributes(row: Insn, changed: Partial<Attributes>): Insn {
  const { mnemonic, operandText, opcodeText, ...attributes } = row;
  const all = { ...attributes, modes: row.modes, ...changed } as Attributes;
  return insn(mnemonic, operandText, opcodeText, all);
}

const CHANGE_KEYS = ['rows', 'privileged', 'silent', 'removed'];

/** Reads a variant as a file has it: {"name", "changes": [{"rows", "privileged" ...}], "controls": [...]}. */
export function parseVariant(text: string, file: string): X86Variant {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new VariantError(`${file}: ${(error as Error).message}`);
  }
  const fail = (what: string): never => {
    throw new VariantError(`${file}: ${what}`);
  };
  if (!isObject(value)) return fail('a variant is an object with "changes" or "controls"');
  for (const key of Object.keys(value)) {
    if (!['name', 'changes', 'controls'].includes(key)) fail(`unknown key "${key}"`);
  }
  const { name = file, changes = [], controls = [] } = value;
  if (typeof name !== 'string') return fail('"name" is not a text');
  if (!Array.isArray(changes)) return fail('"changes" is not a list');
  if (!Array.isArray(controls)) return fail('"controls" is not a list');
  return {
    name,
    changes: changes.map((change, n) =>
      parseChange(change, (what) => fail(`change ${n + 1}: ${what}`)),
    ),
    controls: controls.map((control) => parseControl(control, fail)),
  };
}

type Fail = (what: string) => never;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseControl(control: unknown, fail: Fail): string {
  const names = CONTROLS.map(({ name }) => name);
  if (typeof control === 'string' && names.includes(control)) return control;
  return fail(`unknown control ${JSON.stringify(control)}; there are ${names.join(', ')}`);
}

function parseChange(change: unknown, fail: Fail): Change {
  if (!isObject(change)) return fail('not an object');
  const { rows, ...what } = change;
  if (typeof rows !== 'string') return fail('"rows" is not a text');
  const isKnown = ROWS.some((row) => !row.alias && (row.mnemonic === rows || textOf(row) === rows));
  if (!isKnown) return fail(`no instruction is "${rows}"; trapline isa lists them`);
  const keys = Object.keys(what);
  if (keys.length !== 1) return fail('one of "privileged", "silent" and "removed" is needed');
  for (const [key, value] of Object.entries(what)) {
    if (!CHANGE_KEYS.includes(key)) return fail(`unknown key "${key}"`);
    if (typeof value !== 'boolean') return fail(`"${key}" is not true or false`);
  }
  return { rows, ...(what as Omit<Change, 'rows'>) };
}
