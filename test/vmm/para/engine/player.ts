/**
 * Plays random operations of two domains on one machine: hypercalls with arguments that often make sense, loads and stores
 * of kernel and user code, descriptors, roots and jumps. A small program in each domain does them one after the other from
 * a list; what faults is left out. After each list it is checked what must hold.
 */

import { expect } from 'vitest';
import { type RandomSource, randomSource } from '../../../../src/isa/random.ts';
import type { RunEnd } from '../../../../src/machine/machine.ts';
import type { MachineMemory } from '../../../../src/machine/memory.ts';
import { DOMID } from '../../../../src/xen/domid.ts';
import { HYPERVISOR, type HypercallName } from '../../../../src/xen/hypercalls.ts';
import { SCHEDOP } from '../../../../src/xen/sched.ts';
import { VCPUOP } from '../../../../src/xen/vcpu.ts';
import { checkCounts, checkReach, isProtected } from '../../direct/invariants.ts';
import {
  ANY,
  CODE,
  code,
  type GuestOptions,
  guests,
  P,
  PAGE,
  RW,
  type TestGuest,
  US,
  USER_CODE,
} from './guest.ts';

/** Where operations are, and the structures that they name. */
const OPERATIONS = 0x9000;
const OPERATION_BYTES = 64;
const ARGUMENTS = 0xa000;
const ARGUMENTS_BYTES = 2 * PAGE;
/** Behind them no page is mapped, so that lists with wild counts end. */
const BEHIND_ARGUMENTS = (ARGUMENTS + ARGUMENTS_BYTES) / PAGE;
/** Operations of a list. */
const LENGTH = 8;
/** Instructions that a list may take. */
const FUEL = 3000;
/** Pages that most operations are about. */
const FIRST_PAGE = 0x40;
const PAGES = 16;
/** Pages that begin as tables of an address space that is not in use: levels 4 to 1. */
const SPARE_TABLES = [0x50, 0x51, 0x52, 0x53] as const;
const USER_ENTRY = 0x5000;

const KIND = {
  end: 0,
  call: 1,
  store: 2,
  load: 3,
  user: 4,
  root: 5,
  segment: 6,
  page: 7,
  jump: 8,
} as const;

const DRIVER = `
  mov r15, ${OPERATIONS}
next:
  mov rsp, 0x20000
  mov rcx, [r15]
  mov rax, [r15 + 8]
  mov rdi, [r15 + 16]
  mov rsi, [r15 + 24]
  mov rdx, [r15 + 32]
  mov r10, [r15 + 40]
  mov r8, [r15 + 48]
  mov r9, [r15 + 56]
  add r15, 64
  cmp cl, ${KIND.call}
  jb end
  je call_it
  cmp cl, ${KIND.load}
  jb store
  je load
  cmp cl, ${KIND.root}
  jb user
  je root
  cmp cl, ${KIND.page}
  jb segment
  je page
  jmp rdi
call_it:
  syscall
  jmp next
store:
  mov [rdi], rsi
  jmp next
load:
  mov rbx, [rdi]
  jmp next
user:
  push 0xe02b
  push 0x18000
  push 0x202
  push 0xe033
  push ${USER_CODE}
  push 0
  jmp 0x1000 + 23 * 32
root:
  mov cr3, rdi
  jmp next
segment:
  mov fs, edi
  mov gs, esi
  jmp next
page:
  mov eax, edi
  mov ecx, 0x40000000
  xor edx, edx
  wrmsr
  jmp next
end:
  EXIT
  jmp end
times ${0x800} - ($ - $$) db 0x90
  jmp next
`;
/** Where all handlers are. */
const HANDLER = CODE + 0x800;
const DRIVER_CODE = code(DRIVER, CODE);
const USER_PROGRAM = code('mov [rdi], rsi\nmov rbx, [rdx]\nint 0x80\nsyscall', USER_CODE);

const SLOTS = [0, 1, 2, 0x40, 0x41, 0x4f, 255, 256, 257, 300, 511];
const FLAGS = [0, P, P | US, P | RW, ANY, ANY, P | US | 0x20, ANY | 0x60, P | US | 0x100];
const BAD_FLAGS = [P | 0x80, P | RW | 0x10, ANY | 8];
const WILD: readonly bigint[] = [
  0n,
  1n,
  7n,
  0xfffn,
  0x7fff_ffff_fff8n,
  0x8000_0000_0000n,
  0xffff_8000_0000_0000n,
  0xffff_8080_0000_0000n,
  0xffff_8800_0000_0000n,
  0xffff_ffff_ffff_fffcn,
  0x8000_0000n,
  0xffff_ffffn,
];

