/** `run --stats`: what a run did and how fast, as text or JSON. */

import {
  type Counters,
  type DirectCounters,
  type DramCounters,
  EVENT_NAMES,
  EXIT_NUMBERS,
  type ExitCount,
  type PatchCounters,
  readCounters,
  type ShadowCounters,
  type ShadowSize,
  type VirtualMachine,
} from '../index.ts';
import { exitName } from './exit-name.ts';
import type { GuestMachine } from './guest-machine.ts';
import { toJson } from './output.ts';

/** What is reported about a run. */
export interface Statistics {
  readonly instructions: number;
  /** Virtual time in nanoseconds. */
  readonly virtualNs: number;
  readonly hostSeconds: number;
  /** Million guest instructions per second of host time. */
  readonly mips: number;
  readonly tlb: { readonly hits: number; readonly misses: number; readonly flushes: number };
  readonly walkReferences: number;
  readonly blocksDecoded: number;
  /** Exceptions raised, by name. */
  readonly exceptions: Readonly<Record<string, number>>;
  /** What a VM has cost; undefined on the bare machine. */
  readonly vm: VmStatistics | undefined;
}

/** Of the column of exits, unless a name is longer. */
const EXIT_WIDTH = 20;

type ShadowStatistics = ShadowSize & Readonly<ShadowCounters>;

export interface VmStatistics {
  /** Instructions that have run directly; the VMM has emulated the others. */
  readonly directInstructions: number;
  readonly exits: readonly (ExitCount & { readonly number: number })[];
  /** Undefined where the guest's own page tables are used. */
  readonly shadow: ShadowStatistics | undefined;
  /** Of the technique `patch`. */
  readonly patch: PatchCounters | undefined;
  /** Of direct paging, or the same calls of a domain with shadow page tables. */
  readonly direct: DirectCounters | undefined;
}

/** Collects the statistics of a run that took `hostSeconds`. */
export function collectStatistics(
  { board: { machine }, vm }: GuestMachine,
  exits: readonly ExitCount[],
  hostSeconds: number,
): Statistics {
  const counters = readCounters(machine.processor.view);
  const instructions = Number(machine.instructions);
  return {
    instructions,
    virtualNs: Number(machine.clock.now()),
    hostSeconds,
    mips: instructions / hostSeconds / 1e6,
    tlb: {
      hits: Number(counters.tlbHits),
      misses: Number(counters.tlbMisses),
      flushes: Number(counters.tlbFlushes),
    },
    walkReferences: Number(counters.walkReferences),
    blocksDecoded: Number(counters.blocksDecoded),
    exceptions: namedExceptions(counters),
    vm: vm && vmStatistics(vm, exits),
  };
}

function vmStatistics(
  { shadow, patch, direct, directInstructions }: VirtualMachine,
  counts: readonly ExitCount[],
): VmStatistics {
  return {
    directInstructions: directInstructions(),
    exits: counts.map((count) => ({ ...count, number: EXIT_NUMBERS[count.reason] })),
    shadow: shadow && { ...shadow.size, ...shadow.counters },
    patch,
    direct,
  };
}

function namedExceptions({ exceptions }: Counters): Record<string, number> {
  const named: Record<string, number> = {};
  exceptions.forEach((count, vector) => {
    if (count > 0n) named[EVENT_NAMES[vector] ?? `#${vector}`] = Number(count);
  });
  return named;
}

/** The report on all guests of a run, and on the DRAM of their machine; of one without a name its own. */
export function formatAllStatistics(
  names: readonly string[],
  statistics: readonly Statistics[],
  dram: Readonly<DramCounters> | undefined,
  json: boolean,
): string {
  const [first] = statistics;
  if (first !== undefined && names[0] === '') {
    if (json) return toJson({ ...first, dram });
    return [formatStatistics(first), ...formatDram(dram)].join('\n');
  }
  const all = sumOfShadows(statistics);
  const named = names.map((name, n) => ({ name, ...(statistics[n] as Statistics) }));
  if (json) return toJson({ vms: named, shadow: all, dram });
  const parts = named.map((vm) => `${vm.name}:\n${formatStatistics(vm)}\n`);
  const shadow = all ? ['all VMs:', formatShadow(all)] : [];
  return [...parts, ...shadow, ...formatDram(dram)].join('\n');
}

