/** The report of `trapline classify --techniques`: each sensitive form under each technique. */

import {
  type Difference,
  type FormTechniques,
  FULL_TECHNIQUES,
  SymbolTable,
  type WitnessRun,
} from '../index.ts';
import { subject, table, value } from './comparison-report.ts';

const NO_SYMBOLS = new SymbolTable([]);
/** Differences that are told in full. */
const MOST = 2;

export function formatTechniques(mode: string, forms: readonly FormTechniques[]): string {
  const rows = forms.map(({ text, runs }) => [text, ...runs.map(cell), told(runs)]);
  const counts = FULL_TECHNIQUES.map((cpu, n) => {
    const differing = forms.filter(({ runs }) => runs[n]?.outcome === 'differs');
    return `${cpu}: ${differing.length}`;
  });
  return `${[
    `${mode}: ${forms.length} sensitive unprivileged forms beside the bare machine`,
    '',
    ...table([['form', ...FULL_TECHNIQUES, 'what differs'], ...rows], []),
    '',
    `forms that differ, ${counts.join(', ')}`,
  ].join('\n')}\n`;
}

function cell({ outcome, exits }: WitnessRun): string {
  return [outcome, ...exits].join(' ');
}

/** What differs under the first technique that differs. */
function told(runs: readonly WitnessRun[]): string {
  const found = runs.find(({ outcome }) => outcome === 'differs');
  if (found === undefined) return '';
  const { cpu, differences } = found;
  const rest = differences.length > MOST ? ', ...' : '';
  return `${differences
    .slice(0, MOST)
    .map((one) => describe(one, cpu))
    .join(', ')}${rest}`;
}

function describe({ kind, name, address, bare, other }: Difference, cpu: string): string {
  return `${subject(kind, name, address, NO_SYMBOLS)} ${value(bare)}, ${cpu} ${value(other)}`;
}
