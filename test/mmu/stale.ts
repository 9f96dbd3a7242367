/**
 * Which translations a processor may still use after paging structures were changed (SDM 3A 4.10.4
 * Invalidation of TLBs and Paging-Structure Caches). Kept here: every mapping that has gone since it could
 * last have been cached. What the tables say now is always allowed, and alone once nothing stale is left.
 */

import type { Mapping } from '../../src/machine/ref/walk.ts';

interface Version {
  readonly gva: bigint;
  readonly pcid: number;
  readonly mapping: Mapping;
  /** Usable in every PCID, and not dropped with its own. */
  readonly isGlobal: boolean;
}

export class StaleTranslations {
  #versions: Version[] = [];

  /** `mapping` of the page at `gva` could be cached until now for `pcid`. */
  add(gva: bigint, pcid: number, mapping: Mapping, globalsOn: boolean): void {
    const isGlobal = mapping.global && globalsOn;
    const isKnown = this.#versions.some(
      (version) =>
        version.gva === gva &&
        version.pcid === pcid &&
        version.isGlobal === isGlobal &&
        isSame(version.mapping, mapping),
    );
    if (!isKnown) this.#versions.push({ gva, pcid, mapping, isGlobal });
  }

  /** Mappings of `gva` that may be used in `pcid` beside `current`. */
  of(gva: bigint, pcid: number, current: Mapping | undefined): Mapping[] {
    return this.#versions
      .filter((version) => version.gva === gva && (version.pcid === pcid || version.isGlobal))
      .map(({ mapping }) => mapping)
      .filter((mapping) => current === undefined || !isSame(mapping, current));
  }

  /** INVLPG, and INVPCID of type 0, which leaves global translations. */
  dropPage(address: bigint, pcid: number, globalsToo: boolean): void {
    this.#keep(({ gva, mapping, isGlobal, ...version }) => {
      const shift = BigInt(mapping.shift);
      const isOther = gva >> shift !== address >> shift;
      return isOther || (isGlobal ? !globalsToo : version.pcid !== pcid);
    });
  }

  /** MOV to CR3, INVPCID of type 1. */
  dropPcid(pcid: number): void {
    this.#keep((version) => version.pcid !== pcid || version.isGlobal);
  }

  /** INVPCID of type 3. */
  dropAllButGlobals(): void {
    this.#keep(({ isGlobal }) => isGlobal);
  }

  /** A change of CR4.PGE, the end of CR4.PCIDE, INVPCID of type 2. */
  dropAll(): void {
    this.#versions = [];
  }

  #keep(stays: (version: Version) => boolean): void {
    this.#versions = this.#versions.filter(stays);
  }
}

function isSame({ entries }: Mapping, other: Mapping): boolean {
  return (
    entries.length === other.entries.length &&
    entries.every(({ hpa, value }, n) => {
      const entry = other.entries[n];
      return entry?.hpa === hpa && entry.value === value;
    })
  );
}
