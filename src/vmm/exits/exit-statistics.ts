/** Counts exits, in the shape of `perf kvm stat`. */

import type { ExitName } from './exit-reasons.ts';
import type { ExitSink } from './exit-record.ts';
import { hypercallOf } from './qualification.ts';

/** Exits of one reason, hypercalls each by itself. Times are host nanoseconds that the VMM took. */
export interface ExitCount {
  readonly reason: ExitName;
  /** The hypercall, if that is the reason. */
  readonly call?: string;
  readonly count: number;
  readonly totalNs: number;
  readonly minNs: number;
  readonly maxNs: number;
}

type Count = { -readonly [K in keyof ExitCount]: ExitCount[K] };

export class ExitStatistics {
  readonly #counts = new Map<string, Count>();

  readonly sink: ExitSink = ({ reason, qualification, hostNs }) => {
    const call = hypercallOf(qualification);
    const key = call ?? reason;
    const known = this.#counts.get(key);
    if (known === undefined) {
      const times = { count: 1, totalNs: hostNs, minNs: hostNs, maxNs: hostNs };
      this.#counts.set(key, { reason, ...(call !== undefined && { call }), ...times });
      return;
    }
    known.count++;
    known.totalNs += hostNs;
    known.minNs = Math.min(known.minNs, hostNs);
    known.maxNs = Math.max(known.maxNs, hostNs);
  };

  /** Most frequent first. */
  get counts(): readonly ExitCount[] {
    const nameOf = ({ reason, call = '' }: ExitCount): string => `${reason} ${call}`;
    return [...this.#counts.values()]
      .map((count) => ({ ...count }))
      .sort((a, b) => b.count - a.count || (nameOf(a) < nameOf(b) ? -1 : 1));
  }
}
