/** How random kernels (kernel.ts) are run, on any engine, and what is compared. */

import { codeBits } from '../../src/explain/code.ts';
import { readLinear } from '../../src/explain/linear-memory.ts';
import { decode } from '../../src/isa/decode.ts';
import { buildDecodeTables } from '../../src/isa/decode-table.ts';
import type { Insn } from '../../src/isa/row.ts';
import { ROWS } from '../../src/isa/table.ts';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { FullEngine, framesOfFull, guestFeatures } from '../../src/vmm/full-engine.ts';
import { Host } from '../../src/vmm/host.ts';
import type { FullTechnique } from '../../src/vmm/monitor.ts';
import { directSafety, SENSITIVE } from '../../src/vmm/patch/direct-safety.ts';
import type { Kernel } from './kernel.ts';
import {
  fillKernelMemory,
  GDT_LIMIT,
  LDT,
  LDT_LIMIT,
  LDT_SELECTOR,
  PLAIN_IDT,
} from './kernel-memory.ts';
import { TIMER_PORT } from './kernel-pieces.ts';
import { BareMachine, bareEngine, CODE, HANDLER_STACK, HANDLERS, IRETQ } from './machine.ts';

export const KERNEL_RAM = 2 ** 20;
/** ACTIVITY after a triple fault. */
const SHUTDOWN = 2;
const DEBUG_HANDLER = HANDLERS + 64;
/** STAR: 08 for SYSCALL, 18 with RPL 3 for SYSRET. */
const STAR = 0x001b_0008_0000_0000n;
const LDT_ACCESS = 0x82;
const UNUSABLE = 0x10000;
const MAX_TURNS = 5000;

export function bareMachine(): BareMachine {
  const features = guestFeatures(DEFAULT_FEATURES);
  return new BareMachine(KERNEL_RAM, bareEngine(KERNEL_RAM, features), fillKernelMemory);
}

export function virtualMachine(cpu: FullTechnique): BareMachine {
  const options = { cpu, ramBytes: KERNEL_RAM };
  const host = new Host(loadProcessorModule(), framesOfFull(options));
  const made: FullEngine[] = [];
  const machine = new BareMachine(
    KERNEL_RAM,
    (devices) => {
      const engine = new FullEngine(host, options, devices);
      made.push(engine);
      return engine;
    },
    fillKernelMemory,
  );
  machine.replaced = () => made[0]?.shadow.clear();
  return machine;
}

function begin(machine: BareMachine, kernel: Kernel): void {
  const { processor, engine } = machine;
  machine.restore(kernel.cpl, kernel.mode);
  engine.memory.write(CODE + kernel.start, kernel.code);
  if (kernel.resumesDebug) engine.memory.write(DEBUG_HANDLER, Uint8Array.from(IRETQ));
  const { view } = processor;
  kernel.regs.forEach((value, n) => {
    view.gpr[n] = value;
  });
  view.setU64('RIP', BigInt(kernel.rip));
  view.setU64('CR4', kernel.cr4);
  view.setU64('STAR', STAR);
  view.setU64('LSTAR', BigInt(kernel.entry));
  view.setU64('CSTAR', BigInt(kernel.entry));
  view.setU64('FMASK', BigInt(kernel.flagMask));
  view.setU64('SYSENTER_CS', 8n);
  view.setU64('SYSENTER_EIP', BigInt(kernel.entry));
  view.setU64('SYSENTER_ESP', BigInt(HANDLER_STACK));
  view.setU64('DR', BigInt(kernel.dr0));
  view.setU64('DR7', BigInt(kernel.dr7));
  view.setU32('GDTR_LIMIT', GDT_LIMIT);
  // As a kernel that got to long mode has left them: a VMM cannot tell if user code loads them with 0 once more.
  for (const name of ['fs', 'gs'] as const) {
    view.setSegment(name, { base: 0n, limit: 0, access: UNUSABLE, selector: 0 });
  }
  if (kernel.isPlainIdt) view.setU64('IDTR_BASE', BigInt(PLAIN_IDT));
  if (kernel.hasLdt) {
    const table = { base: BigInt(LDT), limit: LDT_LIMIT };
    view.setSegment('ldtr', { ...table, access: LDT_ACCESS, selector: LDT_SELECTOR });
  }
  processor.rflags = kernel.rflags;
  processor.stateChanged();
}

/** How a kernel is run. */
export interface Course {
  /** Virtual time at which it ends. */
  readonly end: number;
  /** How long to run at once. */
  readonly slice: () => number;
  /** Asked between slices: whether it ends here. */
  readonly stops?: () => boolean;
}

