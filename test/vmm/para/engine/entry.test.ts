/** Ways into the kernel and out of it: bounce frames, iret, SYSCALL and SYSENTER, callbacks, NMIs. */

import { beforeEach, describe, expect, test } from 'vitest';
import type { RunEnd } from '../../../../src/machine/machine.ts';
import { CALLBACKTYPE } from '../../../../src/xen/callback.ts';
import { VCPUOP } from '../../../../src/xen/vcpu.ts';
import {
  code,
  guest,
  guests,
  KERNEL_STACK,
  LIST,
  P,
  PAGE,
  STACK,
  type TestGuest,
  US,
  USER_CODE,
  USER_STACK,
} from './guest.ts';

/** As frames show them: kernel code has RPL 0. */
const KERNEL_CS = 0xe030n;
const USER_CS = 0xe033n;
const SS = 0xe02bn;
const HANDLER = 0x4000;
const IF = 0x200n;
const TF = 0x100n;
const FLAGS = 0x202;
const [RAX, RCX, RBX, RSP, RBP, R11] = [0, 1, 3, 4, 5, 11] as const;
/** An address that nothing is mapped at. */
const HOLE = 0x50_0000;
const NON_CANONICAL = 0x8000_0000_0000_0000n;
const [DB, UD, GP, PF] = [1, 6, 13, 14];
const TI_IF = 4;

let one: TestGuest;
let sharedInfo: number;

/** Handlers that end the run at once. */
function stopAt(...vectors: readonly (number | readonly [vector: number, flags: number])[]): void {
  one.write(HANDLER, code('EXIT', HANDLER));
  one.setTraps(
    ...vectors.map((one) =>
      typeof one === 'number' ? ([one, 0, HANDLER] as const) : ([...one, HANDLER] as const),
    ),
  );
}

/** A callback that ends the run at once. */
function callBack(type: number, flags = 0): void {
  one.write(HANDLER, code('EXIT', HANDLER));
  one.poke(LIST, type | (flags << 16));
  one.poke(LIST + 8, HANDLER);
  expect(one.call('callback_op', 0, LIST)).toBe(0);
}

/** The words from RSP on. */
const frame = (count: number): bigint[] => one.words(Number(one.gpr[RSP]), count);
const exited = (end: RunEnd): void => expect(end).toMatchObject({ kind: 'exit' });
const crashed = (end: RunEnd, why: string): void =>
  expect(end).toMatchObject({ kind: 'crash', why: expect.stringContaining(why) });
const mask = (): number => one.machine.processor.memory.bytes[sharedInfo + 1] ?? -1;
const share = (offset: number, value: number): void =>
  one.machine.processor.memory.write(sharedInfo + offset, Uint8Array.of(value));
const setMask = (value: number): void => share(1, value);
const setPending = (): void => share(0, 1);

interface Iret {
  readonly flags?: number | bigint;
  readonly cs?: number;
  readonly ss?: number;
  readonly rip?: number | bigint;
  readonly rsp?: number | bigint;
  /** VGCF_. */
  readonly way?: number;
}

/** Returns by an iret_context, with RAX = 0xaa, RCX = 0xcc, R11 = 0x11. */
const iret = ({
  flags = FLAGS,
  cs = 0xe033,
  ss = 0xe02b,
  rip = USER_CODE,
  rsp = USER_STACK,
  way = 0,
}: Iret = {}): string => `
  mov rax, ${ss}
  push rax
  mov rax, ${rsp}
  push rax
  mov rax, ${flags}
  push rax
  push ${cs}
  mov rax, ${rip}
  push rax
  push ${way}
  mov rcx, 0xcc
  mov r11, 0x11
  mov rax, 0xaa
  jmp 0x1000 + 23 * 32
`;

/** A GDT with these descriptors behind a null one. */
function gdt(...descriptors: readonly bigint[]): number {
  one.poke(0x38000, 0);
  for (const [n, value] of descriptors.entries()) one.poke(0x38008 + n * 8, value);
  expect(one.protect(0x38, P | US)).toBe(0);
  one.poke(LIST, one.frame(0x38));
  return one.call('set_gdt', LIST, 1 + descriptors.length);
}

/** Puts code for user mode in its place. */
function user(source: string): void {
  one.addUser();
  one.write(USER_CODE, code(source, USER_CODE));
}

