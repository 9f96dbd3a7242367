/**
 * `exec`: runs single instructions from a described state (DESIGN.md section 6). One processor serves all
 * requests; a request maps pages of its own and leaves nothing behind.
 *
 * RAM: page tables, GDT, IDT and TSS lie in frames of their own, mapped for the supervisor at SYSTEM; the
 * pages of a request take frames from POOL on. The GDT is that of 64-bit Linux, so that selectors mean
 * what they mean to a program there: 0x33 and 0x2b at CPL 3, 0x10 and 0x18 at CPL 0.
 */

import { EVENT_NAMES } from '../base/vector.ts';
import type { CpuView, SegmentName } from './cpu-view.ts';
import { GPR_NAMES } from './cpu-view.ts';
import { ExecError, parseRequest } from './exec-request.ts';
import type { ExecRequest } from './exec-request.ts';
import { PageMap } from './exec-pages.ts';
import { DEFAULT_FEATURES } from './features.ts';
import { Processor } from './processor.ts';

/** The event that ended the step. */
export interface ExecTrap {
  readonly vector?: number;
  readonly name: string;
  readonly error?: string | null;
  readonly cr2?: string;
}

export interface ExecResult {
  /** All general registers, rip, rflags, selectors, FS and GS base, CR0-CR4 and EFER, as hexadecimal. */
  readonly regs: Readonly<Record<string, string>>;
  /** Changed byte runs of the given pages: address and hexadecimal bytes. */
  readonly mem: readonly (readonly [string, string])[];
  readonly trap: ExecTrap | null;
  /** A repeated string instruction was cut off. */
  readonly partial?: true;
}

export type ExecReply = ExecResult | { readonly error: string };

/** Runs a request, given as the parsed JSON value; bad requests give `{error}` and never throw. */
export type Executor = (request: unknown) => ExecReply;

const RAM_BYTES = 64 * 1024 * 1024;
/** Iterations of a repeated string instruction that one step may make. */
const MAX_ITERATIONS = 1 << 20;

/** Builds an executor on the processor module. */
export function createExecutor(
  module: WebAssembly.Module,
  features: ReadonlySet<string> = DEFAULT_FEATURES,
): Executor {
  const host = {
    portRead: (_port: number, size: number) => (size === 4 ? 0xffffffff : (1 << (size * 8)) - 1),
    portWrite: () => {},
    memoryRead: () => 0xffffffff,
    memoryWrite: () => {},
    interruptAcknowledge: () => 0,
  };
  const options = { ramBytes: RAM_BYTES, features, seed: 1n };
  const processor = new Processor(module, options, host);
  const pages = new PageMap(processor.memory);
  const power = savePowerUp(processor);
  return (value) => {
    try {
      return execute(processor, pages, power, parseRequest(value));
    } catch (error) {
      if (error instanceof ExecError) return { error: error.message };
      throw error;
    }
  };
}

function execute(
  processor: Processor,
  pages: PageMap,
  power: Uint8Array,
  request: ExecRequest,
): ExecResult {
  pages.map(request.pieces, request.cpl);
  restorePowerUp(processor, power);
  setState(processor, pages, request);
  let partial = false;
  let trap: ExecTrap | null = null;
  for (let step = 0; step < request.steps && trap === null && !partial; step++) {
    trap = oneStep(processor);
    partial = trap === null && stoppedInRepeat(processor);
  }
  const result = { regs: registers(processor), mem: pages.changes(), trap };
  pages.release();
  return partial ? { ...result, partial: true } : result;
}

/** One instruction, a repeated string instruction whole: one iteration is one unit of fuel. */
function oneStep(processor: Processor): ExecTrap | null {
  let reason = processor.run(1);
  for (let n = 1; n < MAX_ITERATIONS && reason === 'fuel' && stoppedInRepeat(processor); n++) {
    reason = processor.run(1);
  }
  return reason === 'fuel' ? null : describe(processor, reason);
}

function stoppedInRepeat(processor: Processor): boolean {
  return processor.view.u32('REPEATING') !== 0;
}

function describe(processor: Processor, reason: string): ExecTrap {
  const { view } = processor;
  if (reason === 'syscall' || reason === 'sysenter') return { name: reason.toUpperCase() };
  if (reason === 'halt') return { name: 'HLT' };
  const vector = view.u32('EVENT_VECTOR');
  const error = view.u32('EVENT_HAS_ERROR') ? `0x${view.u32('EVENT_ERROR').toString(16)}` : null;
  const name = EVENT_NAMES[vector] ?? `INT ${vector}`;
  if (vector !== 14) return { vector, name, error };
  return { vector, name, error, cr2: `0x${view.u64('CR2').toString(16)}` };
}

