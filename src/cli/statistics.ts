/** `run --stats`: what a run did and how fast, as text or JSON. */

import { type Counters, EVENT_NAMES, type Machine, readCounters } from '../index.ts';
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
}

/** Collects the statistics of a run that took `hostSeconds`. */
export function collectStatistics(machine: Machine, hostSeconds: number): Statistics {
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
  };
}

function namedExceptions({ exceptions }: Counters): Record<string, number> {
  const named: Record<string, number> = {};
  exceptions.forEach((count, vector) => {
    if (count > 0n) named[EVENT_NAMES[vector] ?? `#${vector}`] = Number(count);
  });
  return named;
}

/** The report; without `json` a table. */
export function formatStatistics(statistics: Statistics, json: boolean): string {
  if (json) return toJson(statistics);
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
  return rows.map(([name, value]) => `${name.padEnd(16)} ${value}`).join('\n');
}
