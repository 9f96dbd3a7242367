/** Counts exits, in the shape of `perf kvm stat`. */

import type { ExitName } from './exit-reasons.ts';
import type { ExitSink } from './exit-record.ts';

/** Exits of one reason. Times are host nanoseconds that the VMM took. */
export interface ExitCount {
  readonly reason: ExitName;
  readonly count: number;
  readonly totalNs: number;
  readonly minNs: number;
  readonly maxNs: number;
}

export class ExitStatistics {
  readonly #counts = new Map<
    ExitName,
    { count: number; totalNs: number; minNs: number; maxNs: number }
  >();

  readonly sink: ExitSink = ({ reason, hostNs }) => {
    const known = this.#counts.get(reason);
    if (known === undefined) {
      this.#counts.set(reason, { count: 1, totalNs: hostNs, minNs: hostNs, maxNs: hostNs });
      return;
    }
    known.count++;
    known.totalNs += hostNs;
    known.minNs = Math.min(known.minNs, hostNs);
    known.maxNs = Math.max(known.maxNs, hostNs);
  };

  /** Most frequent first. */
  get counts(): readonly ExitCount[] {
    return [...this.#counts]
      .map(([reason, count]) => ({ reason, ...count }))
      .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
  }
}
