/** What holds for every domain that is built (xen.h, "Start-of-day memory layout"). */

import { expect } from 'vitest';
import type { DomainPart } from '../../../src/vmm/para/build/domain-layout.ts';
import type { PvKernel } from '../../../src/xen/pv-kernel.ts';
import { PAGE, type Rig, SHARED_INFO_FRAME, STALE } from './rig.ts';

const MIB4 = 1n << 22n;
const STALE_PAGE = Buffer.alloc(PAGE, STALE);

export function checkDomain(rig: Rig, kernel: PvKernel): void {
  checkLayout(rig, kernel);
  checkTables(rig);
  checkOutside(rig);
}

/** Parts follow one another, in pages of their own; behind them are 512 KiB, up to a multiple of 4 MiB. */
function checkLayout({ built: { layout } }: Rig, { virtBase }: PvKernel): void {
  const { kernel, module, p2m, startInfo, store, console, sharedInfo, tables, stack, region } =
    layout;
  const inRegion = p2m.pfn < region.pages ? [p2m] : [];
  const parts: DomainPart[] = [
    kernel,
    module,
    ...inRegion,
    startInfo,
    store,
    console,
    tables,
    stack,
    sharedInfo,
  ];
  let pfn = 0;
  for (const part of parts) {
    expect(part.pfn).toBe(pfn);
    expect(part.va).toBe(virtBase + BigInt(pfn * PAGE));
    pfn += part.pages;
  }
  const end = virtBase + BigInt(region.pages * PAGE);
  const padding = end - (virtBase + BigInt(pfn * PAGE));
  expect(end % MIB4).toBe(0n);
  expect(padding).toBeGreaterThanOrEqual(0x80000n);
  expect(padding).toBeLessThan(MIB4 + 0x80000n);
}

/** The region is mapped one to one, tables read-only and nothing else; every table is one of those that were counted. */
function checkTables(rig: Rig): void {
  const { region, tables, p2m, p2mTables } = rig.built.layout;
  const mapped = p2m.pfn >= region.pages ? [region, p2m] : [region];
  const expected = mapped.flatMap(({ pfn: first, pages, va }) =>
    Array.from({ length: pages }, (_, n) => {
      const pfn = first + n;
      const isTable = pfn >= tables.pfn && pfn < tables.pfn + tables.pages;
      return `${va + BigInt(n * PAGE)}: ${rig.frames[pfn]} ${isTable ? 1 : 3}`;
    }),
  );
  const walked = rig.walk();
  const found = [...walked.pages].map(([va, { frame, rights }]) => `${va}: ${frame} ${rights}`);
  expect(found.sort()).toEqual(expected.sort());
  const places = [tables, p2mTables].flatMap(({ pfn, pages }) =>
    rig.frames.slice(pfn, pfn + pages),
  );
  expect([...walked.tables.keys()].sort()).toEqual(places.sort());
}

/** Nothing is written to but the region, a list of frames elsewhere with its tables, and the shared info page. */
function checkOutside(rig: Rig): void {
  const { region, p2m, p2mTables } = rig.built.layout;
  const end = Math.max(region.pages, p2mTables.pfn + p2mTables.pages, p2m.pfn + p2m.pages);
  const written = new Set(rig.frames.slice(0, end));
  if (!rig.isTranslated) written.add(SHARED_INFO_FRAME);
  for (let frame = 0; frame < rig.bytes.length / PAGE; frame++) {
    if (written.has(frame)) continue;
    const page = rig.bytes.subarray(frame * PAGE, (frame + 1) * PAGE);
    if (Buffer.compare(page, STALE_PAGE) !== 0) expect.fail(`frame ${frame} was written to`);
  }
}
