/**
 * What a domain under direct paging can try against another one on its machine and against the VMM, by calls and by loads
 * and stores: each is refused or harmless. Counts and what can be reached are checked after each.
 */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HYPERVISOR_VIRT_START, MACH2PHYS_VIRT_START } from '../../../../src/xen/address-space.ts';
import { DOMID } from '../../../../src/xen/domid.ts';
import { ERRNO } from '../../../../src/xen/errno.ts';
import { XENMEM } from '../../../../src/xen/memory.ts';
import { MMUEXT } from '../../../../src/xen/mmu.ts';
import { checkCounts, checkReach } from '../../direct/invariants.ts';
import { ANY, type Argument, code, guests, LIST, P, PAGE, type TestGuest, US } from './guest.ts';

const [RAX, RBX, RSP] = [0, 3, 4];
const HANDLER = 0x4000;
const EXTENTS = 0x9000;
const { EBUSY, EFAULT, EINVAL } = ERRNO;
const AREA_SLOT = 257;
const LINEAR_SLOT = 300;

let one: TestGuest;
let other: TestGuest;

beforeEach(() => {
  [one, other] = guests(2) as [TestGuest, TestGuest];
  one.write(HANDLER, code('xor ebx, ebx\nEXIT', HANDLER));
  one.setTraps([14, 0, HANDLER], [13, 0, HANDLER]);
});

afterEach(() => {
  checkCounts(one.checked, other.checked);
  checkReach(one.checked);
  checkReach(other.checked);
});

/** The word at `va`; undefined if that faults. */
function load(va: Argument): bigint | undefined {
  one.run(`mov ebx, 1\nmov rax, ${va}\nmov rax, [rax]\nEXIT`);
  return one.gpr[RBX] === 1n ? one.gpr[RAX] : undefined;
}

/** True if the guest can write there. */
function store(va: Argument, value: Argument = 0): boolean {
  one.run(`mov ebx, 1\nmov rax, ${va}\nmov rcx, ${value}\nmov [rax], rcx\nEXIT`);
  return one.gpr[RBX] === 1n;
}

/** The address that table entries lead to. */
function address(...slots: readonly number[]): bigint {
  const va = slots.reduce((sum, slot) => (sum << 9n) | BigInt(slot), 0n) << 12n;
  return BigInt.asUintN(64, BigInt.asIntN(48, va));
}

const map = (pfn: number, frame: number, flags: number): number =>
  one.call('update_va_mapping', pfn * PAGE, BigInt(frame * PAGE + flags), 0);
const tables = (): number[] => [4, 3, 2, 1].map((level) => one.table(level));
const physical = (frame: number, n: number): bigint =>
  one.machine.processor.memory.readU64(frame * PAGE + n * 8);
/** Frames that are nobody's business: the VMM's, the other's, and such as there are not. */
function foreign(): number[] {
  const { size, pool } = one.checked.machine;
  const all = Array.from({ length: size }, (_, frame) => frame);
  const vmms = all.filter((frame) => pool.ownerOf(frame) === -1);
  const area = Number(physical(one.root, AREA_SLOT) >> 12n);
  const { frames, sharedInfo } = other.direct;
  return [
    0,
    area,
    ...vmms.slice(0, 12),
    other.root,
    sharedInfo,
    ...frames.slice(3, 9),
    size,
    size + 1,
    2 ** 40 - 1,
  ];
}

function extents(...list: readonly Argument[]): void {
  one.poke(LIST, EXTENTS);
  one.poke(LIST + 8, list.length);
  one.poke(LIST + 16, 0);
  one.poke(LIST + 24, DOMID.SELF);
  for (const [n, frame] of list.entries()) one.poke(EXTENTS + n * 8, frame);
}