/** Runs `kernel`; the time at which that ended. */
export function run(machine: BareMachine, kernel: Kernel, course: Course): number {
  begin(machine, kernel);
  const { processor, engine } = machine;
  const { end } = course;
  let due = kernel.period || end + 1;
  let count = 0;
  machine.acknowledge = () => {
    processor.setInterruptLine(false);
    return 0x20;
  };
  machine.portRead = () => Number(processor.time & 0x3fn);
  machine.portWrite = (port, value) => {
    if (port !== TIMER_PORT) return;
    due = Number(processor.time) + 1 + (value & 0x3f);
    processor.requestStop();
  };
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const now = Number(processor.time);
    if (now >= end || course.stops?.()) return now;
    const next = Math.min(due, end);
    const reason = engine.run(Math.min(course.slice(), next - now));
    if (reason === 'shutdown' || reason === 'absent') break;
    // The device may have been set anew meanwhile.
    const wake = Math.min(due, end);
    if (reason === 'halt' && processor.time < wake) {
      processor.advanceTime(BigInt(wake) - processor.time);
    }
    if (processor.time < due) continue;
    count++;
    if (kernel.nmis !== 0 && count % kernel.nmis === 0) processor.raiseNmi();
    else processor.setInterruptLine(true);
    due = kernel.period === 0 ? end + 1 : Math.max(due, Number(processor.time)) + kernel.period;
  }
  return Number(processor.time);
}

export const isShutDown = ({ processor }: BareMachine): boolean =>
  processor.view.u32('ACTIVITY') === SHUTDOWN;

/** How `got` differs from `wanted` after a run, in a line; undefined if a guest could not tell. */
export function difference(wanted: BareMachine, got: BareMachine): string | undefined {
  if (!wanted.fingerprint().equals(got.fingerprint())) {
    const others = new Set(wanted.state().split('\n'));
    const lines = got.state().split('\n');
    const own = new Set(lines);
    const differs = lines.filter((line) => !others.has(line));
    return `${differs.join(' ')} instead of ${[...others].filter((line) => !own.has(line)).join(' ')}`;
  }
  const pages = new Set([...wanted.written(), ...got.written()]);
  for (const at of pages) {
    const page = wanted.engine.memory.page(at);
    const other = got.engine.memory.page(at);
    if (Buffer.compare(page, other) === 0) continue;
    const n = page.findIndex((byte, index) => byte !== other[index]);
    return `RAM differs at ${(at + n).toString(16)}`;
  }
  return undefined;
}

// --- What user code sees of the VMM --------------------------------------------------------------

const TABLES = buildDecodeTables(ROWS);
const USER = 3;
const LONGEST = 15;
/** IF, IOPL, VIF and VIP: the host's, which has IF alone. */
const IF = 0x200n;
const HOST_FLAGS = 0x18_3200n;
/** What an instruction of user code can touch and find, or leave, as the guest has it. */
// biome-ignore format: a few per line.
const VIRTUAL: ReadonlySet<string> = new Set([
  'sreg:r', 'sreg:w', 'cs:w', 'ss:w', 'cpl:w', 'msr:r', 'fs_base:r', 'fs_base:w', 'gs_base:r', 'gs_base:w', 'halt:w',
  'rflags.ac:w', 'cache:w', 'tlb:w',
]);
/** Rows whose `descriptors:r` are loads: where the tables of the user view differ they trap. */
const LOADS: ReadonlySet<string> = new Set(['sreg:w', 'cs:w']);

function seesHost(row: Insn, rflags: bigint): boolean {
  if (directSafety(row) !== SENSITIVE) return false;
  const touches = row.touches ?? [];
  // INT goes through the host's IDT first, and stops there.
  if (touches.includes('idtr:r') && touches.includes('cpl:w')) return false;
  const isLoad = touches.some((what) => LOADS.has(what));
  return touches.some((what) => {
    if (what === 'descriptors:r') return !isLoad;
    if (what.startsWith('rflags.i')) return (rflags & HOST_FLAGS) !== IF;
    return !VIRTUAL.has(what);
  });
}

/** The next instruction is user code that can tell a VM from a machine of its own. */
export function isTelling({ engine, processor }: BareMachine): boolean {
  const { view, rflags } = processor;
  if (view.u32('CPL') !== USER) return false;
  const source = { processor, tableMemory: engine.memory };
  const bytes = readLinear(source, view.segment('cs').base + view.u64('RIP'), LONGEST);
  const decoded = decode(bytes, 0, codeBits(view), TABLES);
  const row = decoded.ok ? ROWS[decoded.row] : undefined;
  return row !== undefined && seesHost(row, rflags);
}
