/** Registers of `exec`: the state in which a request starts, and the report on how it ended. */

import { type CpuView, GPR_NAMES, type SegmentState, UNUSABLE } from './cpu-view.ts';
import type { PagingFormat } from './exec-paging.ts';
import type { ExecRequest } from './exec-request.ts';
import { loadTables, segmentOf } from './exec-system.ts';
import type { Processor } from './processor.ts';

/**
 * Control registers of a request that names none: those of a 64-bit and of a 32-bit Linux, less what would
 * hide user pages.
 */
export const EXEC_DEFAULTS = {
  long64: { cr0: 0x80050033n, cr4: 0x100a0n, efer: 0xd01n },
  prot32: { cr0: 0x80050033n, cr4: 0x90n, efer: 0n },
} as const;

const ACCESS_CODE = { long64: 0xa09b, prot32: 0xc09b } as const;
const ACCESS_DATA = 0xc093;
const DPL3 = 0x60;
/** Selectors of a request that names none. */
const SELECTORS = {
  long64: {
    0: { cs: 0x10n, ss: 0x18n, ds: 0n, es: 0n, fs: 0n, gs: 0n },
    3: { cs: 0x33n, ss: 0x2bn, ds: 0n, es: 0n, fs: 0n, gs: 0n },
  },
  prot32: {
    0: { cs: 0x08n, ss: 0x18n, ds: 0x18n, es: 0x18n, fs: 0n, gs: 0n },
    3: { cs: 0x23n, ss: 0x2bn, ds: 0x2bn, es: 0x2bn, fs: 0n, gs: 0n },
  },
} as const;
const SEGMENTS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const;

/** Sets and reports the registers of one processor. */
export class ExecRegisters {
  readonly #processor: Processor;
  readonly #view: CpuView;
  readonly #block: Uint8Array;
  /** The processor block as it is after power-up. */
  readonly #powerUp: Uint8Array;

  constructor(processor: Processor) {
    const { view } = processor;
    const { layout } = view;
    this.#processor = processor;
    this.#view = view;
    this.#block = new Uint8Array(view.data.buffer, layout('PROCESSOR'), layout('PROCESSOR_BYTES'));
    this.#powerUp = this.#block.slice();
  }

  /** Loads the state of `request`, whose page tables have the shape `format`. */
  load(request: ExecRequest, format: PagingFormat): void {
    this.#block.set(this.#powerUp);
    const view = this.#view;
    const { regs, cpl, mode, ldt } = request;
    const defaults = EXEC_DEFAULTS[mode];
    GPR_NAMES.forEach((name, n) => {
      view.gpr[n] = regs.get(name) ?? 0n;
    });
    view.setU64('RIP', regs.get('rip') ?? 0n);
    this.#processor.rflags = regs.get('rflags') ?? 2n;
    view.setU64('CR0', regs.get('cr0') ?? defaults.cr0);
    view.setU64('CR2', regs.get('cr2') ?? 0n);
    view.setU64('CR3', regs.get('cr3') ?? BigInt(format.root));
    view.setU64('CR4', regs.get('cr4') ?? defaults.cr4);
    view.setU64('EFER', regs.get('efer') ?? defaults.efer);
    view.setU32('CPL', cpl);
    this.#loadSegments(request);
    loadTables(view, format, ldt);
    view.setU32('HOSTED', 1);
    this.#processor.stateChanged();
    this.#processor.loadPdptes();
  }

  /** All registers, as hexadecimal. Written out, since objects that are built by name are slow to print. */
  report(): Readonly<Record<string, string>> {
    const view = this.#view;
    const gpr = (n: number): string => hex64(view.data, view.gpr.byteOffset + n * 8);
    const wide = (name: string): string => hex64(view.data, view.layout(name));
    const fs = view.segment('fs');
    const gs = view.segment('gs');
    return {
      rax: gpr(0),
      rcx: gpr(1),
      rdx: gpr(2),
      rbx: gpr(3),
      rsp: gpr(4),
      rbp: gpr(5),
      rsi: gpr(6),
      rdi: gpr(7),
      r8: gpr(8),
      r9: gpr(9),
      r10: gpr(10),
      r11: gpr(11),
      r12: gpr(12),
      r13: gpr(13),
      r14: gpr(14),
      r15: gpr(15),
      rip: wide('RIP'),
      rflags: hex(this.#processor.rflags),
      es: hex(view.segment('es').selector),
      cs: hex(view.segment('cs').selector),
      ss: hex(view.segment('ss').selector),
      ds: hex(view.segment('ds').selector),
      fs: hex(fs.selector),
      gs: hex(gs.selector),
      fs_base: hex(fs.base),
      gs_base: hex(gs.base),
      cr0: wide('CR0'),
      cr2: wide('CR2'),
      cr3: wide('CR3'),
      cr4: wide('CR4'),
      efer: wide('EFER'),
    };
  }

  #loadSegments(request: ExecRequest): void {
    for (const name of SEGMENTS) this.#view.setSegment(name, segmentState(request, name));
  }
}

/**
 * A segment register at the start of `request`. Outside 64-bit mode its selector decides; one that names
 * no segment is taken as flat, as all are in 64-bit mode.
 */
export function segmentState(
  { regs, cpl, mode, ldt }: ExecRequest,
  name: (typeof SEGMENTS)[number],
): SegmentState {
  const selector = Number(regs.get(name) ?? SELECTORS[mode][cpl][name]);
  const given = regs.get(`${name}_base`);
  const found = mode === 'prot32' ? segmentOf(selector, ldt) : undefined;
  if (found !== undefined) return given === undefined ? found : { ...found, base: given };
  const dpl = cpl === 3 ? DPL3 : 0;
  const isNull = selector < 4 && name !== 'cs' && name !== 'ss';
  const access = isNull ? UNUSABLE : (name === 'cs' ? ACCESS_CODE[mode] : ACCESS_DATA) | dpl;
  return { selector, base: given ?? 0n, limit: 0xffffffff, access };
}

function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** The u64 at `at` as hexadecimal, by its halves: numbers print several times as fast as bigints. */
function hex64(data: DataView, at: number): string {
  const low = data.getUint32(at, true).toString(16);
  const high = data.getUint32(at + 4, true);
  return high === 0 ? `0x${low}` : `0x${high.toString(16)}${low.padStart(8, '0')}`;
}