describe.each(['direct', 'shadow'] as const)('with --memory %s', (memory) => {
  beforeEach(() => {
    one = guest(memory);
    sharedInfo = one.sharedInfo;
  });

  describe('a bounce frame', () => {
    test('of kernel code, without an error code', () => {
      stopAt(UD);
      setMask(0);
      exited(
        one.run('mov ecx, 1\nmov r11d, 2\nlea rbx, [rel spot]\nspot: ud2', { rsp: STACK - 8 }),
      );
      expect(frame(7)).toEqual([1n, 2n, one.gpr[RBX], KERNEL_CS, 0x202n, BigInt(STACK - 8), SS]);
      // The stack is aligned before.
      expect(one.gpr[RSP]).toBe(BigInt(STACK - 16 - 7 * 8));
      expect(one.vcpu.isKernel).toBe(true);
      expect([one.vcpu.cs, one.vcpu.ss]).toEqual([0xe033, 0xe02b]);
      // As SYSRET leaves them.
      expect([one.gpr[RCX], one.gpr[R11]]).toEqual([BigInt(HANDLER), BigInt(one.vcpu.rflags)]);
    });

    test('of kernel code, with an error code and a masked event', () => {
      stopAt(PF);
      setMask(0x55);
      exited(one.run(`lea rbx, [rel spot]\nstd\nspot: mov [${HOLE}], ecx`, { rsp: STACK }));
      const [, , error, rip, cs, flags, rsp, ss] = frame(8);
      expect([error, rip, cs, rsp, ss]).toEqual([
        2n,
        one.gpr[RBX],
        KERNEL_CS | (0x55n << 32n),
        BigInt(STACK),
        SS,
      ]);
      expect(flags).toBe(0x402n);
      expect(BigInt(one.vcpu.rflags)).toBe(0x602n);
      expect(one.machine.processor.memory.readU64(sharedInfo + 16)).toBe(BigInt(HOLE));
      expect(mask()).toBe(0x55);
    });

    test('of user code lies on the stack of the kernel, and shows RPL 3 and U', () => {
      stopAt(PF);
      user(`lea rbx, [rel spot]\nspot: mov eax, [${HOLE}]`);
      expect(one.call('stack_switch', 0, KERNEL_STACK + 9)).toBe(0);
      exited(one.run(iret()));
      expect(frame(8)).toEqual([
        0xccn,
        0x11n,
        4n,
        one.gpr[RBX],
        USER_CS,
        0x202n,
        BigInt(USER_STACK),
        SS,
      ]);
      expect(one.gpr[RSP]).toBe(BigInt(KERNEL_STACK - 64));
      expect(one.vcpu.isKernel).toBe(true);
    });

    test('TI_IF masks events', () => {
      stopAt([UD, TI_IF], PF);
      setMask(0);
      exited(one.run('ud2'));
      expect(mask()).toBe(1);
      expect((frame(5)[3] ?? 0n) >> 32n).toBe(0n);
      setMask(0);
      exited(one.run(`mov eax, [${HOLE}]`));
      expect(mask()).toBe(0);
    });

    test('TF, NT, AC are off in the handler, DF stays', () => {
      stopAt(UD);
      // NT and AC; TF would trap before.
      exited(one.run('mov rax, 0x44402\npush rax\npopfq\nud2'));
      expect((frame(5)[4] ?? 0n) & 0x44400n).toBe(0x44400n);
      expect(BigInt(one.vcpu.rflags) & 0x44500n).toBe(0x400n);
      expect((one.gpr[R11] ?? 0n) & 0x44500n).toBe(0x400n);
    });

    test('without a handler the domain crashes', () => {
      const end = one.run('ud2');
      crashed(end, 'it has no handler for #UD');
      expect(end).toMatchObject({ fault: { vector: UD } });
      expect(one.vcpu.rip).toBe(0x2000n);
      stopAt(UD);
      exited(one.run('ud2'));
    });

    test('a stack that cannot be written to is a crash', () => {
      stopAt(UD);
      for (const rsp of [HOLE, 0xffff_8000_0000_0000n, 0x8000_0000_0000n, 0xffff_8100_0000_0010n]) {
        crashed(one.run(`mov rsp, ${rsp}\nud2`), 'stack');
      }
      expect(one.protect(0x40, P | US)).toBe(0);
      crashed(one.run('mov rsp, 0x41000\nud2'), 'stack');
      // One word of the frame fits.
      crashed(one.run('mov rsp, 0x41008\nud2'), 'stack');
      crashed(one.run('mov rsp, 0x41010\nud2'), 'stack');
      user('ud2');
      expect(one.call('stack_switch', 0, HOLE)).toBe(0);
      crashed(one.run(iret()), 'stack');
    });

    test('handlers that fault at once come to an end', () => {
      one = guests(1, { memory, maxInstructions: 10_000 })[0] as TestGuest;
      // Each frame is on the stack of the one before.
      one.setTraps([PF, 0, HOLE]);
      expect(one.protect(0x3f, P | US)).toBe(0);
      crashed(one.run(`mov eax, [${HOLE}]`, { rsp: 0x41000 }), 'stack');
      const before = one.machine.instructions;
      one.write(HANDLER, code(`mov rsp, ${STACK}\njmp ${HOLE}`, HANDLER));
      one.setTraps([PF, 0, HANDLER]);
      expect(one.run(`mov eax, [${HOLE}]`)).toEqual({ kind: 'limit' });
      expect(one.machine.instructions).toBeGreaterThan(before);
    });

    test('a handler where no code is crashes in the end', () => {
      one.setTraps([PF, 0, 0x7fff_ffff_f000], [GP, 0, 0x7fff_ffff_f000]);
      expect(one.protect(0x3f, P | US)).toBe(0);
      crashed(one.run(`mov eax, [${HOLE}]`, { rsp: 0x41000 }), 'stack');
    });
  });

  describe('iret', () => {
    test('to kernel code', () => {
      exited(
        one.run(
          `lea rbx, [rel on]\n${iret({ rip: 'rbx' as never, cs: 0xe030, rsp: 0x19000 })}\non: EXIT`,
        ),
      );
      expect([RAX, RCX, RSP, R11].map((n) => one.gpr[n])).toEqual([0xaan, 0xccn, 0x19000n, 0x11n]);
      expect(one.vcpu.isKernel).toBe(true);
      expect(mask()).toBe(0);
    });

    test('the mask of events is IF', () => {
      for (const flags of [2, FLAGS]) {
        const rip = 'rbx' as never;
        exited(one.run(`lea rbx, [rel on]\n${iret({ rip, cs: 0xe030, flags })}\non: EXIT`));
        expect(mask()).toBe(flags === 2 ? 1 : 0);
        expect(BigInt(one.vcpu.rflags) & IF).toBe(IF);
      }
    });

    test('to user code and back by INT', () => {
      stopAt([0x80, 3]);
      user('mov ebp, cs\nint 0x80\nnop');
      exited(one.run(iret()));
      expect(one.gpr[RBP]).toBe(USER_CS);
      expect(frame(4).slice(2)).toEqual([BigInt(USER_CODE + 4), USER_CS]);
      expect(one.gpr[RAX]).toBe(0xaan);
    });

    test('to 32-bit code', () => {
      stopAt([0x80, 3]);
      one.addUser();
      // In 32-bit code 48 is DEC EAX.
      one.write(USER_CODE, Uint8Array.of(0x48, 0x89, 0xe5, 0xcd, 0x80));
      exited(one.run(iret({ cs: 0xe023 })));
      expect([one.gpr[RAX], one.gpr[RBP]]).toEqual([0xa9n, BigInt(USER_STACK)]);
      expect(frame(4).slice(2)).toEqual([BigInt(USER_CODE + 5), 0xe023n]);
    });

    test('as SYSRET: RCX and R11 are RIP and RFLAGS, and segments flat', () => {
      stopAt([0x80, 3]);
      user('int 0x80');
      exited(one.run(iret({ way: 0x100, cs: 0x3, ss: 3, flags: 0x246 })));
      expect(frame(7)).toEqual([
        BigInt(USER_CODE),
        0x246n,
        BigInt(USER_CODE + 2),
        USER_CS,
        0x246n,
        BigInt(USER_STACK),
        SS,
      ]);
    });

    test('IOPL, VM and the like are not the guest’s', () => {
      stopAt([0x80, 3]);
      user('pushfq\npop rbp\nint 0x80');
      exited(one.run(iret({ flags: 0xffc2_b202 | 0x1000 })));
      expect(one.gpr[RBP]).toBe(0x202n);
    });

    test('a context that cannot be read is a crash', () => {
      for (const rsp of [
        HOLE,
        0x3f_fff0,
        0xffff_8000_0000_0000n,
        0x7fff_ffff_fff8n,
        NON_CANONICAL,
      ]) {
        crashed(one.run(`mov rsp, ${rsp}\nmov eax, 23\nsyscall`), 'iret');
      }
      crashed(one.run('mov rsp, -16\nmov eax, 23\nsyscall'), 'iret');
    });

    test('to user code without tables is a crash', () => {
      crashed(one.run(iret()), 'no page tables');
    });

    describe('to where it cannot go', () => {
      const BAD = [
        ['RIP is not canonical', { rip: NON_CANONICAL }],
        ['the same as SYSRET', { rip: NON_CANONICAL, way: 0x100 }],
        ['a selector beyond the GDT', { cs: 0xfff3 }],
        ['a null CS', { cs: 3 }],
        ['CS is data', { cs: 0xe02b }],
        ['CS is the VMM’s', { cs: 0xe00b }],
        ['SS is code', { ss: 0xe033 }],
        ['SS is of an LDT that is not there', { ss: 0xf }],
      ] as const;

      test.each(BAD)('%s: failsafe', (_, how) => {
        callBack(CALLBACKTYPE.failsafe);
        user('EXIT');
        exited(one.run(iret(how)));
        expect(one.vcpu.isKernel).toBe(true);
        const { rip = USER_CODE, cs = 0xe033, ss = 0xe02b, way = 0 } = how as Iret;
        const [rcx, r11, ds, es, fs, gs, ...rest] = frame(11);
        expect([ds, es, fs, gs]).toEqual([0n, 0n, 0n, 0n]);
        if (way === 0) expect([rcx, r11]).toEqual([0xccn, 0x11n]);
        expect(rest).toEqual([BigInt(rip), BigInt(cs), 0x202n, BigInt(USER_STACK), BigInt(ss)]);
        expect(one.gpr[RSP]).toBe(BigInt(KERNEL_STACK - 11 * 8));
      });

      test.each(BAD)('%s: a crash without the callback', (_, how) => {
        user('EXIT');
        crashed(one.run(iret(how)), 'failsafe');
      });

      test('the callback can mask events, or not', () => {
        user('EXIT');
        for (const flags of [0, 1]) {
          callBack(CALLBACKTYPE.failsafe, flags);
          exited(one.run(iret({ rip: NON_CANONICAL })));
          expect(mask()).toBe(flags);
        }
      });
    });
  });

  describe('SYSCALL', () => {
    test('of user code goes to the callback', () => {
      callBack(CALLBACKTYPE.syscall);
      user('std\nmov ecx, 7\nmov r11d, 8\nsyscall');
      setMask(0);
      exited(one.run(iret()));
      const [rcx, r11, rip, cs, flags, rsp, ss] = frame(7);
      expect([rcx, r11]).toEqual([rip, flags]);
      expect([rip, cs, flags, rsp, ss]).toEqual([
        BigInt(USER_CODE + 14),
        USER_CS,
        0x602n,
        BigInt(USER_STACK),
        SS,
      ]);
      expect(BigInt(one.vcpu.rflags) & 0x400n).toBe(0n);
      expect((one.gpr[R11] ?? 0n) & 0x400n).toBe(0n);
      expect(mask()).toBe(0);
      callBack(CALLBACKTYPE.syscall, 1);
      exited(one.run(iret()));
      expect(mask()).toBe(1);
    });

    test('without the callback is #UD there', () => {
      stopAt(UD);
      user('nop\nsyscall');
      exited(one.run(iret()));
      expect(frame(4).slice(2)).toEqual([BigInt(USER_CODE + 1), USER_CS]);
    });

    test('of 32-bit code is #UD, as on this processor', () => {
      callBack(CALLBACKTYPE.syscall32);
      stopAt(UD);
      one.addUser();
      one.write(USER_CODE, Uint8Array.of(0x0f, 0x05));
      exited(one.run(iret({ cs: 0xe023 })));
      expect(frame(4).slice(2)).toEqual([BigInt(USER_CODE), 0xe023n]);
    });

    test('of code with other segments shows flat ones', () => {
      callBack(CALLBACKTYPE.syscall);
      one.addUser();
      gdt(0x00af_fb00_0000_ffffn, 0x00cf_f300_0000_ffffn);
      one.write(USER_CODE, code('mov ebp, cs\nsyscall', USER_CODE));
      exited(one.run(iret({ cs: 3 + 8, ss: 3 + 16 })));
      expect(one.gpr[RBP]).toBe(11n);
      expect(frame(7)[3]).toBe(USER_CS);
      expect(frame(7)[6]).toBe(SS);
    });

    test('of kernel code is a hypercall: RCX and R11 are lost, and nothing else', () => {
      exited(
        one.run('mov eax, 17\nmov edi, 0\nmov ebp, 5\nsyscall\nspot: lea rbx, [rel spot]\nEXIT'),
      );
      expect(one.gpr[RAX]).toBe(0x40011n);
      expect(one.gpr[RCX]).toBe(one.gpr[RBX]);
      expect(one.gpr[RBP]).toBe(5n);
    });

    test('a number that there is not: ENOSYS, in the whole register', () => {
      exited(one.run('mov rax, 0x5_0000_0000 + 17\nxor edi, edi\nsyscall\nEXIT'));
      expect(one.gpr[RAX]).toBe(0x40011n);
      for (const number of [11, 63, 0xffff_ffff]) expect(one.call(number)).toBe(-38);
    });
  });

  describe('SYSENTER', () => {
    test('goes to its callback, with no RIP nor RSP', () => {
      callBack(CALLBACKTYPE.sysenter);
      user('sysenter');
      exited(one.run(iret()));
      expect(frame(6).slice(2)).toEqual([0n, USER_CS, 0x202n, 0n]);
    });

    test('is #GP(0) without one', () => {
      stopAt(GP);
      user('nop\nsysenter');
      exited(one.run(iret()));
      expect(frame(5).slice(2)).toEqual([0n, BigInt(USER_CODE + 1), USER_CS]);
    });
  });

  describe('events', () => {
    test('come to kernel and user code once they are not masked', () => {
      callBack(CALLBACKTYPE.event);
      setMask(1);
      setPending();
      exited(one.run('mov ebp, 3\nEXIT'));
      expect(one.gpr[RBP]).toBe(3n);
      user('mov ebp, 4\nnop');
      exited(one.run(iret()));
      expect(one.gpr[RBP]).toBe(3n);
      expect(frame(7)).toEqual([
        0xccn,
        0x11n,
        BigInt(USER_CODE),
        USER_CS,
        0x202n,
        BigInt(USER_STACK),
        SS,
      ]);
      expect(mask()).toBe(1);
    });

    test('without a callback are a crash', () => {
      setMask(0);
      setPending();
      crashed(one.run('nop\nEXIT'), 'event');
    });

    test('of a timer come to user code, to the instruction', () => {
      const times = [1_000_000, 7, 1000, 33].map((most) => {
        one = guest(memory);
        sharedInfo = one.sharedInfo;
        callBack(CALLBACKTYPE.event);
        // VIRQ_TIMER.
        one.poke(LIST, 0);
        one.poke(LIST + 8, 0);
        expect(one.call('event_channel_op', 1, LIST)).toBe(0);
        user('xor ebp, ebp\nagain: inc rbp\njmp again');
        expect(one.call('set_timer_op', one.machine.clock.now() + 5000n)).toBe(0);
        exited(one.run(iret(), { most }));
        expect(frame(4)[3]).toBe(USER_CS);
        return [one.gpr[RBP], frame(3)[2], one.machine.clock.now()];
      });
      expect(new Set(times.map(String)).size).toBe(1);
      expect(times[0]?.[0]).toBeGreaterThan(2000n);
    });

    test('wake a kernel that blocks', () => {
      callBack(CALLBACKTYPE.event);
      one.poke(LIST, 0);
      one.poke(LIST + 8, 0);
      expect(one.call('event_channel_op', 1, LIST)).toBe(0);
      const at = one.machine.clock.now() + 1_000_000n;
      expect(one.call('set_timer_op', at)).toBe(0);
      exited(one.run('mov eax, 29\nmov edi, 1\nmov ebp, 9\nsyscall\nback: jmp back'));
      expect(one.gpr[RBP]).toBe(9n);
      expect(frame(3)[0]).toBe(frame(3)[2]);
      expect(one.machine.clock.now() - at).toBeLessThan(10n);
    });
  });

  describe('an NMI', () => {
    test('comes once, masks events, and the next after iret', () => {
      callBack(CALLBACKTYPE.nmi);
      setMask(0);
      one.poke(LIST, 0);
      const send = `mov eax, 24\nmov edi, ${VCPUOP.send_nmi}\nxor esi, esi\nxor edx, edx\nsyscall\n`;
      exited(one.run(`${send}spot: lea rbx, [rel spot]\nEXIT`));
      expect(one.gpr[RSP]).toBe(BigInt(STACK - 64 + 8));
      expect(mask()).toBe(1);
      // A second one waits for the return from the first.
      exited(one.run(`${send}mov ebp, 77\nEXIT`));
      expect(one.gpr[RBP]).toBe(77n);
      const rip = 'rbx' as never;
      exited(
        one.run(`mov ebp, 1\nlea rbx, [rel on]\n${iret({ rip, cs: 0xe030 })}on: mov ebp, 2\nEXIT`),
      );
      expect(one.gpr[RBP]).toBe(1n);
    });
  });

  describe('single steps', () => {
    /** Steps through `source` from a popf with TF on: where the traps were. */
    function steps(source: string, start = ''): string[] {
      const count = `
      mov rax, [rsp + 16]
      mov rdi, [0x9000]
      mov [rdi], rax
      add qword [0x9000], 8
      add rsp, 0
      mov rcx, [rsp]
      mov r11, [rsp + 8]
      add rsp, 16
      push 0
      mov rax, [0x9008]
      jmp 0x1000 + 23 * 32`;
      one.write(HANDLER, code(count, HANDLER));
      one.setTraps([DB, 0, HANDLER]);
      one.poke(0x9000, 0xa000);
      one.write(0xa000, new Uint8Array(PAGE));
      exited(one.run(`${start}\npush 0x302\npopfq\nfirst:\n${source}\nEXIT`));
      const base = one.words(0xa000, 16).filter((rip) => rip !== 0n);
      const [first = 0n] = base;
      return base.map((rip) => `${rip - first}`);
    }

    test('of plain code and hypercalls: behind each instruction', () => {
      // nop; mov eax; xor; syscall; nop: a trap behind each but POPF, and none for the hypercall itself before.
      expect(steps('nop\nmov eax, 17\nxor edi, edi\nsyscall\nnop\npush 2\npopfq')).toEqual(
        ['0', '5', '7', '10', '12', '13'].slice(0, 6),
      );
    });

    test('TF in the flags that iret loads traps behind the next instruction', () => {
      stopAt(DB);
      const rip = 'rbx' as never;
      exited(
        one.run(`lea rbx, [rel on]\n${iret({ rip, cs: 0xe030, flags: 0x302 })}\non: nop\nnop\nnop`),
      );
      expect(frame(3)[2]).toBe((one.gpr[RBX] ?? 0n) + 1n);
      expect((frame(5)[4] ?? 0n) & TF).toBe(TF);
      expect(one.call('get_debugreg', 6) & 0x4000).toBe(0x4000);
    });

    test('of emulated instructions', () => {
      stopAt(DB);
      exited(one.run('push 0x302\npopfq\nmov rbx, cr0\nspot: nop\nnop'));
      expect(frame(3)[2]).toBe(BigInt(0x2000 + 5 + 1 + 3));
    });
  });

  describe('breakpoints', () => {
    test('stop kernel and user code, and say so in DR6', () => {
      stopAt(DB);
      user('nop\nnop\nnop');
      expect(one.call('set_debugreg', 0, USER_CODE + 1)).toBe(0);
      expect(one.call('set_debugreg', 1, 0x9008)).toBe(0);
      // DR0 for execution, DR1 for writes of 4 bytes.
      expect(one.call('set_debugreg', 7, 0x00d0_0005)).toBe(0);
      exited(one.run(iret()));
      expect(frame(3)[2]).toBe(BigInt(USER_CODE + 1));
      expect(one.call('get_debugreg', 6) & 0xf).toBe(1);
      expect(one.call('set_debugreg', 6, 0)).toBe(0);
      exited(one.run('mov eax, [0x9008]\nmov [0x9008], eax\nlea rbx, [$]'));
      expect(one.call('get_debugreg', 6) & 0xf).toBe(2);
      // The VMM's own writes are none.
      expect(one.call('set_debugreg', 6, 0)).toBe(0);
      one.poke(LIST, 0);
      expect(one.call('xen_version', 5, 0x9008)).toBe(0);
      expect(one.call('get_debugreg', 6) & 0xf).toBe(0);
      expect(one.call('set_debugreg', 1, 0xffff_8000_0000_0000n)).toBeLessThan(0);
    });
  });

  describe('INT n', () => {
    test('of user code needs DPL 3, of the kernel 1', () => {
      stopAt([0x21, 1], [0x22, 3], [0x20, 0], GP);
      user('int 0x22');
      const vectorOf = (source: string): number => {
        exited(one.run(source));
        return Number(frame(3)[2]);
      };
      expect(vectorOf('int 0x21')).toBe(0x2002);
      expect(vectorOf('int 0x22')).toBe(0x2002);
      expect(vectorOf('int 0x20')).toBe(0x20 * 8 + 2);
      expect(vectorOf(iret())).toBe(USER_CODE + 2);
      one.write(USER_CODE, code('int 0x21', USER_CODE));
      expect(vectorOf(iret())).toBe(0x21 * 8 + 2);
      one.write(USER_CODE, code('int3', USER_CODE));
    });

    test('0x80 is as any vector', () => {
      stopAt(GP);
      exited(one.run('int 0x80'));
      expect(frame(4).slice(2)).toEqual([0x402n, 0x2000n]);
      stopAt([0x80, 1], GP);
      user('int 0x80');
      exited(one.run(iret()));
      expect(frame(4).slice(2)).toEqual([0x402n, BigInt(USER_CODE)]);
    });

    test('INT3 and INT 0x80 are behind the instruction', () => {
      stopAt([3, 3], [0x80, 3]);
      exited(one.run('int3'));
      expect(frame(3)[2]).toBe(0x2001n);
      exited(one.run('int 0x80'));
      expect(frame(3)[2]).toBe(0x2002n);
    });
  });

  describe('descriptors', () => {
    const FLAT_CODE = 0x00af_9b00_0000_ffffn;
    const SMALL_DATA = 0x0040_9200_5000_0fffn | (0x12n << 56n);

    test('of a GDT are used by the kernel, with DPL 3', () => {
      stopAt(GP, PF);
      expect(gdt(FLAT_CODE, 0x0040_9300_9000_0fffn)).toBe(0);
      one.poke(0x9008, 0x1234);
      exited(one.run('mov eax, 0x10\nmov fs, eax\nmov rbp, [fs:8]\nEXIT'));
      expect(one.gpr[RBP]).toBe(0x1234n);
      // RPL 3 goes, and beyond the table it does not.
      exited(one.run('mov ebp, 5\nmov eax, 0x1b\nmov fs, eax\nmov ebp, 6\nEXIT'));
      expect(one.gpr[RBP]).toBe(5n);
      expect(frame(3)[2]).toBe(0x18n);
      exited(one.run('mov eax, 0x8\nmov fs, eax\nmov rbp, 6\nEXIT'));
      exited(one.run('xor eax, eax\nmov fs, eax\nmov ebp, 6\nEXIT'));
      expect(one.gpr[RBP]).toBe(6n);
    });

    test('are changed by update_descriptor, and the page is read-only', () => {
      stopAt(GP, PF);
      expect(gdt(FLAT_CODE, SMALL_DATA)).toBe(0);
      const place = one.frame(0x38) * PAGE + 16;
      expect(one.call('update_descriptor', place, 0x0040_9300_a000_0fffn)).toBe(0);
      one.poke(0xa008, 0x77);
      exited(one.run('mov eax, 0x10\nmov fs, eax\nmov rbp, [fs:8]\nEXIT'));
      expect(one.gpr[RBP]).toBe(0x77n);
      exited(one.run('mov ebp, 1\nmov [0x38010], rbp\nEXIT'));
      expect(frame(3)[2]).toBe(3n);
      expect(one.protect(0x38, P | US | 2)).toBe(memory === 'direct' ? -16 : 0);
      expect(one.protect(0x38, P | US)).toBe(0);
      expect(one.call('set_gdt', LIST, 0)).toBe(0);
      expect(one.protect(0x38, P | US | 2)).toBe(0);
    });

    test('a GDT whose frame changes under it: the selectors are gone', () => {
      stopAt(GP, PF);
      expect(gdt(FLAT_CODE, 0x0040_9300_9000_0fffn)).toBe(0);
      exited(one.run('mov eax, 0x10\nmov fs, eax\nEXIT'));
      expect(one.call('set_gdt', LIST, 0)).toBe(0);
      exited(one.run('mov eax, 0x10\nmov fs, eax\nmov rbp, 6\nEXIT'));
      expect(frame(3)[2]).toBe(0x10n);
    });

    test('of an LDT: its pages come on demand, and go when they are unmapped', () => {
      stopAt(GP, PF);
      one.poke(0x38008, 0x0040_f300_9000_0fffn);
      one.poke(0x9008, 0x4321);
      expect(one.protect(0x38, P | US)).toBe(0);
      expect(one.ext(13, 0x38000, 2)).toBe(0);
      const load = 'mov eax, 0xf\nmov fs, eax\nmov rbp, [fs:8]\nEXIT';
      exited(one.run(load));
      expect(one.gpr[RBP]).toBe(0x4321n);
      // Now it holds descriptors.
      expect(one.protect(0x38, P | US | 2)).toBe(memory === 'direct' ? -16 : 0);
      expect(one.protect(0x38, P | US)).toBe(0);
      exited(one.run('mov eax, 0x17\nmov fs, eax\nEXIT'));
      expect(frame(3)[2]).toBe(0x14n);
      expect(one.ext(13, 0, 0)).toBe(0);
      exited(one.run(load));
      expect(frame(3)[2]).toBe(0xcn);
      expect(one.protect(0x38, P | US | 2)).toBe(0);
      // A page that is mapped writable is none.
      expect(one.ext(13, 0x38000, 2)).toBe(0);
      exited(one.run(load));
      expect(one.gpr[RBP]).not.toBe(1n);
    });

    test('GS of user code', () => {
      stopAt([0x80, 3], GP, PF);
      user('mov rbp, [gs:8]\nint 0x80');
      one.poke(0x38008, 0x0040_f300_9000_0fffn);
      one.poke(0x9008, 0x4321);
      expect(one.protect(0x38, P | US)).toBe(0);
      expect(one.ext(13, 0x38000, 2)).toBe(0);
      expect(one.call('set_segment_base', 3, 0xf)).toBe(0);
      exited(one.run(iret()));
      expect(one.gpr[RBP]).toBe(0x4321n);
    });

    test('that are not there fault at the address where the guest has its LDT', () => {
      stopAt(GP, PF);
      expect(one.ext(13, HOLE, 8192)).toBe(0);
      exited(one.run('mov eax, 0x100f\nmov fs, eax\nEXIT'));
      expect(frame(3)[2]).toBe(0n);
      expect(one.machine.processor.memory.readU64(sharedInfo + 16)).toBe(BigInt(HOLE + 0x1008));
    });

    test.each([false, true])('are not seen where the hypervisor has them; in use: %s', (isUsed) => {
      stopAt(GP, PF);
      one.poke(0x38008, 0x0040_f300_9000_0fffn);
      expect(one.protect(0x38, P | US)).toBe(0);
      expect(one.ext(13, 0x38000, 2)).toBe(0);
      if (isUsed) exited(one.run('mov eax, 0xf\nmov fs, eax\nEXIT'));
      // Behind the list of pseudo-physical frames.
      for (let slot = 257; slot < 272; slot++) {
        for (const page of [0, 1, 2, 17, 18, 19, 33]) {
          const va = (BigInt(slot) << 39n) | (0xffffn << 48n) | BigInt(page << 12);
          exited(one.run(`mov ebp, 1\nmov rax, ${va}\nmov ebp, [rax]\nEXIT`));
          expect(one.gpr[RBP], `${slot} ${page}`).toBe(1n);
        }
      }
    });

    test('a return to code of the LDT', () => {
      stopAt([0x80, 3], GP, PF);
      one.addUser();
      one.poke(0x38008, 0x00af_fb00_0000_ffffn);
      expect(one.protect(0x38, P | US)).toBe(0);
      expect(one.ext(13, 0x38000, 2)).toBe(0);
      one.write(USER_CODE, code('mov ebp, cs\nint 0x80', USER_CODE));
      exited(one.run(iret({ cs: 0xf })));
      expect(one.gpr[RBP]).toBe(0xfn);
    });
  });

  describe('bases of FS and GS', () => {
    const base = (which: number, value: number): string =>
      `mov eax, 25\nmov edi, ${which}\nmov esi, ${value}\nsyscall\n`;

    test('GS is exchanged with the mode', () => {
      stopAt([0x80, 3]);
      one.poke(0x9000, 0x1111);
      one.poke(0xa000, 0x2222);
      one.poke(0xb000, 0x3333);
      user('mov rbp, [gs:0]\nmov rbx, [fs:0]\nint 0x80');
      exited(one.run(`${base(0, 0xb000)}${base(1, 0x9000)}${base(2, 0xa000)}${iret()}`));
      expect([one.gpr[RBP], one.gpr[RBX]]).toEqual([0x1111n, 0x3333n]);
      exited(one.run('mov rbp, [gs:0]\nEXIT'));
      expect(one.gpr[RBP]).toBe(0x2222n);
    });

    test('of the hypervisor’s or not canonical: EINVAL or as Xen says', () => {
      for (const which of [0, 1, 2])
        expect(one.call('set_segment_base', which, NON_CANONICAL)).toBe(-22);
      expect(one.call('set_segment_base', 9, 0)).toBe(-22);
    });
  });
});
