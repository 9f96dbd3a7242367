/** A domain is what Xen's headers say that a kernel finds. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DomainError } from '../../../src/vmm/para/build/domain-error.ts';
import { hypercallPage } from '../../../src/vmm/para/build/hypercall-page.ts';
import type { PvKernel } from '../../../src/xen/pv-kernel.ts';
import { SHARED_INFO } from '../../../src/xen/shared-info.ts';
import { START_INFO } from '../../../src/xen/start-info.ts';
import { checkDomain } from './invariants.ts';
import { DIRECT, features, PAGE, pvKernel, Rig, SHARED_INFO_FRAME, TRANSLATED } from './rig.ts';

const MIB_PAGES = 256;
const BASE = 0xffffffff80000000n;
const direct = { features: DIRECT, sharedInfo: SHARED_INFO_FRAME };
const translated = { features: TRANSLATED };
const kernel = pvKernel();
const ascii = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('latin1').replace(/\0+$/, '');

const noKernel: PvKernel = {
  notes: {},
  segments: [],
  virtBase: BASE,
  entry: BASE,
  hypercallPage: undefined,
  initP2m: undefined,
  requiredFeatures: 0,
  supportedFeatures: 4,
};

const withSize = (size: number, more: Partial<PvKernel> = {}): PvKernel => ({
  ...noKernel,
  segments: [{ name: 'it', address: 0n, bytes: Uint8Array.of(0xf4), size: BigInt(size) }],
  ...more,
});

describe.each([
  ['direct paging', direct],
  ['translated frame numbers', translated],
])('with %s', (_, mode) => {
  const module = Uint8Array.from({ length: 5000 }, (_, n) => n);
  const rig = new Rig({ kernel, ...mode, commandLine: 'one two', module }, 16 * MIB_PAGES);
  const { layout, entry, shared } = rig.built;
  const named = (pfn: number): bigint => BigInt(rig.isTranslated ? pfn : rig.frames[pfn]!);

  test('the domain is laid out, mapped and nothing else is written to', () => {
    checkDomain(rig, kernel);
  });

  test('the start info says where all is', () => {
    const page = rig.read(entry.rsi, PAGE);
    const info = START_INFO.read(new DataView(page.buffer), 0);
    expect(ascii(info.magic)).toBe('xen-3.0-x86_64');
    expect(ascii(info.cmd_line)).toBe('one two');
    const own = named(layout.sharedInfo.pfn) * 4096n;
    expect(info).toMatchObject({
      nr_pages: 4096n,
      shared_info: rig.isTranslated ? own : BigInt(SHARED_INFO_FRAME * PAGE),
      flags: 0,
      store_mfn: named(layout.store.pfn),
      store_evtchn: 1,
      console: { domU: { mfn: named(layout.console.pfn), evtchn: 2 } },
      pt_base: layout.tables.va,
      nr_pt_frames: 5n,
      mfn_list: layout.p2m.va,
      mod_start: layout.module.va,
      mod_len: 5000n,
      first_p2m_pfn: 0n,
      nr_p2m_frames: 0n,
    });
    expect(rig.built.root).toBe(Number(named(layout.tables.pfn)));
    expect(shared.sharedInfo * PAGE).toBe(Number(info.shared_info));
  });

  test('kernel, module and list are in memory', () => {
    for (const { address, bytes, size } of kernel.segments) {
      const place = rig.read(kernel.virtBase + address, Number(size));
      const image = new Uint8Array(Number(size));
      image.set(bytes);
      // The hypercall page is the hypervisor's.
      const page = Number(kernel.hypercallPage! - kernel.virtBase - address);
      if (page >= 0 && page < size) image.set(hypercallPage(), page);
      expect(place).toEqual(image);
    }
    expect(rig.read(layout.module.va, 5000)).toEqual(module);
    expect(rig.read(layout.module.va + 5000n, 2 * PAGE - 5000).every((byte) => byte === 0)).toBe(
      true,
    );
    const list = rig.read(layout.p2m.va, 4096 * 8);
    expect([...new BigUint64Array(list.buffer)]).toEqual(rig.frames.map((_, pfn) => named(pfn)));
  });

  test('the pages that it shares are empty, and events are masked', () => {
    for (const part of [layout.store, layout.console, layout.stack]) {
      expect(rig.read(part.va, PAGE).every((byte) => byte === 0)).toBe(true);
    }
    const info = SHARED_INFO.read(rig.page(shared.sharedInfo), 0);
    expect(info.vcpu_info.map((vcpu) => vcpu.evtchn_upcall_mask)).toEqual(Array(32).fill(1));
    expect(info.vcpu_info[0]?.evtchn_upcall_pending).toBe(0);
    expect(info.evtchn_pending.every((word) => word === 0n)).toBe(true);
  });

  test('the kernel is entered at its entry, on the boot stack', () => {
    expect(entry).toEqual({
      rip: BASE + 0x101000n,
      rsp: layout.stack.va + 4096n,
      rsi: layout.startInfo.va,
      rflags: 0x202n,
      cs: 0xe033,
      ss: 0xe02b,
      ds: 0,
    });
  });
});

test('a domain without module and command line has none', () => {
  const rig = new Rig({ kernel, ...direct }, 8 * MIB_PAGES);
  const info = START_INFO.read(rig.pfn(rig.built.layout.startInfo.pfn), 0);
  expect(info).toMatchObject({ mod_start: 0n, mod_len: 0n });
  expect(ascii(info.cmd_line)).toBe('');
});

describe('a list of frames that the kernel wants elsewhere', () => {
  const elsewhere = { ...kernel, initP2m: 0x8000000000n };
  const rig = new Rig({ kernel: elsewhere, ...direct }, 16 * MIB_PAGES);
  const { layout } = rig.built;

  test('is there, with tables that are not mapped', () => {
    checkDomain(rig, elsewhere);
    expect(layout.p2m).toEqual({ pfn: 1024 + 3, pages: 8, va: 0x8000000000n });
    expect(layout.p2mTables).toEqual({ pfn: 1024, pages: 3 });
    const list = rig.read(0x8000000000n, 4096 * 8);
    expect([...new BigUint64Array(list.buffer)]).toEqual(rig.frames.map(BigInt));
  });

  test('is told with the frames that it takes', () => {
    const info = START_INFO.read(rig.pfn(layout.startInfo.pfn), 0);
    expect(info).toMatchObject({
      mfn_list: 0x8000000000n,
      first_p2m_pfn: 1024n,
      nr_p2m_frames: 11n,
    });
    expect(info.nr_pt_frames).toBe(BigInt(layout.tables.pages));
  });

  test('may share tables with the region', () => {
    const near = { ...kernel, initP2m: BASE + 0x800000n };
    const close = new Rig({ kernel: near, ...direct }, 16 * MIB_PAGES);
    checkDomain(close, near);
    expect(close.built.layout.p2mTables.pages).toBe(1);
  });
});

describe('the region', () => {
  test('is larger by 4 MiB where less than 512 KiB would be left', () => {
    // 1024 pages less padding, start info, store, console, 5 tables, stack, list: what fits still.
    const most = 1024 - 128 - 3 - 5 - 1 - 4;
    const fits = new Rig({ kernel: withSize(most * PAGE), ...direct }, 8 * MIB_PAGES);
    expect(fits.built.layout.region.pages).toBe(1024);
    const over = new Rig({ kernel: withSize(most * PAGE + 1), ...direct }, 8 * MIB_PAGES);
    expect(over.built.layout.region.pages).toBe(2048);
  });

  test('ends at a multiple of 4 MiB, wherever it begins', () => {
    const crooked = withSize(PAGE, { virtBase: 0x7ff000n, entry: 0x7ff000n });
    const rig = new Rig({ kernel: crooked, ...direct }, 8 * MIB_PAGES);
    checkDomain(rig, crooked);
    expect(rig.built.layout.region.pages).toBe(1025);
  });

  test('may be the last of all addresses', () => {
    const last = withSize(PAGE, { virtBase: 0xffffffffffc00000n });
    checkDomain(new Rig({ kernel: last, ...direct }, 8 * MIB_PAGES), last);
  });
});

// biome-ignore format: one case per line.
test.each<[what: string, kernel: PvKernel, mode: { features: number; sharedInfo?: number }, pages: number, code: string, message: string]>([
  ['a feature',        { ...kernel, requiredFeatures: features('dom0', 'hvm_pirqs') }, direct, 4096, 'FEATURE', 'requires what there is not here: hvm_pirqs, dom0'],
  ['translation',      { ...kernel, supportedFeatures: 0 }, translated, 4096,         'FEATURE', 'runs with direct paging only'],
  ['translation needed', { ...kernel, requiredFeatures: 4 }, direct, 4096,            'FEATURE', 'not here: auto_translated_physmap'],
  ['little memory',    kernel, direct, 1023,                                          'MEMORY', 'needs 4 MiB of memory to start, it has 3.99'],
  ['less memory',      kernel, direct, 512,                                           'MEMORY', 'needs 4 MiB of memory to start, it has 2'],
  ['a vast kernel',    withSize(2 ** 46), direct, 4096,                               'MEMORY', 'MiB of memory to start, it has 16'],
  ['a list too many',  { ...kernel, initP2m: 0x8000000000n }, direct, 1024 + 4,       'MEMORY', 'needs 4.03 MiB'],
  ['beyond the top',   withSize(PAGE, { virtBase: 0xfffffffffff80000n }), direct, 8192, 'ADDRESS', 'boot memory (0xfffffffffff80000 to 0x100000000003fffff)'],
  ['into the hole',    withSize(PAGE, { virtBase: 0x7fffffffe000n }), direct, 8192,   'ADDRESS', 'where a guest has no memory'],
  ['a list in the hole', { ...kernel, initP2m: 0xffff8000_00000000n }, direct, 4096,  'ADDRESS', 'would have its list of frames'],
  ['a list in the way', { ...kernel, initP2m: BASE + 0x3ff000n }, direct, 4096,       'ADDRESS', 'the list of frames (INIT_P2M 0xffffffff803ff000) would lie in boot memory'],
])('%s', (_, wanted, mode, pages, code, message) => {
  const build = () => new Rig({ kernel: wanted, ...mode }, pages);
  expect(build).toThrow(expect.objectContaining({ name: 'DomainError', code }));
  expect(build).toThrow(message);
});

test('a kernel that requires writable page tables, as Linux does, is started without', () => {
  const linux = { ...kernel, requiredFeatures: features('writable_page_tables') };
  expect(() => new Rig({ kernel: linux, ...direct }, 8 * MIB_PAGES)).not.toThrow();
});

test('a command line has 1023 bytes at most', () => {
  const commandLine = 'x'.repeat(1023);
  const rig = new Rig({ kernel, ...direct, commandLine }, 8 * MIB_PAGES);
  const info = START_INFO.read(rig.pfn(rig.built.layout.startInfo.pfn), 0);
  expect(ascii(info.cmd_line)).toBe(commandLine);
  expect(
    () => new Rig({ kernel, ...direct, commandLine: `${commandLine}x` }, 8 * MIB_PAGES),
  ).toThrow('the command line has 1024 bytes');
});

test('any domain that is built keeps the rules', () => {
  const counts = { built: 0, refused: 0 };
  const base = fc
    .oneof(
      fc.bigInt({ min: 0n, max: 2n ** 35n - 1n }),
      fc.bigInt({ min: 0xffff880000000n, max: 0xfffffffffffffn }),
      fc.constantFrom(0n, 0x3fffffn, 0x7fffe00n, 0xffffffffffc00n),
    )
    .map((page) => page << 12n);
  const domain = fc.record({
    virtBase: base,
    size: fc.integer({ min: 1, max: 6 * 2 ** 20 }),
    moduleBytes: fc.nat(3 * 2 ** 20),
    pages: fc.integer({ min: 900, max: 5000 }),
    initP2m: fc.option(base, { nil: undefined }),
    isTranslated: fc.boolean(),
  });
  fc.assert(
    fc.property(domain, ({ virtBase, size, moduleBytes, pages, initP2m, isTranslated }) => {
      const wanted = withSize(size, { virtBase, entry: virtBase, initP2m });
      const module = new Uint8Array(moduleBytes).fill(0x5a);
      try {
        const mode = isTranslated ? translated : direct;
        checkDomain(new Rig({ kernel: wanted, ...mode, module }, pages), wanted);
        counts.built++;
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        counts.refused++;
      }
    }),
    { numRuns: 60 },
  );
  expect(Math.min(counts.built, counts.refused)).toBeGreaterThan(5);
});
