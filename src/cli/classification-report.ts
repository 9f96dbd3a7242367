/** The report of `trapline classify`: a table for each mode of operation, the published lists beside it, the theorems. */

import {
  type ClaimDifference,
  type Classification,
  type ClassificationDifference,
  compareWithLists,
  type MnemonicReport,
  type Verdict,
} from '../index.ts';
import { wrap } from './wrap.ts';

const HEAD = ['mnemonic', 'class', 'changes', 'results depend on', 'unless', 'states'];
const HARMLESS = 'innocuous';

/** The report on one mode; with `all`, innocuous mnemonics stand in the table too. */
export function formatClassification(
  found: Classification,
  claims: readonly ClaimDifference[],
  all: boolean,
): string {
  const isTold = ({ classes }: MnemonicReport): boolean => all || classes[0] !== HARMLESS;
  const told = found.mnemonics.filter(isTold);
  const rest = found.mnemonics.filter((one) => !isTold(one));
  const states = rest.reduce((sum, one) => sum + one.states, 0);
  const parts = [
    `${found.name}: ${found.mnemonics.length} mnemonics, ${found.states} states`,
    formatTable([HEAD, ...told.map(columns)]),
  ];
  if (rest.length > 0) {
    const names = rest.map(({ mnemonic }) => mnemonic).join(' ');
    parts.push(wrap(`${HARMLESS} (${rest.length} mnemonics, ${states} states): ${names}`));
  }
  const mixed = told.filter(({ classes }) => classes.length > 1).flatMap(formatForms);
  if (mixed.length > 0) parts.push(['forms of different classes:', ...mixed].join('\n'));
  parts.push(formatLists(found), ...formatClaims(claims), formatVerdicts(found.theorems));
  return `${parts.join('\n\n')}\n`;
}

function columns(one: MnemonicReport): string[] {
  const { mnemonic, classes, changes, shows, unless, states } = one;
  const sensitive = classes.filter((name) => name.endsWith('-sensitive'));
  const name = sensitive.length > 0 ? sensitive.join(', ') : (classes[0] ?? '');
  return [mnemonic, name, changes.join(', '), shows.join(', '), unless.join(' or '), `${states}`];
}

/** The forms of a mnemonic by class, unless all are of one. */
function formatForms({ mnemonic, forms }: MnemonicReport): string[] {
  const groups = new Map<string, string[]>();
  for (const { names, text } of forms) {
    const key = names.join(', ');
    const operands = text.slice(mnemonic.length).trim() || '(none)';
    groups.set(key, [...(groups.get(key) ?? []), operands]);
  }
  if (groups.size === 1) return [];
  return [...groups].map(([names, texts]) =>
    wrap(`  ${mnemonic}, ${names}: ${texts.join('; ')}`, 4),
  );
}

function formatLists(found: Classification): string {
  const { expected, found: seen, later, others } = compareWithLists(found);
  const missing = expected.filter((name) => !seen.includes(name));
  const laterNames = later.map(({ name, unless }) =>
    unless.length > 0 ? `${name} (unless ${unless.join(' or ')})` : name,
  );
  const lines = [
    `sensitive, not privileged, of Robin and Irvine's list (${seen.length} of ${expected.length}): ${seen.join(' ') || 'none'}`,
    ...(missing.length > 0 ? [`of that list, not found so: ${missing.join(' ')}`] : []),
    `apart from that list: ${laterNames.join(', ') || 'none'}`,
    ...(others.length > 0 ? [`on neither list: ${others.join('; ')}`] : []),
  ];
  return lines.map((line) => wrap(line)).join('\n');
}

function formatClaims(claims: readonly ClaimDifference[]): string[] {
  if (claims.length === 0) return [];
  const head = `${claims.length} claims of the instruction table differ from what was observed:`;
  return [[head, ...claims.map(({ form, what }) => wrap(`  ${form}: ${what}`, 4))].join('\n')];
}

export function formatVerdicts(theorems: readonly Verdict[]): string {
  const reasons = theorems.map(({ because }) => because.join(' '));
  const lines = theorems.map(({ theorem, claim, holds }, n) => {
    const before = reasons.indexOf(reasons[n] ?? '');
    const reason = before < n ? `, as theorem ${before + 1}` : ` because of ${reasons[n]}`;
    return wrap(`theorem ${theorem}, ${claim}: ${holds ? 'holds' : `does not hold${reason}`}`);
  });
  return lines.join('\n');
}

/** What changes from one variant to another in one mode. */
export function formatDifference(
  name: string,
  { forms, theorems }: ClassificationDifference,
): string {
  const changed = forms.map(({ form, before, after }) => [
    form,
    before ?? 'not there',
    after ?? 'not there',
  ]);
  const verdicts = theorems.map(
    ({ theorem, after }) => `theorem ${theorem} ${after ? 'holds now' : 'holds no more'}`,
  );
  const table =
    changed.length > 0
      ? formatTable([['form', 'before', 'after'], ...changed])
      : 'no class changes';
  return `${[`${name}:`, table, ...verdicts].join('\n')}\n`;
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}
