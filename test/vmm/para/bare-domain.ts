/**
 * Runs a domain's first steps on a bare machine, at CPL 0, with the page tables that its builder made: SYSCALL leads to a
 * stub that asks the port below, where the few hypercalls that a first guest needs are answered. It shows that what is
 * built is right for a processor; it is no hypervisor. Nothing translates frame numbers but the guest itself: those of a
 * translated domain must be the machine's.
 */

import { expect } from 'vitest';
import { Machine, type RunEnd } from '../../../src/machine/machine.ts';
import { loadProcessorModule } from '../../../src/node/wasm.ts';
import { HYPERVISOR_VIRT_START } from '../../../src/xen/address-space.ts';
import { CONSOLEIO, XENCONS_INTERFACE } from '../../../src/xen/console.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { EVTCHN_SEND, EVTCHNOP } from '../../../src/xen/event-channel.ts';
import { HYPERVISOR, type HypercallName, hypercallName } from '../../../src/xen/hypercalls.ts';
import { SCHED_SHUTDOWN, SCHEDOP } from '../../../src/xen/sched.ts';
import { XEN_FEATURE_INFO, XENVER } from '../../../src/xen/version.ts';
import { PAGE, type Page, type Rig, SHARED_INFO_FRAME } from './rig.ts';

const PORT = 0xe8;
// out PORT, al; push r11; popfq; jmp rcx
const STUB = [0xe6, PORT, 0x41, 0x53, 0x9d, 0xff, 0xe1];
const [RAX, RDX, RSP, RSI, RDI] = [0, 2, 4, 6, 7];
const OUT_BYTES = 2048;

/** Slots of the root: the table of pfn by mfn, and the stub. */
const M2P_SLOT = 256;
const STUB_SLOT = 257;
const STUB_VA = HYPERVISOR_VIRT_START + (1n << 39n);

const module = loadProcessorModule();

export interface Outcome {
  readonly end: RunEnd;
  readonly output: string;
  /** Hypercalls in the order of their first use. */
  readonly calls: readonly string[];
}

export class BareDomain {
  readonly #rig: Rig;
  readonly #features: number;
  readonly #machine: Machine;
  readonly #pages: Map<bigint, Page>;
  #output = '';
  readonly #calls = new Set<string>();
  /** Frames that are not the domain's. */
  readonly #free: number[];

