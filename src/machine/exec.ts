/**
 * `exec`: runs single instructions from a described state (DESIGN.md section 6). One processor serves
 * all requests; a request has registers (exec-registers.ts) and pages (exec-pages.ts) of its own beside
 * the system structures (exec-system.ts), and leaves nothing behind.
 */

import { EVENT_NAMES } from '../base/vector.ts';
import { PageMap } from './exec-pages.ts';
import { type PagingFormat, pagingFormat } from './exec-paging.ts';
import { EXEC_DEFAULTS, ExecRegisters, segmentState } from './exec-registers.ts';
import type { ExecRequest, Piece } from './exec-request.ts';
import { ExecError, parseRequest } from './exec-request.ts';
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
/** CR0.PE and CR0.PG. */
const CR0_PAGED = 0x80000001n;
/** Registers that paging depends on. */
const CONTROLS = ['cr0', 'cr3', 'cr4', 'efer'] as const;

/**
 * Builds an executor on the processor module. With `inOneGo` the steps of a request run in one call of the
 * processor, as in a machine, and each iteration of a repeated string instruction is one.
 */
export function createExecutor(
  module: WebAssembly.Module,
  features: ReadonlySet<string> = DEFAULT_FEATURES,
  inOneGo = false,
): Executor {
  const host = {
    portRead: (_port: number, size: number) => (size === 4 ? 0xffffffff : (1 << (size * 8)) - 1),
    portWrite: () => {},
    memoryRead: () => 0xffffffff,
    memoryWrite: () => {},
    taskPriorityWritten: () => {},
    msrWritten: () => {},
    interruptAcknowledge: () => 0,
  };
  const options = { ramBytes: RAM_BYTES, features, seed: 1n };
  const bed = new TestBed(Processor.create(module, options, host), inOneGo ? runInOneGo : runSteps);
  return (value) => {
    try {
      return bed.execute(parseRequest(value));
    } catch (error) {
      if (error instanceof ExecError) return { error: error.message };
      throw error;
    }
  };
}

/** A processor with the memory and the registers of one request at a time. */
class TestBed {
  readonly #processor: Processor;
  readonly #pages: PageMap;
  readonly #registers: ExecRegisters;
  readonly #run: typeof runSteps;

  constructor(processor: Processor, run: typeof runSteps) {
    this.#processor = processor;
    this.#run = run;
    this.#pages = new PageMap(processor.memory);
    this.#registers = new ExecRegisters(processor);
  }

  execute(request: ExecRequest): ExecResult {
    try {
      const format = formatOf(request);
      this.#pages.map(piecesOf(request), request.cpl, format, request.ldt);
      this.#registers.load(request, format);
      const { trap, partial } = this.#run(this.#processor, request.steps);
      const result = { regs: this.#registers.report(), mem: this.#pages.changes(), trap };
      if (!isConfined(request)) this.#pages.restore();
      return partial ? { ...result, partial: true } : result;
    } finally {
      this.#pages.release();
    }
  }
}

/** The shape of page tables that the request's control registers ask for. */
function formatOf({ mode, regs }: ExecRequest): PagingFormat {
  const { cr0, cr4, efer } = EXEC_DEFAULTS[mode];
  if (((regs.get('cr0') ?? cr0) & CR0_PAGED) !== CR0_PAGED) {
    throw new ExecError('cr0 must have PE and PG: what a request gives is mapped by page tables');
  }
  return pagingFormat(regs.get('cr4') ?? cr4, regs.get('efer') ?? efer);
}

/** What is mapped: the pieces, then the code where RIP is in its segment. */
function piecesOf(request: ExecRequest): Piece[] {
  const { pieces, code, mode, regs } = request;
  const rip = regs.get('rip') ?? 0n;
  const base = mode === 'prot32' ? segmentState(request, 'cs').base : 0n;
  const address = mode === 'prot32' ? BigInt.asUintN(32, base + rip) : rip;
  return [...pieces, { address, bytes: code }];
}

/** The request can write to no page but its own: at CPL 3 under the paging that it is given. */
function isConfined({ cpl, regs }: ExecRequest): boolean {
  return cpl === 3 && !CONTROLS.some((name) => regs.has(name));
}

function runSteps(
  processor: Processor,
  steps: number,
): { trap: ExecTrap | null; partial: boolean } {
  let partial = false;
  let trap: ExecTrap | null = null;
  for (let step = 0; step < steps && trap === null && !partial; step++) {
    trap = oneStep(processor);
    partial = trap === null && stoppedInRepeat(processor);
  }
  return { trap, partial };
}

function runInOneGo(
  processor: Processor,
  steps: number,
): { trap: ExecTrap | null; partial: boolean } {
  const reason = processor.run(steps);
  const trap = reason === 'fuel' ? null : describe(processor, reason);
  return { trap, partial: trap === null && stoppedInRepeat(processor) };
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
  if (reason === 'callGate') return { name: 'CALL GATE' };
  if (reason === 'absent') return { name: processor.absentMode };
  const vector = view.u32('EVENT_VECTOR');
  const error = view.u32('EVENT_HAS_ERROR') ? `0x${view.u32('EVENT_ERROR').toString(16)}` : null;
  const name = EVENT_NAMES[vector] ?? `INT ${vector}`;
  if (vector !== 14) return { vector, name, error };
  return { vector, name, error, cr2: `0x${view.u64('CR2').toString(16)}` };
}