describe('frames of others', () => {
  test('are not mapped, by whatever entry', () => {
    for (const frame of foreign()) {
      const value = (BigInt(frame) << 12n) | BigInt(ANY);
      expect(map(0x40, frame, ANY), `${frame}`).toBeLessThan(0);
      for (const table of tables()) {
        expect(one.update(table, 300, value)).toBeLessThan(0);
        expect(one.update(table, 300, value & ~2n)).toBeLessThan(0);
      }
      // In memory that is no table yet.
      expect(map(0x41, one.frame(0x41), ANY)).toBe(0);
      one.poke(0x41 * PAGE + 8, value);
      expect(one.protect(0x41, P | US)).toBe(0);
      for (const command of [0, 1, 2, 3]) expect(one.ext(command, one.frame(0x41))).toBeLessThan(0);
      expect(one.protect(0x41, ANY)).toBe(0);
    }
    expect(load(0x40 * PAGE)).toBe(0n);
  });

  test('are not used by any operation', () => {
    for (const frame of foreign()) {
      for (const command of [0, 1, 2, 3, 4, 5, 16, 17]) {
        expect(one.ext(command, frame, one.frame(0x40)), `${command} ${frame}`).toBeLessThan(0);
      }
      if (frame !== 0) expect(one.ext(MMUEXT.NEW_USER_BASEPTR, frame)).toBeLessThan(0);
      expect(one.ext(MMUEXT.COPY_PAGE, one.frame(0x40), frame)).toBeLessThan(0);
      one.poke(EXTENTS, frame);
      expect(one.call('set_gdt', EXTENTS, 8)).toBe(-EINVAL);
      expect(one.call('update_descriptor', BigInt(frame) << 12n, 0)).toBe(-EINVAL);
      one.poke(EXTENTS + 8, 0);
      expect(one.call('vcpu_op', 10, 0, EXTENTS)).toBe(-EINVAL);
      expect(one.update(frame, 0, 7)).toBeLessThan(0);
      expect(one.update(frame, 0, 7, 1)).toBeLessThan(0);
      extents(frame);
      expect(one.call('memory_op', XENMEM.decrease_reservation, LIST)).toBe(0);
      const wrmsr = `mov ecx, 0x40000000\nmov eax, ${(frame * PAGE) % 2 ** 32}\nmov edx, ${Math.floor((frame * PAGE) / 2 ** 32)}`;
      one.run(`mov ebx, 1\n${wrmsr}\nwrmsr\nEXIT`);
      expect(one.gpr[RBX]).toBe(0n);
    }
  });

  test('MOV to CR3 names only roots', () => {
    const bad = [...foreign(), one.frame(0x40), one.table(3)];
    for (const frame of bad) {
      one.run(`mov ebx, 1\nmov rax, ${BigInt(frame) << 12n}\nmov cr3, rax\nEXIT`);
      expect(one.gpr[RBX], `${frame}`).toBe(0n);
    }
    one.run(`mov ebx, 1\nmov rax, cr3\nmov cr3, rax\nEXIT`);
    expect(one.gpr[RBX]).toBe(1n);
  });

  test('other domains are not named', () => {
    one.poke(LIST, 6);
    for (const domid of [0, 2, 3, 0x7ff1, 0x7ff2]) {
      expect(one.call('mmuext_op', LIST, 1, 0, domid)).toBeLessThan(0);
      expect(one.call('mmu_update', LIST, 1, 0, domid)).toBeLessThan(0);
      expect(one.call('mmu_update', LIST, 1, 0, (domid + 1) << 16)).toBeLessThan(0);
      expect(one.call('update_va_mapping_otherdomain', 0x9000, 0, 0, domid)).toBeLessThan(0);
    }
  });
});

