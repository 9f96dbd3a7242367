/**
 * Ways into the guest's kernel and out of it: *bounce frames*, which handlers find on their stack, and the hypercall iret,
 * by which they return (Xen's public arch-x86/xen-x86_64.h). A frame, from the top of the stack: RCX, R11, an error code where
 * there is one, RIP, CS, RFLAGS, RSP, SS. CS has RPL 0 if kernel code was interrupted; in bits 39:32 of its word is the mask of
 * events as it was, and RFLAGS.IF says the same.
 */

import { EVENT_NAMES, GP, UD } from '../../../base/vector.ts';
import { isCanonical, isGuestRange } from '../../../xen/address-space.ts';
import type { CallbackName } from '../../../xen/callback.ts';
import { FLAT } from '../../../xen/segments.ts';
import { IRET_CONTEXT, VGCF_in_syscall } from '../../../xen/trap.ts';
import type { ParaExitLog } from '../exits/para-exit-log.ts';
import type { GuestSpace } from '../memory/guest-space.ts';
import type { SharedInfo } from '../shared-info.ts';
import { type ParaVcpu, R11, RAX, RCX, SYSCALL_BYTES } from './para-vcpu.ts';
import type { Handler, TrapTable } from './trap-table.ts';

const RFLAGS_IF = 1 << 9;
const IOPL_SHIFT = 12;
const RFLAGS_IOPL = 3 << IOPL_SHIFT;
/** TF, NT, RF, VM, AC: off in a handler. */
const RFLAGS_CLEARED = (1 << 8) | (1 << 14) | (1 << 16) | (1 << 17) | (1 << 18);
const RFLAGS_DF = 1 << 10;
const SELECTOR_RPL = 3;
const WORD = 8;
const CONTEXT = IRET_CONTEXT.offsets;
const CONTEXT_BYTES = BigInt(IRET_CONTEXT.size);
/** RCX, R11, the data segments of a failsafe frame or an error code, RIP, CS, RFLAGS, RSP and SS at most. */
const MOST_WORDS = 11;
const NOTICES = { event: 'events', nmi: 'NMIs' } as const;

/** What the memory technique does for it. */
export interface AddressSpaces {
  /** The processor walks the tables of kernel or user code from now on. */
  select(isKernel: boolean): void;
  /** There is an address space for user code. */
  readonly hasUser: boolean;
  /** This selector is about to be loaded. */
  useSelector(selector: number): void;
}

/** The virtual I/O privilege level, which RFLAGS shows to guests that ask for that. */
export interface IoPrivilege {
  iopl: number;
  readonly hasArchitecturalIopl: boolean;
}

/** Selectors. */
interface StackAndCode {
  readonly cs: number;
  readonly ss: number;
}

/** An exception, with its error code if it has one. */
export interface EventWithCode {
  readonly vector: number;
  readonly errorCode: number | undefined;
}

export interface GuestEntryParts {
  readonly vcpu: ParaVcpu;
  readonly space: GuestSpace;
  readonly shared: SharedInfo;
  readonly traps: TrapTable;
  readonly spaces: AddressSpaces;
  readonly privilege: IoPrivilege;
  /** The guest returns from a handler. */
  readonly returned: () => void;
  /** Hears of what is entered. */
  readonly log?: Pick<ParaExitLog, 'injected' | 'calledBack'> | undefined;
  /** The guest cannot go on; for an exception, if it is one that it has no handler for. */
  readonly crash: (why: string, exception?: EventWithCode) => void;
}

export class GuestEntry {
  readonly #parts: GuestEntryParts;
  /** The frame that is being made: its words, their halves, and its bytes by how many words it has. */
  readonly #words = new BigUint64Array(MOST_WORDS);
  readonly #halves = new Uint32Array(this.#words.buffer);
  readonly #frames = Array.from(
    { length: MOST_WORDS + 1 },
    (_, count) => new DataView(this.#words.buffer, 0, count * WORD),
  );
  /** The iret_context that was read last. */
  readonly #context = new DataView(new ArrayBuffer(IRET_CONTEXT.size));