/** What happened in all, to see that lists are not empty talk. */
export const played = { lists: 0, ends: 0, instructions: 0n };

type NamedCall = readonly [HypercallName, ...(bigint | number)[]];

export class Player {
  readonly guests: readonly TestGuest[];
  readonly #random: RandomSource;
  readonly #ended = new Set<TestGuest>();
  /** Structures that the operations of the list name. */
  #pending: (readonly [at: number, words: readonly (bigint | number)[]])[] = [];
  #arguments = 0;
  /** All memory as it was before the list. */
  readonly #known: Uint8Array;

  constructor(seed: number, options: GuestOptions) {
    this.#random = randomSource(seed);
    this.guests = guests(2, options);
    for (const guest of this.guests) this.#arrange(guest);
    this.#known = this.memory.bytes.slice();
    this.check();
  }

  #arrange(guest: TestGuest): void {
    guest.addUser();
    guest.write(CODE, DRIVER_CODE);
    guest.write(USER_CODE, USER_PROGRAM);
    guest.write(USER_ENTRY, code('nop', USER_ENTRY));
    const vectors = [0, 1, 3, 4, 5, 6, 10, 11, 12, 13, 14, 17, 0x80];
    guest.setTraps(...vectors.map((vector) => [vector, 3, HANDLER] as const));
    expect(guest.call('set_callbacks', HANDLER, HANDLER, HANDLER)).toBe(0);
    const [l4, l3, l2, l1] = SPARE_TABLES;
    guest.poke(l4 * PAGE, guest.entry(l3, ANY));
    guest.poke(l3 * PAGE, guest.entry(l2, ANY));
    guest.poke(l2 * PAGE, guest.entry(l1, ANY));
    for (let n = 0; n < PAGES; n++) {
      guest.poke(l1 * PAGE + (FIRST_PAGE + n) * 8, guest.entry(FIRST_PAGE + n, P | US));
    }
    // With what the list runs on it can be in use as well.
    for (let pfn = 0; pfn < FIRST_PAGE; pfn++) {
      const entry = pfn === BEHIND_ARGUMENTS ? 0n : guest.entry(pfn, ANY);
      guest.poke(l1 * PAGE + pfn * 8, entry);
    }
    expect(guest.protect(BEHIND_ARGUMENTS, 0)).toBe(0);
    for (const pfn of SPARE_TABLES) expect(guest.protect(pfn, P | US)).toBe(0);
    if (guest.isDirect && this.#random(2) === 0) {
      guest.poke(ARGUMENTS, guest.frame(FIRST_PAGE));
      guest.poke(ARGUMENTS + 8, 0x140);
      expect(guest.call('vcpu_op', VCPUOP.register_vcpu_info, 0, ARGUMENTS)).toBe(0);
      guest.registered.push(guest.frame(FIRST_PAGE));
    }
  }

  /** A list of one of the guests that have not ended; false: there is none. */
  play(): boolean {
    const left = this.guests.filter((guest) => !this.#ended.has(guest));
    const guest = left[this.#random(left.length || 1)];
    if (guest === undefined) return false;
    const isQuiet = this.#random(4) === 0;
    if (!this.#write(guest, isQuiet)) {
      this.#ended.add(guest);
      return true;
    }
    const tables = guest.isDirect && isQuiet ? this.#tables(guest) : undefined;
    this.#note();
    const before = guest.machine.instructions;
    const end = this.#run(guest);
    played.lists++;
    played.instructions += guest.machine.instructions - before;
    if (end?.kind !== 'exit') {
      played.ends++;
      this.#ended.add(guest);
    }
    this.#checkOthers(guest);
    this.#note();
    if (tables !== undefined) expect(this.#tables(guest)).toEqual(tables);
    this.check();
    return true;
  }

  get memory(): MachineMemory {
    const [first] = this.guests;
    return first?.machine.processor.memory ?? expect.fail();
  }

  /** What must hold. */
  check(): void {
    const [first] = this.guests;
    if (!first?.isDirect) return;
    const checked = this.guests.map((guest) => guest.checked);
    checkCounts(...checked);
    for (const guest of checked) checkReach(guest);
  }

  #run(guest: TestGuest): RunEnd | undefined {
    const { machine, vcpu } = guest;
    machine.processor.enter();
    if (!vcpu.isKernel) return undefined;
    vcpu.rip = BigInt(CODE);
    const last = machine.instructions + BigInt(FUEL);
    const most = this.#pick([3, 50, 1000, FUEL]);
    while (machine.instructions < last) {
      const end = machine.step(most);
      if (end !== undefined) return end;
    }
    return undefined;
  }

  /** Notes what is in memory now. */
  #note(): void {
    const { memory } = this;
    for (const at of memory.written()) this.#known.set(memory.page(at), at);
    memory.forgetWritten();
  }

  /** What is not of `guest` is as it was. */
  #checkOthers(guest: TestGuest): void {
    const others = this.guests.filter((one) => one !== guest);
    const { memory } = this;
    for (const at of memory.written()) {
      const frame = at / PAGE;
      if (!others.some((one) => one.ownerOf(frame) === one.number)) continue;
      const known = this.#known.subarray(at, at + PAGE);
      if (Buffer.compare(memory.page(at), known) === 0) continue;
      expect.fail(`frame ${frame} of another VM is written to`);
    }
  }

  /** All tables by frame, without what the processor sets. */
  #tables(guest: TestGuest): Map<number, string> {
    const { machine } = guest.checked;
    const tables = new Map<number, string>();
    for (let frame = 0; frame < machine.size; frame++) {
      if (!isProtected(machine, frame) || machine.frames.type(frame) > 4) continue;
      const bytes = machine.memory.read(frame * PAGE, PAGE);
      for (let n = 0; n < PAGE; n += 8) bytes[n] = (bytes[n] ?? 0) & ~0x60;
      tables.set(frame, Buffer.from(bytes).toString('latin1'));
    }
    return tables;
  }

  /** Puts a list into the guest's memory; false if it has made something else of that. */
  #write(guest: TestGuest, isQuiet: boolean): boolean {
    const pages = [CODE, OPERATIONS, ARGUMENTS, ARGUMENTS + PAGE];
    if (!pages.every((at) => guest.isPlain(at / PAGE))) return false;
    this.#arguments = 0;
    const list = new BigUint64Array(((LENGTH + 1) * OPERATION_BYTES) / 8);
    for (let n = 0; n < LENGTH; n++) {
      const operation = isQuiet ? this.#access() : this.#operation(guest);
      list.set(
        operation.map((word) => BigInt.asUintN(64, BigInt(word))),
        (n * OPERATION_BYTES) / 8,
      );
    }
    guest.write(OPERATIONS, new Uint8Array(list.buffer));
    for (const [at, words] of this.#pending) {
      for (const [n, word] of words.entries()) guest.poke(at + n * 8, word);
    }
    this.#pending = [];
    return true;
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#random(choices.length)] as T;
  }

  #access(): (bigint | number)[] {
    const kind = this.#pick([KIND.store, KIND.load, KIND.user]);
    return [kind, 0, this.#address(), this.#random(2) === 0 ? ANY : 0, this.#address()];
  }

  #operation(guest: TestGuest): (bigint | number)[] {
    const kind = this.#random(100);
    if (kind < 30) return this.#access();
    if (kind < 34) return [KIND.root, 0, this.#frame(guest) * PAGE];
    if (kind < 38) return [KIND.segment, 0, this.#random(64), this.#random(64)];
    if (kind < 40) return [KIND.page, 0, this.#frame(guest) * PAGE];
    if (kind < 41) return [KIND.jump, 0, this.#address()];
    return [KIND.call, ...this.#call(guest)];
  }

  #call(guest: TestGuest): (bigint | number)[] {
    const [name, ...rest] = this.#namedCall(guest);
    const args = [...rest];
    if (this.#random(30) === 0) args[this.#random(args.length || 1)] = this.#pick(WILD);
    return [HYPERVISOR[name], ...args];
  }

  #namedCall(guest: TestGuest): NamedCall {
    const random = this.#random;
    const kind = random(24);
    if (kind < 6) return ['mmu_update', this.#updates(guest), 1 + random(3), 0, DOMID.SELF];
    if (kind < 12) return ['mmuext_op', this.#exts(guest), 1 + random(2), 0, DOMID.SELF];
    if (kind < 16) return ['update_va_mapping', this.#address(), this.#entry(guest), random(8)];
    if (kind < 17) return ['set_gdt', this.#put(this.#frame(guest)), random(2) * 16];
    if (kind < 18) {
      const place = this.#frame(guest) * PAGE + random(4) * 8;
      return [
        'update_descriptor',
        place,
        this.#pick([0x00cf_9300_0000_ffffn, 0x00af_9b00_0000_ffffn, 0n]),
      ];
    }
    if (kind < 20) return ['memory_op', ...this.#memory(guest)];
    return this.#otherCall(guest, kind);
  }

  #otherCall(guest: TestGuest, kind: number): NamedCall {
    const random = this.#random;
    if (kind === 20) {
      const calls = Array.from({ length: 2 }, () => this.#words(this.#call(guest), 8));
      const list = calls.flatMap(([op, ...args]) => [op ?? 0, 0, ...args.slice(0, 6)]);
      return ['multicall', this.#put(...list), 2];
    }
    if (kind === 21) {
      const command = random(14);
      // What is registered must be known.
      const isKnown = command !== VCPUOP.register_vcpu_info || guest.registered.length > 0;
      const area = this.#put(this.#address(), this.#frame(guest), 0);
      return [
        'vcpu_op',
        isKnown ? command : VCPUOP.get_runstate_info,
        0,
        random(2) === 0 ? area : this.#address(),
      ];
    }
    if (kind === 22) {
      const now = guest.machine.clock.now();
      return this.#pick<NamedCall>([
        ['sched_op', SCHEDOP.poll, this.#put(0, 0, now + BigInt(random(500)))],
        ['sched_op', SCHEDOP.yield, 0],
        ['set_timer_op', now + BigInt(random(2000))],
        ['event_channel_op', 1, this.#put(0, 0, 0)],
        ['event_channel_op', random(10), this.#put(2, 2, 0)],
      ]);
    }
    return this.#pick<NamedCall>([
      ['xen_version', random(10), this.#address()],
      ['console_io', 0, random(3000), this.#address()],
      ['vm_assist', random(2), random(6)],
      ['set_segment_base', random(4), this.#address()],
      ['set_debugreg', random(8), this.#address()],
      ['fpu_taskswitch', random(2)],
      ['stack_switch', 0, random(8) === 0 ? this.#address() : 0x1f000],
    ]);
  }

  #words(words: readonly (bigint | number)[], count: number): (bigint | number)[] {
    return [...words, ...Array<number>(count).fill(0)].slice(0, count);
  }

  #memory(guest: TestGuest): (bigint | number)[] {
    const command = this.#pick([0, 1, 1, 6, 11]);
    const list = this.#put(this.#frame(guest), this.#frame(guest));
    const count = 1 + this.#random(2);
    const reservation = [list, count, 0, DOMID.SELF];
    const out = [this.#put(this.#frame(guest), 0), count, 0, DOMID.SELF];
    return [command, this.#put(...reservation, ...out, 0)];
  }

  /** Puts words into the guest's memory: their address. */
  #put(...words: readonly (bigint | number)[]): number {
    const at = ARGUMENTS + (this.#arguments % (ARGUMENTS_BYTES - 256));
    this.#arguments += words.length * 8;
    this.#pending.push([at, words]);
    return at;
  }

  #updates(guest: TestGuest): number {
    const list = Array.from({ length: 3 }, () => {
      const ptr = BigInt(this.#frame(guest) * PAGE + this.#pick(SLOTS) * 8);
      return [ptr + BigInt(this.#random(3)), this.#entry(guest)];
    });
    return this.#put(...list.flat());
  }

  #exts(guest: TestGuest): number {
    const list = Array.from({ length: 2 }, () => {
      const command = this.#pick([0, 0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 13, 15, 15, 16, 17, 8]);
      const isAddress = command === 7 || command === 13;
      const first = isAddress ? this.#address() & ~0xfffn : this.#frame(guest);
      return [command, first, command === 13 ? this.#random(1024) : this.#frame(guest)];
    });
    return this.#put(...list.flat());
  }

  #entry(guest: TestGuest): bigint {
    const flags = this.#random(24) === 0 ? BAD_FLAGS : FLAGS;
    return BigInt(this.#frame(guest) * PAGE + this.#pick(flags));
  }

  /** A frame as the guest names it: mostly of the pages that lists are about, and tables. */
  #frame(guest: TestGuest): number {
    const kind = this.#random(16);
    if (kind < 8) return guest.frame(FIRST_PAGE + this.#random(PAGES));
    if (kind < 11) return guest.frame(this.#pick(SPARE_TABLES));
    if (kind < 14) return guest.table(1 + this.#random(4));
    if (kind < 15) return guest.frame(this.#random(1024));
    return this.#random(guest.machine.processor.memory.size / PAGE + 2);
  }

  #address(): bigint {
    const kind = this.#random(16);
    const offset = BigInt(this.#pick(SLOTS) * 8);
    if (kind < 11) return BigInt((FIRST_PAGE + this.#random(PAGES)) * PAGE) + offset;
    if (kind < 13) return BigInt(this.#pick(SPARE_TABLES) * PAGE) + offset;
    if (kind < 15) {
      const slots = Array.from({ length: 4 }, () => BigInt(this.#pick(SLOTS)));
      const va = slots.reduce((sum, slot) => (sum << 9n) | slot, 0n) << 12n;
      return BigInt.asUintN(64, BigInt.asIntN(48, va));
    }
    return this.#pick(WILD);
  }
}