describe('addresses of the hypervisor', () => {
  test('the list of pseudo-physical frames is read, and not written to', () => {
    const frame = one.frame(0x40);
    const at = MACH2PHYS_VIRT_START + BigInt(frame * 8);
    expect(load(at)).toBe(0x40n);
    expect(store(at, 1)).toBe(false);
    expect(load(at)).toBe(0x40n);
    expect(one.update(frame, 0, 0x77, 1)).toBe(0);
    expect(load(at)).toBe(0x77n);
  });

  test('all else faults', () => {
    for (let slot = AREA_SLOT; slot < 272; slot++) {
      for (const page of [0, 1, 2, 16, 18, 511]) {
        const va = address(slot, 0, 0, page);
        expect(load(va), `${slot} ${page}`).toBeUndefined();
        expect(store(va)).toBe(false);
        expect(one.call('update_va_mapping', va, one.entry(0x40, ANY), 0)).toBe(-EINVAL);
        expect(one.call('console_io', 0, 8, va)).toBe(-EFAULT);
      }
    }
    expect(load(HYPERVISOR_VIRT_START + (1n << 38n))).toBeUndefined();
  });

  test('its slots of a root stay its own', () => {
    for (let slot = 256; slot < 272; slot++) {
      const before = physical(one.root, slot);
      expect(one.update(one.root, slot, one.entry(0x40, ANY))).toBeLessThan(0);
      expect(one.update(one.root, slot, 0)).toBeLessThan(0);
      expect(physical(one.root, slot)).toBe(before);
    }
  });

  test('by a linear map its tables are not seen, by loads nor by calls', () => {
    expect(one.update(one.root, LINEAR_SLOT, BigInt(one.root * PAGE + ANY))).toBe(-EINVAL);
    expect(one.update(one.root, LINEAR_SLOT, BigInt(one.root * PAGE + (P | US)))).toBe(0);
    // The root itself.
    const l4 = address(LINEAR_SLOT, LINEAR_SLOT, LINEAR_SLOT, LINEAR_SLOT);
    expect(load(l4)).toBe(physical(one.root, 0));
    expect(store(l4)).toBe(false);
    expect(one.call('xen_version', 3, l4)).toBe(-EFAULT);
    expect(one.call('console_io', 0, 8, l4)).toBe(0);
    for (const slots of [
      [LINEAR_SLOT, AREA_SLOT, 0, 0],
      [LINEAR_SLOT, LINEAR_SLOT, AREA_SLOT, 0],
      [LINEAR_SLOT, LINEAR_SLOT, LINEAR_SLOT, AREA_SLOT],
    ]) {
      const va = address(...slots);
      expect(load(va), `${slots}`).toBeUndefined();
      expect(store(va)).toBe(false);
      expect(one.call('console_io', 0, 8, va), `${slots}`).toBe(-EFAULT);
      expect(one.call('xen_version', 3, va)).toBe(-EFAULT);
      expect(one.call('update_va_mapping', va, 0, 0)).toBe(-EINVAL);
      expect(one.ext(MMUEXT.SET_LDT, va, 512)).toBe(0);
      one.run(`mov ebx, 1\nmov eax, 15\nmov fs, eax\nEXIT`);
      expect(one.gpr[RBX]).toBe(0n);
    }
    expect(one.ext(MMUEXT.SET_LDT, 0, 0)).toBe(0);
  });
});