  constructor(parts: GuestEntryParts) {
    this.#parts = parts;
  }

  /** Enters the handler of `vector`, for an exception at RIP or a software interrupt before it. */
  trap(vector: number, error?: number): void {
    const handler = this.#parts.traps.trap(vector);
    if (handler.address !== 0n) {
      this.#parts.log?.injected(vector, error);
      this.#enter(handler, error === undefined ? [] : [BigInt(error)]);
      return;
    }
    const name = EVENT_NAMES[vector] ?? `vector ${vector}`;
    this.#parts.crash(`it has no handler for ${name}`, { vector, errorCode: error });
  }

  /** An event or an NMI: nothing of the guest's is interrupted halfway. */
  upcall(name: 'event' | 'nmi'): void {
    const { address } = this.#parts.traps.callbacks[name];
    if (address !== 0n) this.#callBack(name, { address, masksEvents: true });
    else this.#parts.crash(`it has no callback for ${NOTICES[name]}`);
  }

  /** SYSCALL of user code, which RIP is behind; it is 64-bit code, and with which segments SYSCALL does not tell. */
  systemCall(): void {
    const { traps, vcpu } = this.#parts;
    const { syscall } = traps.callbacks;
    if (syscall.address === 0n) {
      vcpu.rip -= SYSCALL_BYTES;
      this.trap(UD);
      return;
    }
    const segments = { cs: FLAT.RING3_CS64, ss: FLAT.RING3_SS64 };
    this.#callBack('syscall', syscall, [], segments);
    vcpu.rflags &= ~RFLAGS_DF;
    vcpu.gpr[R11] = BigInt(vcpu.rflags);
  }

  /** SYSENTER, which tells neither where the guest was nor on which stack. */
  sysenter(): void {
    const { traps, vcpu } = this.#parts;
    const { sysenter } = traps.callbacks;
    if (sysenter.address === 0n) {
      vcpu.rip -= SYSCALL_BYTES;
      this.trap(GP, 0);
      return;
    }
    vcpu.rip = 0n;
    if (!vcpu.isKernel) vcpu.rsp = 0n;
    this.#callBack('sysenter', sysenter);
  }

  /** HYPERVISOR_iret, by the iret_context at RSP: what RAX gets. */
  iret(): bigint {
    this.#iret();
    return this.#parts.vcpu.gpr[RAX] ?? 0n;
  }

