/**
 * The class of an instruction in one form, from what was observed (Popek and Goldberg 1974, section "Instruction
 * Behavior"). Where a state shows it sensitive and user mode traps in that state, a VMM gets control: so
 * sensitive here is what escapes that.
 *
 * - privileged: it traps in user mode from every state from which it does not in supervisor mode
 * - control-sensitive: without a trap in user mode, it changes R or the mode there, or would in supervisor mode
 * - behaviour-sensitive: without a trap, its results depend on the mode or on R
 * - always traps: in both modes, from every state
 * - innocuous: none of these
 */

import type { Evidence, Finding } from './evidence.ts';
import { MODE } from './machine-under-test.ts';

export type ClassName =
  | 'control-sensitive'
  | 'behaviour-sensitive'
  | 'privileged'
  | 'always traps'
  | 'innocuous';

export interface FormClass {
  /** One, or both of the sensitive ones. */
  readonly names: readonly ClassName[];
  /** Sensitive and not privileged: theorem 1 does not hold. */
  readonly isSensitive: boolean;
  /** The same of user mode alone: theorem 3 does not hold. */
  readonly isUserSensitive: boolean;
  /** What it changes; what its results depend on. Of privileged ones too, which do it in supervisor mode. */
  readonly changes: readonly string[];
  readonly shows: readonly string[];
}

export function classOf(evidence: Evidence): FormClass {
  const escaped = evidence.findings.filter((finding) => !finding.caught);
  const isSensitive = escaped.length > 0;
  const told = isSensitive ? escaped : evidence.findings;
  return {
    names: isSensitive ? sensitiveNames(escaped) : [harmlessName(evidence)],
    isSensitive,
    isUserSensitive: escaped.some(({ where }) => where === 'user'),
    changes: resourcesOf(told, 'changes'),
    shows: resourcesOf(told, 'shows'),
  };
}

function sensitiveNames(escaped: readonly Finding[]): ClassName[] {
  const names: ClassName[] = [];
  if (escaped.some(({ kind }) => kind === 'changes')) names.push('control-sensitive');
  if (escaped.some(({ kind }) => kind === 'shows')) names.push('behaviour-sensitive');
  return names;
}

function harmlessName({ supervisor, user, both, caught }: Evidence): ClassName {
  if (supervisor === 0 && user === 0) return 'always traps';
  return caught > 0 && both === 0 ? 'privileged' : 'innocuous';
}

/** In order of their names, but the mode first. */
function resourcesOf(findings: readonly Finding[], kind: Finding['kind']): string[] {
  const names = new Set(findings.filter((f) => f.kind === kind).map(({ resource }) => resource));
  const sorted = [...names].filter((name) => name !== MODE).sort();
  return names.has(MODE) ? [MODE, ...sorted] : sorted;
}
