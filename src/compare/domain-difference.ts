/** How two domains with the same kernel differ, one under direct paging and one with shadow page tables. */

import { GPR_NAMES } from '../machine/cpu-view.ts';
import { PAGE_BYTES } from '../machine/memory.ts';
import { byteAt, endName, FLAGS, USER_FLAGS } from './difference.ts';
import type { DomainParticipant } from './domain-participant.ts';
import { TranslatedValues } from './translated-values.ts';

/** A register, flag, word of memory or the like, with its value in either domain; undefined: there is none. */
export interface DomainDifference {
  readonly kind: 'register' | 'flag' | 'code' | 'memory' | 'output' | 'end' | 'time';
  readonly name: string;
  /** Pseudo-physical address of a word, or position of a byte that was sent. */
  readonly address?: number;
  readonly direct: bigint | string | undefined;
  readonly shadow: bigint | string | undefined;
}

/** Differences of one kind that are told one by one. */
const MOST = 16;
const WORD_BYTES = 8;

/** `pages` are the pseudo-physical addresses of those that may differ. */
export function domainDifferences(
  direct: DomainParticipant,
  shadow: DomainParticipant,
  pages: readonly number[],
): DomainDifference[] {
  const values = new TranslatedValues(direct.domain, shadow.domain);
  return [
    ...registerDifferences(direct, shadow, values),
    ...memoryDifferences(direct, shadow, pages, values),
    ...outputDifferences(direct, shadow),
    ...endDifferences(direct, shadow),
  ];
}

function registerDifferences(
  direct: DomainParticipant,
  shadow: DomainParticipant,
  values: TranslatedValues,
): DomainDifference[] {
  const [one, two] = [direct, shadow].map(({ board }) => board.machine.processor);
  if (one === undefined || two === undefined) return [];
  const found: DomainDifference[] = [];
  const note = (kind: DomainDifference['kind'], name: string, a: bigint, b: bigint): void => {
    if (a !== b) found.push({ kind, name, direct: a, shadow: b });
  };
  note('time', 'time', direct.time, shadow.time);
  note('register', 'rip', one.view.u64('RIP'), two.view.u64('RIP'));
  GPR_NAMES.forEach((name, n) => {
    const [a = 0n, b = 0n] = [one.view.gpr[n], two.view.gpr[n]];
    if (!values.agree(a, b)) note('register', name, a, b);
  });
  if (direct.domain.isKernel !== shadow.domain.isKernel) {
    found.push({ kind: 'code', name: 'code', direct: codeOf(direct), shadow: codeOf(shadow) });
  }
  if (((one.rflags ^ two.rflags) & USER_FLAGS) === 0n) return found;
  for (const [name, bit] of FLAGS) {
    note('flag', name, (one.rflags >> bit) & 1n, (two.rflags >> bit) & 1n);
  }
  return found;
}

function codeOf({ domain }: DomainParticipant): string {
  return domain.isKernel ? "the kernel's" : "a program's";
}

function memoryDifferences(
  direct: DomainParticipant,
  shadow: DomainParticipant,
  pages: readonly number[],
  values: TranslatedValues,
): DomainDifference[] {
  const found: DomainDifference[] = [];
  for (const page of pages) {
    const [one, two] = [
      wordsOf(pageIn(direct, shadow, page)),
      wordsOf(memoryOf(shadow).page(page)),
    ];
    for (let n = 0; n < one.length && found.length < MOST; n++) {
      const [a = 0n, b = 0n] = [one[n], two[n]];
      if (a === b || values.agree(a, b) || values.isHypervisorSlot(n, a)) continue;
      found.push({
        kind: 'memory',
        name: 'word',
        address: page + n * WORD_BYTES,
        direct: a,
        shadow: b,
      });
    }
  }
  return found;
}

const memoryOf = ({ board }: DomainParticipant) => board.machine.memory;

/** The direct domain's page where the shadow domain has `page`: its shared info page is not among its own. */
function pageIn(direct: DomainParticipant, shadow: DomainParticipant, page: number): Uint8Array {
  if (page !== shadow.domain.sharedInfo * PAGE_BYTES) return memoryOf(direct).page(page);
  const { processor, sharedInfo } = direct.domain;
  return processor.memory.page(sharedInfo * PAGE_BYTES);
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array): BigUint64Array {
  return new BigUint64Array(buffer, byteOffset, byteLength / WORD_BYTES);
}

function outputDifferences(a: DomainParticipant, b: DomainParticipant): DomainDifference[] {
  return (['com1', 'console'] as const).flatMap((name) => {
    const [direct, shadow] = [a.sent[name], b.sent[name]];
    const length = Math.max(direct.length, shadow.length);
    let at = 0;
    while (at < length && direct.at(at) === shadow.at(at)) at++;
    if (at === length) return [];
    const bytes = { direct: byteAt(direct, at), shadow: byteAt(shadow, at) };
    return { kind: 'output', name, address: at, ...bytes };
  });
}

function endDifferences(a: DomainParticipant, b: DomainParticipant): DomainDifference[] {
  const [direct, shadow] = [endName(a.end), endName(b.end)];
  return direct === shadow ? [] : [{ kind: 'end', name: 'end of the run', direct, shadow }];
}