describe('a table', () => {
  test('is not mapped writable, and its mapping cannot be written by', () => {
    for (const table of tables()) {
      expect(map(0x40, table, ANY)).toBe(-EBUSY);
      expect(map(0x40, table, P | US)).toBe(0);
      expect(one.ext(MMUEXT.TLB_FLUSH_LOCAL)).toBe(0);
      expect(load(0x40 * PAGE)).toBe(physical(table, 0));
      expect(store(0x40 * PAGE, 0)).toBe(false);
      expect(map(0x40, one.frame(0x40), ANY)).toBe(0);
    }
  });

  test('is not written to by a translation from before', () => {
    for (const flags of [0, P | US]) {
      expect(store(0x41 * PAGE, 0)).toBe(true);
      // Nothing is flushed by the guest.
      expect(map(0x41, one.frame(0x41), flags)).toBe(0);
      expect(one.ext(MMUEXT.PIN_L1_TABLE, one.frame(0x41))).toBe(0);
      expect(store(0x41 * PAGE, 7)).toBe(false);
      expect(physical(one.frame(0x41), 0)).toBe(0n);
      expect(one.ext(MMUEXT.UNPIN_TABLE, one.frame(0x41))).toBe(0);
      expect(map(0x41, one.frame(0x41), ANY)).toBe(0);
    }
  });

  test('nor by one of user code', () => {
    one.addUser();
    const user = (source: string): void => {
      one.write(0x10000, code(source, 0x10000));
      one.write(0x5000, code('EXIT', 0x5000));
      one.setTraps([14, 0, HANDLER], [13, 0, HANDLER], [0x80, 3, 0x5000]);
      one.run(
        `mov ebx, 1\npush 0xe02b\npush 0x18000\npush 0x202\npush 0xe033\npush 0x10000\npush 0\njmp 0x1000 + 23 * 32`,
      );
    };
    user(`mov dword [${0x41 * PAGE}], 0\nint 0x80`);
    expect(one.gpr[RBX]).toBe(1n);
    expect(map(0x41, one.frame(0x41), 0)).toBe(0);
    expect(one.ext(MMUEXT.PIN_L1_TABLE, one.frame(0x41))).toBe(0);
    user(`mov dword [${0x41 * PAGE}], 7\nint 0x80`);
    expect(one.gpr[RBX]).toBe(0n);
    expect(physical(one.frame(0x41), 0)).toBe(0n);
  });

  test('is not mapped writable by another address space', () => {
    const [l4, l3, l2, l1] = [0x50, 0x51, 0x52, 0x53];
    one.poke(l4 * PAGE, one.entry(l3, ANY));
    one.poke(l3 * PAGE, one.entry(l2, ANY));
    one.poke(l2 * PAGE, one.entry(l1, ANY));
    one.poke(l1 * PAGE, BigInt(one.table(1) * PAGE + ANY));
    for (const pfn of [l4, l3, l2, l1]) expect(one.protect(pfn, P | US)).toBe(0);
    for (const command of [MMUEXT.PIN_L4_TABLE, MMUEXT.NEW_BASEPTR, MMUEXT.NEW_USER_BASEPTR]) {
      expect(one.ext(command, one.frame(l4))).toBe(-EBUSY);
    }
    // Tables that map one another writable.
    expect(one.protect(l1, ANY)).toBe(0);
    one.poke(l1 * PAGE, one.entry(l2, ANY));
    expect(one.protect(l1, P | US)).toBe(0);
    expect(one.ext(MMUEXT.PIN_L4_TABLE, one.frame(l4))).toBe(-EBUSY);
  });

  test('is pinned once, and stays while it is in use', () => {
    expect(one.ext(MMUEXT.PIN_L4_TABLE, one.root)).toBe(-EINVAL);
    expect(one.ext(MMUEXT.UNPIN_TABLE, one.root)).toBe(0);
    expect(one.ext(MMUEXT.UNPIN_TABLE, one.root)).toBe(-EINVAL);
    expect(map(0x40, one.root, ANY)).toBe(-EBUSY);
    expect(one.ext(MMUEXT.PIN_L4_TABLE, one.root)).toBe(0);
    expect(one.ext(MMUEXT.UNPIN_TABLE, one.table(1))).toBe(-EINVAL);
  });

  test('is no data of a call', () => {
    for (const table of tables()) {
      expect(one.ext(MMUEXT.CLEAR_PAGE, table)).toBe(-EINVAL);
      expect(one.ext(MMUEXT.COPY_PAGE, table, one.frame(0x40))).toBe(-EINVAL);
      one.poke(EXTENTS, table);
      one.poke(EXTENTS + 8, 0);
      expect(one.call('vcpu_op', 10, 0, EXTENTS)).toBe(-EINVAL);
      expect(one.call('set_gdt', EXTENTS, 8)).toBe(-EINVAL);
      expect(one.call('update_descriptor', table * PAGE, 0)).toBe(-EINVAL);
      one.run(
        `mov ebx, 1\nmov ecx, 0x40000000\nmov eax, ${table * PAGE}\nxor edx, edx\nwrmsr\nEXIT`,
      );
      expect(one.gpr[RBX]).toBe(0n);
      expect(map(0x42, table, P | US)).toBe(0);
      expect(one.ext(MMUEXT.SET_LDT, 0x42 * PAGE, 512)).toBe(0);
      one.run('mov ebx, 1\nmov eax, 15\nmov fs, eax\nEXIT');
      expect(one.gpr[RBX]).toBe(0n);
      expect(one.call('xen_version', 3, 0x42 * PAGE)).toBe(-EFAULT);
      expect(one.call('vcpu_op', 4, 0, 0x42 * PAGE)).toBe(-EFAULT);
    }
  });

  test('where an area for the state of the processor was', () => {
    one.poke(LIST, 0x43 * PAGE);
    expect(one.call('vcpu_op', 5, 0, LIST)).toBe(0);
    expect(one.call('vcpu_op', 13, 0, LIST)).toBe(0);
    one.write(0x43 * PAGE, new Uint8Array(PAGE));
    expect(map(0x43, one.frame(0x43), P | US)).toBe(0);
    expect(one.ext(MMUEXT.PIN_L1_TABLE, one.frame(0x43))).toBe(0);
    // Blocks until a timer's event, which is masked: poll.
    one.poke(LIST, 0);
    one.poke(LIST + 8, 0);
    one.poke(LIST + 16, one.machine.clock.now() + 10_000n);
    expect(one.call('sched_op', 3, LIST)).toBe(0);
    expect(one.words(0x43 * PAGE, 8)).toEqual(Array(8).fill(0n));
  });
});