  #iret(): void {
    const { vcpu, space, spaces, shared, privilege, returned } = this.#parts;
    const context = this.#context;
    if (!isGuestRange(vcpu.rsp, vcpu.rsp + CONTEXT_BYTES) || !space.read(vcpu.rsp, context)) {
      this.#parts.crash(`the context of its iret at 0x${vcpu.rsp.toString(16)} cannot be read`);
      return;
    }
    const cs = context.getUint16(CONTEXT.cs, true);
    const ss = context.getUint16(CONTEXT.ss, true) | SELECTOR_RPL;
    const rflags = context.getUint32(CONTEXT.rflags, true);
    if ((cs & SELECTOR_RPL) === SELECTOR_RPL) {
      if (!spaces.hasUser) {
        this.#parts.crash('it returns to user code, for which it has set no page tables');
        return;
      }
      this.#toggle();
    }
    returned();
    if (privilege.hasArchitecturalIopl) privilege.iopl = (rflags >> IOPL_SHIFT) & 3;
    shared.upcallMask = (rflags & RFLAGS_IF) === 0 ? 1 : 0;
    vcpu.gpr[RAX] = context.getBigUint64(CONTEXT.rax, true);
    vcpu.rip = context.getBigUint64(CONTEXT.rip, true);
    vcpu.rsp = context.getBigUint64(CONTEXT.rsp, true);
    vcpu.rflags = rflags;
    if ((context.getUint32(CONTEXT.flags, true) & VGCF_in_syscall) === 0) {
      vcpu.gpr[R11] = context.getBigUint64(CONTEXT.r11, true);
      vcpu.gpr[RCX] = context.getBigUint64(CONTEXT.rcx, true);
      const wanted = { cs: cs | SELECTOR_RPL, ss };
      spaces.useSelector(cs);
      spaces.useSelector(ss);
      if (!vcpu.loadStackAndCode(wanted.cs, ss) || !isCanonical(vcpu.rip)) this.#failsafe(wanted);
      return;
    }
    this.#asSysret(cs === FLAT.RING3_CS32 ? cs : FLAT.RING3_CS64);
    if (!isCanonical(vcpu.rip)) this.#failsafe(vcpu);
  }

  /** The return to the guest, to `segments`, has failed: it hears of that with the data segments that it has. */
  #failsafe(segments: StackAndCode): void {
    const { traps, vcpu } = this.#parts;
    const { failsafe } = traps.callbacks;
    if (failsafe.address === 0n) {
      this.#parts.crash('it returns to where it cannot run, and has no failsafe callback');
      return;
    }
    const { view } = vcpu.processor;
    const selectors = (['ds', 'es', 'fs', 'gs'] as const).map((name) =>
      BigInt(view.segment(name).selector),
    );
    this.#callBack('failsafe', failsafe, selectors, segments);
  }

  #callBack(
    name: CallbackName,
    handler: Handler,
    extra: readonly bigint[] = [],
    from?: StackAndCode,
  ): void {
    this.#parts.log?.calledBack(name);
    this.#enter(handler, extra, from);
  }

  /** Enters `handler` with `extra` words between R11 and RIP, from code with the segments `from`. */
  #enter(
    { address, masksEvents }: Handler,
    extra: readonly bigint[],
    from: StackAndCode = this.#parts.vcpu,
  ): void {
    const { vcpu, space, shared, privilege } = this.#parts;
    const { rip, rsp, rflags } = vcpu;
    const { ss } = from;
    // In kernel code CS shows RPL 0, as a kernel of its own would see it.
    const cs = vcpu.isKernel ? from.cs & ~SELECTOR_RPL : from.cs;
    if (!vcpu.isKernel) {
      vcpu.rsp = vcpu.kernelStack;
      this.#toggle();
    }
    const mask = shared.upcallMask;
    const iopl = privilege.hasArchitecturalIopl ? privilege.iopl << IOPL_SHIFT : 0;
    const shown = (rflags & ~(RFLAGS_IF | RFLAGS_IOPL)) | (mask === 0 ? RFLAGS_IF : 0) | iopl;
    const words = this.#words;
    let count = 0;
    words[count++] = vcpu.gpr[RCX] ?? 0n;
    words[count++] = vcpu.gpr[R11] ?? 0n;
    for (const word of extra) words[count++] = word;
    words[count++] = rip;
    this.#setWord(count++, cs, mask);
    this.#setWord(count++, shown, 0);
    words[count++] = rsp;
    this.#setWord(count++, ss, 0);
    const frame = this.#frames[count] as DataView;
    const top = BigInt.asUintN(64, (vcpu.rsp & ~0xfn) - BigInt(frame.byteLength));
    if (!space.write(top, frame)) {
      this.#parts.crash(`the stack of its kernel at 0x${top.toString(16)} cannot be written to`);
      return;
    }
    if (masksEvents) shared.upcallMask = 1;
    vcpu.rsp = top;
    vcpu.rip = address;
    vcpu.rflags = rflags & ~RFLAGS_CLEARED;
    this.#asSysret(FLAT.KERNEL_CS);
  }

  #setWord(n: number, low: number, high: number): void {
    this.#halves[n * 2] = low;
    this.#halves[n * 2 + 1] = high;
  }

  /** As SYSRET does: flat segments, and RIP and RFLAGS in RCX and R11. */
  #asSysret(cs: number): void {
    const { vcpu } = this.#parts;
    vcpu.gpr[RCX] = vcpu.rip;
    vcpu.gpr[R11] = BigInt(vcpu.rflags);
    vcpu.loadStackAndCode(cs, FLAT.KERNEL_SS);
  }

  #toggle(): void {
    const { vcpu, spaces } = this.#parts;
    vcpu.toggle();
    spaces.select(vcpu.isKernel);
  }
}