function sumOfShadows(statistics: readonly Statistics[]): ShadowStatistics | undefined {
  const shadows = statistics.flatMap(({ vm }) => vm?.shadow ?? []);
  const [first] = shadows;
  if (first === undefined) return undefined;
  const names = Object.keys(first) as (keyof ShadowStatistics)[];
  const sums = names.map((name) => [name, shadows.reduce((sum, shadow) => sum + shadow[name], 0)]);
  return Object.fromEntries(sums) as unknown as ShadowStatistics;
}

function formatShadow(shadow: ShadowStatistics): string {
  const sizes = [
    `roots ${shadow.roots} for ${shadow.guestRoots} of the guest's`,
    `of its boot ${shadow.bootRoots}`,
    `pages ${shadow.pages}`,
    `out of sync ${shadow.outOfSync}`,
    `reclaimed ${shadow.reclaimed}`,
    `flooded ${shadow.flooded}`,
  ];
  const work = [
    `hidden faults ${shadow.hiddenFaults}`,
    `true faults ${shadow.trueFaults}`,
    `eager fills ${shadow.eagerFills}`,
    `table writes ${shadow.tableWrites}`,
    `flushes ${shadow.flushes}`,
    `unsynced ${shadow.unsynced}`,
    `resynced ${shadow.resynced}`,
  ];
  const lines = [
    `${'shadow'.padEnd(16)} ${sizes.join(', ')}`,
    `${'shadow work'.padEnd(16)} ${work.join(', ')}`,
  ];
  return lines.join('\n');
}

function formatDram(dram: Readonly<DramCounters> | undefined): string[] {
  if (dram === undefined) return [];
  return [`${'DRAM'.padEnd(16)} rows activated ${dram.activations}, bits flipped ${dram.flips}`];
}

/** The report as a table. */
function formatStatistics(statistics: Statistics): string {
  const { instructions, virtualNs, hostSeconds, mips, tlb, walkReferences } = statistics;
  const perWalk = tlb.misses === 0 ? '' : ` (${(walkReferences / tlb.misses).toFixed(2)} per miss)`;
  const exceptions = Object.entries(statistics.exceptions).map(
    ([name, count]) => `${name} ${count}`,
  );
  const rows = [
    ['instructions', String(instructions)],
    ['virtual time', `${(virtualNs / 1e6).toFixed(3)} ms`],
    ['host time', `${(hostSeconds * 1000).toFixed(1)} ms, ${mips.toFixed(1)} MIPS`],
    ['TLB hits', String(tlb.hits)],
    ['TLB misses', String(tlb.misses)],
    ['TLB flushes', String(tlb.flushes)],
    ['walk references', `${walkReferences}${perWalk}`],
    ['blocks decoded', String(statistics.blocksDecoded)],
    ['exceptions', exceptions.length > 0 ? exceptions.join(', ') : 'none'],
  ] as const;
  const lines = rows.map(([name, value]) => `${name.padEnd(16)} ${value}`);
  return [...lines, ...(statistics.vm ? formatVm(statistics.vm, instructions) : [])].join('\n');
}

function formatDirect(direct: number, all: number): string {
  const share = ((100 * direct) / (all || 1)).toFixed(2);
  return `${'run directly'.padEnd(16)} ${direct} instructions (${share}%), emulated ${all - direct}`;
}