const SELECTORS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;
const CONTROLS = ['cr0', 'cr2', 'cr3', 'cr4', 'efer'] as const;

function registers(processor: Processor): Record<string, string> {
  const { gpr } = processor.view;
  const regs: Record<string, string> = {};
  GPR_NAMES.forEach((name, n) => {
    regs[name] = `0x${(gpr[n] ?? 0n).toString(16)}`;
  });
  const { view } = processor;
  regs['rip'] = `0x${view.u64('RIP').toString(16)}`;
  regs['rflags'] = `0x${processor.rflags.toString(16)}`;
  for (const name of SELECTORS) regs[name] = `0x${view.segment(name).selector.toString(16)}`;
  regs['fs_base'] = `0x${view.segment('fs').base.toString(16)}`;
  regs['gs_base'] = `0x${view.segment('gs').base.toString(16)}`;
  for (const name of CONTROLS) {
    regs[name] = `0x${view.u64(name.toUpperCase()).toString(16)}`;
  }
  return regs;
}

/** A copy of the processor block as it is after power-up. */
function savePowerUp(processor: Processor): Uint8Array {
  return processorBlock(processor).slice();
}

function restorePowerUp(processor: Processor, power: Uint8Array): void {
  // Caches outside the block stay: contexts and code pages keep them right.
  const { view } = processor;
  const kept = ['CACHE_NEXT', 'CODE_PAGE_NEXT', 'CODE_PAGE_FREE', 'CONTEXT_LAST', 'SPACE_VICTIM'];
  const values = kept.map((name) => view.u32(name));
  processorBlock(processor).set(power);
  kept.forEach((name, n) => {
    view.setU32(name, values[n] ?? 0);
  });
}

function processorBlock({ view }: Processor): Uint8Array {
  return new Uint8Array(view.data.buffer, view.layout('PROCESSOR'), view.layout('PROCESSOR_BYTES'));
}

const ACCESS_CODE64 = 0xa09b;
const ACCESS_DATA = 0xc093;
const DPL3 = 0x60;

function setState(processor: Processor, pages: PageMap, request: ExecRequest): void {
  const { view } = processor;
  const { regs, cpl } = request;
  const dpl = cpl === 3 ? DPL3 : 0;
  const flat = { base: 0n, limit: 0xffffffff };
  GPR_NAMES.forEach((name, n) => {
    view.gpr[n] = regs.get(name) ?? 0n;
  });
  view.setU64('RIP', regs.get('rip') ?? 0n);
  processor.rflags = regs.get('rflags') ?? 2n;
  view.setU64('CR0', regs.get('cr0') ?? EXEC_DEFAULTS.cr0);
  view.setU64('CR2', regs.get('cr2') ?? 0n);
  view.setU64('CR3', regs.get('cr3') ?? pages.root);
  view.setU64('CR4', regs.get('cr4') ?? EXEC_DEFAULTS.cr4);
  view.setU64('EFER', regs.get('efer') ?? EXEC_DEFAULTS.efer);
  view.setU32('CPL', cpl);
  const selectors = cpl === 3 ? { cs: 0x33, ss: 0x2b } : { cs: 0x10, ss: 0x18 };
  const selector = (name: string, value: number): number => Number(regs.get(name) ?? BigInt(value));
  const code = { ...flat, selector: selector('cs', selectors.cs), access: ACCESS_CODE64 | dpl };
  view.setSegment('cs', code);
  view.setSegment('ss', { ...flat, selector: selector('ss', selectors.ss), access: ACCESS_DATA | dpl });
  for (const name of ['ds', 'es', 'fs', 'gs'] as const) setData(view, name, request, dpl);
  pages.setTables(view);
  view.setU32('HOSTED', 1);
  processor.stateChanged();
}

const UNUSABLE = 1 << 16;

function setData(view: CpuView, name: SegmentName, { regs }: ExecRequest, dpl: number): void {
  const selector = Number(regs.get(name) ?? 0n);
  const base = regs.get(`${name}_base`) ?? 0n;
  const access = selector < 4 ? UNUSABLE : ACCESS_DATA | dpl;
  view.setSegment(name, { selector, base, limit: 0xffffffff, access });
}

/** Control registers of a request that names none: those of a 64-bit Linux, less what would hide user pages. */
export const EXEC_DEFAULTS = { cr0: 0x80050033n, cr4: 0x100a0n, efer: 0xd01n } as const;