describe('pages that are shared with the VMM', () => {
  test('never become tables', () => {
    const info = one.startInfo;
    for (const frame of [
      one.direct.sharedInfo,
      Number(info.console.domU.mfn),
      Number(info.store_mfn),
    ]) {
      for (const command of [0, 1, 2, 3]) expect(one.ext(command, frame)).toBe(-EINVAL);
      one.poke(EXTENTS, frame);
      expect(one.call('set_gdt', EXTENTS, 8)).toBe(-EINVAL);
      expect(one.ext(MMUEXT.NEW_USER_BASEPTR, frame)).toBe(-EINVAL);
    }
  });

  test('nor does the page of the vcpu_info', () => {
    one.poke(EXTENTS, one.frame(0x44));
    one.poke(EXTENTS + 8, 0x100);
    expect(one.call('vcpu_op', 10, 0, EXTENTS)).toBe(0);
    one.registered.push(one.frame(0x44));
    expect(one.call('vcpu_op', 10, 0, EXTENTS)).toBe(-EINVAL);
    expect(map(0x44, one.frame(0x44), P | US)).toBe(0);
    for (const command of [0, 1, 2, 3]) expect(one.ext(command, one.frame(0x44))).toBe(-EINVAL);
    extents(one.frame(0x44));
    expect(one.call('memory_op', XENMEM.decrease_reservation, LIST)).toBe(1);
    // It stays its own.
    expect(one.checked.machine.pool.ownerOf(one.frame(0x44))).toBe(1);
    expect(map(0x44, one.frame(0x44), ANY)).toBe(0);
  });

  test('stay the domain’s when it gives them back', () => {
    const info = one.startInfo;
    for (const frame of [one.direct.sharedInfo, Number(info.console.domU.mfn)]) {
      extents(frame);
      expect(one.call('memory_op', XENMEM.decrease_reservation, LIST)).toBe(1);
      expect(map(0x45, frame, ANY)).toBe(0);
      expect(map(0x45, one.frame(0x45), ANY)).toBe(0);
      expect(one.checked.machine.pool.ownerOf(frame)).toBe(1);
    }
  });
});

describe('a frame that is given back', () => {
  const take = (guest: TestGuest): number => {
    for (const [n, value] of [EXTENTS, 1, 0, DOMID.SELF].entries()) guest.poke(LIST + n * 8, value);
    expect(guest.call('memory_op', XENMEM.increase_reservation, LIST)).toBe(1);
    return Number(guest.peek(EXTENTS));
  };

  test('while it is mapped goes with its mapping, flushed', () => {
    const frame = one.frame(0x46);
    expect(store(0x46 * PAGE, 0x1234)).toBe(true);
    extents(frame);
    expect(one.call('memory_op', XENMEM.decrease_reservation, LIST)).toBe(1);
    expect(load(0x46 * PAGE)).toBe(0x1234n);
    expect(map(0x46, one.frame(0x47), ANY)).toBe(0);
    expect(load(0x46 * PAGE)).toBe(0n);
    expect(store(0x46 * PAGE, 7)).toBe(true);
    expect(physical(frame, 0)).toBe(0x1234n);
    expect(map(0x48, frame, ANY)).toBeLessThan(0);
    // The other domain gives one back to have room for one.
    for (const [n, value] of [EXTENTS, 1, 0, DOMID.SELF, other.frame(0x46)].entries()) {
      if (n < 4) other.poke(LIST + n * 8, value);
      else other.poke(EXTENTS, value);
    }
    expect(other.call('update_va_mapping', 0x46 * PAGE, 0, 0)).toBe(0);
    expect(other.call('memory_op', XENMEM.decrease_reservation, LIST)).toBe(1);
    const taken = take(other);
    expect([frame, other.frame(0x46)]).toContain(taken);
    expect(physical(taken, 0)).toBe(0n);
  });

  test('while it is a table, a root, a GDT', () => {
    extents(...tables());
    expect(one.call('memory_op', XENMEM.decrease_reservation, LIST)).toBe(4);
    expect(load(0x40 * PAGE)).toBe(0n);
    for (const table of tables()) expect(map(0x40, table, ANY)).toBe(-EBUSY);
    expect(one.protect(0x49, P | US)).toBe(0);
    one.poke(EXTENTS, one.frame(0x49));
    expect(one.call('set_gdt', EXTENTS, 8)).toBe(0);
    extents(one.frame(0x49));
    expect(one.call('memory_op', XENMEM.decrease_reservation, LIST)).toBe(1);
    expect(map(0x49, one.frame(0x49), 0)).toBe(0);
    expect(one.checked.machine.pool.ownerOf(one.frame(0x49))).toBe(1);
    expect(one.call('set_gdt', EXTENTS, 0)).toBe(0);
    expect(one.checked.machine.pool.ownerOf(one.frame(0x49))).toBe(0);
    expect(one.gpr[RSP]).toBeGreaterThan(0n);
  });
});