function formatPatch(patch: PatchCounters): string[] {
  const frames = [
    `copies ${patch.copies}`,
    `frames made code ${patch.toCode}`,
    `made data again ${patch.toData}`,
  ];
  const code = [
    `scans ${patch.scans}`,
    `bytes shown ${patch.shownBytes}`,
    `hidden by writes ${patch.hiddenBytes}`,
    `sites ${patch.sites}`,
    `entangled ${patch.entangled}`,
  ];
  const work = [`fillers met ${patch.fillers}`, `stretches interpreted ${patch.stretches}`];
  return [
    `${'patch'.padEnd(16)} ${frames.join(', ')}`,
    `${'patch code'.padEnd(16)} ${code.join(', ')}`,
    `${'patch work'.padEnd(16)} ${work.join(', ')}`,
  ];
}

/** Entries are counted in calls, and slices of long calls that went on later as continuations. */
function pagingCalls(direct: DirectCounters): string[] {
  const perCall = (entries: number, calls: number): string =>
    calls === 0 ? '' : ` (${(entries / calls).toFixed(1)} per call)`;
  const { mmuUpdates, mmuUpdateEntries, mmuextOps, mmuextOpEntries } = direct;
  return [
    `mmu_update ${mmuUpdates}, entries ${mmuUpdateEntries}${perCall(mmuUpdateEntries, mmuUpdates)}`,
    `mmuext_op ${mmuextOps}, entries ${mmuextOpEntries}${perCall(mmuextOpEntries, mmuextOps)}`,
    `update_va_mapping ${direct.vaMappings}`,
    `table_writes ${direct.tableWrites}`,
    `continuations ${direct.continuations}`,
  ];
}

function formatDirectPaging(direct: DirectCounters): string[] {
  const work = [
    `validated ${direct.validations}`,
    `undone ${direct.devalidations}`,
    `refused ${direct.refusals}`,
    `entries looked at ${direct.entriesChecked}`,
    `flushes ${direct.flushes}`,
    `pages flushed ${direct.pageFlushes}`,
  ];
  return [
    `${'direct paging'.padEnd(16)} ${pagingCalls(direct).join(', ')}`,
    `${'page types'.padEnd(16)} ${work.join(', ')}`,
  ];
}

/** The same calls of a domain with shadow page tables, in which there are no types of frames. */
function formatPagingCalls(paging: DirectCounters): string {
  const flushes = [`flushes ${paging.flushes}`, `pages flushed ${paging.pageFlushes}`];
  return `${'paging calls'.padEnd(16)} ${[...pagingCalls(paging), ...flushes].join(', ')}`;
}

function formatCalls(direct: DirectCounters, isShadowed: boolean): string[] {
  return isShadowed ? [formatPagingCalls(direct)] : formatDirectPaging(direct);
}

/** In the shape of `perf kvm stat`. */
function formatVm(vm: VmStatistics, instructions: number): string[] {
  const { exits, shadow, patch, direct } = vm;
  const count = exits.reduce((sum, exit) => sum + exit.count, 0);
  const time = exits.reduce((sum, exit) => sum + exit.totalNs, 0);
  const us = (ns: number): string => (ns / 1000).toFixed(2).padStart(9);
  const share = (part: number, all: number): string =>
    `${((100 * part) / (all || 1)).toFixed(2)}%`.padStart(8);
  const names = exits.map(exitName);
  const width = Math.max(EXIT_WIDTH, ...names.map(({ length }) => length));
  return [
    formatDirect(vm.directInstructions, instructions),
    ...(shadow ? [formatShadow(shadow)] : []),
    ...(direct ? formatCalls(direct, shadow !== undefined) : []),
    ...(patch ? formatPatch(patch) : []),
    '',
    `${'VM-EXIT'.padEnd(width)} ${'Samples'.padStart(9)} Samples%    Time%   Min us    Max us    Avg us`,
    ...exits.map(
      ({ count: n, totalNs, minNs, maxNs }, row) =>
        `${(names[row] ?? '').padEnd(width)} ${String(n).padStart(9)} ${share(n, count)} ${share(totalNs, time)} ${us(minNs)} ${us(maxNs)} ${us(totalNs / n)}`,
    ),
    `${'all'.padEnd(width)} ${String(count).padStart(9)}, ${(time / 1e6).toFixed(3)} ms in the VMM`,
  ];
}