  constructor(rig: Rig, features: number) {
    this.#rig = rig;
    this.#features = features;
    this.#pages = rig.walk().pages;
    const taken = new Set([...rig.frames, SHARED_INFO_FRAME]);
    const all = [...Array(rig.bytes.length / PAGE).keys()];
    this.#free = all.filter((frame) => !taken.has(frame));
    const ramBytes = rig.bytes.length;
    this.#machine = Machine.bare(module, { ramBytes, maxInstructions: 1_000_000 });
    this.#machine.memory.write(0, rig.bytes);
    this.#mapOwn(STUB_SLOT, Uint8Array.from(STUB));
    this.#mapOwn(M2P_SLOT, this.#machineToPhys());
    this.#machine.bus.mapPorts(PORT, 1, {
      widestPort: 1,
      readPort: () => 0xff,
      writePort: () => this.#hypercall(),
    });
    this.#enter();
  }

  run(): Outcome {
    const end = this.#machine.run();
    return { end, output: this.#output, calls: [...this.#calls] };
  }

  #machineToPhys(): Uint8Array {
    const { frames, bytes } = this.#rig;
    const table = new BigUint64Array(bytes.length / PAGE).fill(2n ** 64n - 1n);
    frames.forEach((mfn, pfn) => {
      table[mfn] = BigInt(pfn);
    });
    return new Uint8Array(table.buffer);
  }

  /** Maps `data` at the beginning of what a slot of the root spans. */
  #mapOwn(slot: number, data: Uint8Array): void {
    const { memory } = this.#machine;
    const take = (): number => this.#free.pop()! * PAGE;
    const tables = [take(), take(), take()];
    for (const table of tables) memory.fill(table, PAGE, 0);
    const places = [this.#rig.frameOf(this.#rig.built.root) * PAGE + slot * 8, ...tables];
    tables.forEach((table, n) => {
      memory.writeU64(places[n]!, BigInt(table) | 3n);
    });
    for (let at = 0; at < data.length; at += PAGE) {
      const page = take();
      memory.write(page, data.subarray(at, at + PAGE));
      memory.writeU64(tables[2]! + (at / PAGE) * 8, BigInt(page) | 1n);
    }
  }

  #enter(): void {
    const { processor } = this.#machine;
    const { view } = processor;
    const { entry, root } = this.#rig.built;
    const flat = { base: 0n, limit: 0xffffffff };
    view.setU64('CR0', 0x80010011n); // PG, WP, ET, PE
    view.setU64('CR3', BigInt(this.#rig.frameOf(root) * PAGE));
    view.setU64('CR4', 0x20n); // PAE
    view.setU64('EFER', 0xd01n); // NXE, LMA, LME, SCE
    view.setU64('STAR', 0x0008_0000_0000n);
    view.setU64('LSTAR', STUB_VA);
    view.setU64('FMASK', 0n);
    view.setSegment('cs', { ...flat, selector: 0x08, access: 0xa09b });
    view.setSegment('ss', { ...flat, selector: 0x10, access: 0xc093 });
    view.gpr.fill(0n);
    view.gpr[RSP] = entry.rsp;
    view.gpr[RSI] = entry.rsi;
    view.setU64('RIP', entry.rip);
    processor.rflags = 2n;
    processor.stateChanged();
  }

  #hypercall(): void {
    const { gpr } = this.#machine.processor.view;
    const name = hypercallName(Number(gpr[RAX]));
    this.#calls.add(name ?? `${gpr[RAX]}`);
    gpr[RAX] = BigInt.asUintN(64, BigInt(this.#answer(name, gpr)));
  }

  #answer(name: HypercallName | undefined, gpr: BigUint64Array): number {
    const [first, second, third] = [Number(gpr[RDI]), gpr[RSI]!, gpr[RDX]!];
    switch (name) {
      case 'console_io':
        if (first !== CONSOLEIO.write) return -ERRNO.ENOSYS;
        this.#output += this.#read(third, Number(second)).toString('latin1');
        return 0;
      case 'xen_version':
        expect(first).toBe(XENVER.get_features);
        expect(XEN_FEATURE_INFO.read(this.#view(second), 0).submap_idx).toBe(0);
        this.#write(second, XEN_FEATURE_INFO.offsets.submap, this.#features);
        return 0;
      case 'event_channel_op':
        expect(first).toBe(EVTCHNOP.send);
        expect(EVTCHN_SEND.read(this.#view(second), 0).port).toBe(2);
        this.#drainConsole();
        return 0;
      case 'sched_op':
        if (first !== SCHEDOP.shutdown) return 0;
        this.#machine.stop({
          kind: 'exit',
          status: SCHED_SHUTDOWN.read(this.#view(second), 0).reason,
        });
        return 0;
      default:
        expect.fail(`hypercall ${name} of the numbers up to ${HYPERVISOR.hypfs_op}`);
    }
  }

  #drainConsole(): void {
    const { memory } = this.#machine;
    const page = this.#rig.frameOf(this.#rig.built.shared.console) * PAGE;
    const view = new DataView(memory.read(page, PAGE).buffer);
    const { out, out_cons, out_prod } = XENCONS_INTERFACE.read(view, 0);
    for (let n = out_cons; n !== out_prod; n = (n + 1) >>> 0) {
      this.#output += String.fromCharCode(out[n % OUT_BYTES]!);
    }
    const consumed = new Uint8Array(Uint32Array.of(out_prod).buffer);
    memory.write(page + XENCONS_INTERFACE.offsets.out_cons, consumed);
  }

  #hpa(va: bigint): number {
    const page = this.#pages.get(va & ~0xfffn);
    if (page === undefined) expect.fail(`the guest names 0x${va.toString(16)}`);
    return page.frame * PAGE + Number(va & 0xfffn);
  }

  /** Of what lies in one page. */
  #read(va: bigint, length: number): Buffer {
    return Buffer.from(this.#machine.memory.read(this.#hpa(va), length));
  }

  /** Enough for a small structure. */
  #view(va: bigint): DataView {
    return new DataView(this.#machine.memory.read(this.#hpa(va), 16).buffer);
  }

  #write(va: bigint, offset: number, value: number): void {
    const bytes = new Uint8Array(Uint32Array.of(value).buffer);
    this.#machine.memory.write(this.#hpa(va) + offset, bytes);
  }
}
