import { describe, expect, it } from 'vitest';
import { ALL, ApicRig, LEVEL, MASKED, OTHERS, R, SELF } from './apic-rig.ts';

const BASE = 0xfee00900n;
const OFF = 0xfee00100n;

describe('local APIC registers', () => {
  it('come up as table 10-1 and 10.4.7.1 say', () => {
    const rig = new ApicRig();
    const registers = [R.ID, R.VERSION, R.TPR, R.PPR, R.LDR, R.DFR, R.SVR, R.ESR, R.ICR, R.INITIAL];
    expect(registers.map((register) => rig.get(register))).toEqual([
      0, 0x50014, 0, 0, 0, 0xffffffff, 0xff, 0, 0, 0,
    ]);
    for (let lvt = R.TIMER as number; lvt <= R.ERROR; lvt += 16) expect(rig.get(lvt)).toBe(MASKED);
  });

  it.each([
    ['ID', R.ID, 0xff000000],
    ['TPR', R.TPR, 0xff],
    ['LDR', R.LDR, 0xff000000],
    ['DFR', R.DFR, 0xffffffff],
    ['SVR', R.SVR, 0x1ff],
    ['ICR high', R.ICR_HIGH, 0xff000000],
    ['LVT timer', R.TIMER, 0x700ff],
    ['LVT thermal', R.THERMAL, 0x107ff],
    ['LVT performance', R.PERF, 0x107ff],
    ['LVT LINT0', R.LINT0, 0x1a7ff],
    ['LVT LINT1', R.LINT1, 0x1a7ff],
    ['LVT error', R.ERROR, 0x100ff],
    ['divide configuration', R.DIVIDE, 0xb],
    ['version', R.VERSION, 0x50014],
    ['APR', R.APR, 0],
    ['PPR', R.PPR, 0],
    ['ISR', R.ISR, 0],
    ['TMR', R.TMR, 0],
    ['IRR', R.IRR, 0],
    ['current count', R.CURRENT, 0],
  ])('%s keeps the bits that it has', (_name, register, kept) => {
    expect(ApicRig.enabled().set(register, 0xffffffff).get(register)).toBe(kept);
  });

  it('DFR has a model and ones', () => {
    expect(new ApicRig().set(R.DFR, 0).get(R.DFR)).toBe(0x0fffffff);
  });

  it('ICR low keeps all but its reserved bits and the delivery status', () => {
    expect(new ApicRig().set(R.ICR, 0xffffffff & ~0x40000).get(R.ICR)).toBe(0x8cfff);
  });

  it('EOI and remote read give 0', () => {
    expect([R.EOI, 0xc0].map((register) => ApicRig.enabled().get(register))).toEqual([0, 0]);
  });

  it('are 32 bits wide, in the first four bytes of 16', () => {
    const rig = new ApicRig();
    const at = (offset: number) => 0xfee00030n + BigInt(offset);
    expect(rig.bus.readMmio(at(0), 8)).toBe(0x50014n);
    expect([0, 2, 4, 8, 12].map((offset) => rig.bus.readMmio(at(offset), 2))).toEqual([
      0x14n,
      5n,
      0n,
      0n,
      0n,
    ]);
    rig.bus.writeMmio(0xfee00080n, 1, 0x20n);
    rig.bus.writeMmio(0xfee00084n, 4, 0x20n);
    expect(rig.get(R.TPR)).toBe(0);
  });
});

describe('priorities', () => {
  it('the highest vector comes first, each once', () => {
    const rig = ApicRig.enabled().send(0x31, 0xfe, 0x80, 0x31, 0x10);
    expect(rig.drain()).toEqual([0xfe, 0x80, 0x31, 0x10]);
  });

  it('requests show in IRR, then in ISR, until EOI', () => {
    const rig = ApicRig.enabled().send(0x45, 0x92);
    expect([rig.get(R.IRR + 0x20), rig.get(R.IRR + 0x40)]).toEqual([1 << 5, 1 << 18]);
    rig.apic.acknowledge();
    expect([rig.get(R.IRR + 0x40), rig.get(R.ISR + 0x40)]).toEqual([0, 1 << 18]);
    rig.set(R.EOI, 0);
    expect(rig.get(R.ISR + 0x40)).toBe(0);
  });

  it('a class in service holds back itself and what is below', () => {
    const rig = ApicRig.enabled().send(0x58);
    rig.apic.acknowledge();
    expect(rig.send(0x5f).intr).toBe(false);
    expect(rig.send(0x60).intr).toBe(true);
    expect(rig.apic.acknowledge()).toBe(0x60);
    expect(rig.set(R.EOI, 0).intr).toBe(false);
    expect(rig.set(R.EOI, 0).intr).toBe(true);
  });

  it('EOI ends the highest in service; without one it does nothing', () => {
    const rig = ApicRig.enabled().send(0x58);
    rig.apic.acknowledge();
    rig.send(0x68).apic.acknowledge();
    expect(rig.set(R.EOI, 0).get(R.PPR)).toBe(0x50);
    expect(rig.set(R.EOI, 0).set(R.EOI, 0).get(R.PPR)).toBe(0);
  });

  it('TPR holds back its class', () => {
    const rig = ApicRig.enabled().set(R.TPR, 0x5a).send(0x5f);
    expect([rig.intr, rig.get(R.PPR)]).toEqual([false, 0x5a]);
    expect(rig.send(0x60).intr).toBe(true);
    expect(rig.set(R.TPR, 0x4f).drain()).toEqual([0x60, 0x5f]);
  });

  it('PPR is the higher of TPR and the class in service', () => {
    const rig = ApicRig.enabled().send(0x67);
    rig.apic.acknowledge();
    expect(rig.get(R.PPR)).toBe(0x60);
    expect(rig.set(R.TPR, 0x52).get(R.PPR)).toBe(0x60);
    expect(rig.set(R.TPR, 0x62).get(R.PPR)).toBe(0x62);
  });

  it('APR follows TPR, or what is requested and served (10.6.2.4)', () => {
    const rig = ApicRig.enabled();
    expect(rig.set(R.TPR, 0x33).get(R.APR)).toBe(0x33);
    expect(rig.send(0x47).get(R.APR)).toBe(0x40);
    rig.apic.acknowledge();
    expect(rig.get(R.APR)).toBe(0x30 & 0x40);
    expect(rig.set(R.TPR, 0x55).get(R.APR)).toBe(0x55);
  });

  it('CR8 is bits 7:4 of TPR, both ways', () => {
    const rig = ApicRig.enabled().set(R.TPR, 0x9c);
    expect(rig.taskPriority).toBe(9);
    rig.apic.setTaskPriority(3);
    expect(rig.get(R.TPR)).toBe(0x30);
    expect(rig.send(0x35).intr).toBe(false);
    rig.apic.setTaskPriority(2);
    expect(rig.intr).toBe(true);
  });

  it('an acknowledge of what has gone gives the spurious vector, and no ISR bit', () => {
    const rig = ApicRig.enabled().send(0x41).set(R.SVR, 0x1ef).set(R.TPR, 0xff);
    expect(rig.apic.acknowledge()).toBe(0xef);
    expect([rig.get(R.ISR + 0x70), rig.get(R.IRR + 0x20)]).toEqual([0, 2]);
  });
});

describe('interprocessor interrupts', () => {
  const arrives = (command: number, destination = 0, rig = ApicRig.enabled()): boolean =>
    rig.set(R.ICR_HIGH, destination * 2 ** 24).set(R.ICR, command).intr;

  it('physical destinations are the ID and ffh', () => {
    expect([0, 1, 0x0f, 0xff].map((to) => arrives(0x40, to))).toEqual([true, false, false, true]);
    expect(arrives(0x40, 5, ApicRig.enabled().set(R.ID, 0x05000000))).toBe(true);
  });

  it('the flat model matches any common bit', () => {
    const flat = () => ApicRig.enabled().set(R.LDR, 0x06000000);
    expect([1, 2, 4, 8, 0xff].map((to) => arrives(0x840, to, flat()))).toEqual([
      false,
      true,
      true,
      false,
      true,
    ]);
    expect(arrives(0x840, 0xff)).toBe(false);
  });

  it('the cluster model matches the cluster and any common bit', () => {
    const cluster = () => ApicRig.enabled().set(R.DFR, 0).set(R.LDR, 0x26000000);
    expect([0x22, 0x29, 0x16, 0xf4, 0xff].map((to) => arrives(0x840, to, cluster()))).toEqual([
      true,
      false,
      false,
      true,
      true,
    ]);
  });

  it('shorthands: self, all, all but self', () => {
    expect([SELF, ALL, OTHERS].map((to) => arrives(to | 0x40, 9))).toEqual([true, true, false]);
  });

  it('lowest priority reaches the only one named', () => {
    expect([0, 3, 0xff].map((to) => arrives(0x140, to))).toEqual([true, false, true]);
  });

  it('NMI, INIT, and what finds nobody that listens', () => {
    const rig = ApicRig.enabled();
    const send = (command: number) => rig.set(R.ICR, command);
    send(0x4400);
    expect(rig.nmiCount).toBe(1);
    send(0x4500);
    expect(rig.initCount).toBe(1);
    send(0x8500); // INIT, level, not asserted
    send(OTHERS | 0x4500);
    send(OTHERS | 0x4400);
    send(0x4608); // start-up
    send(0x4200); // SMI
    send(0x4740); // ExtINT is not for ICR
    expect([rig.nmiCount, rig.initCount, rig.intr]).toEqual([1, 1, false]);
  });

  it('are edge triggered', () => {
    const rig = ApicRig.enabled().set(R.ICR, SELF | LEVEL | 0x4000 | 0x45);
    expect(rig.get(R.TMR + 0x20)).toBe(0);
  });
});

describe('errors', () => {
  it('a vector below 16 is refused by sender and receiver', () => {
    const rig = ApicRig.enabled().send(0x0f);
    expect([rig.intr, rig.errors()]).toEqual([false, 0x60]);
    rig.set(R.ICR_HIGH, 0x07000000).set(R.ICR, 0x0f);
    expect(rig.errors()).toBe(0x20);
  });

  it('of an LVT entry too, when it is triggered', () => {
    const rig = ApicRig.enabled().set(R.LINT0, 0x0f);
    expect(rig.errors()).toBe(0);
    expect(rig.lint(0, true).errors()).toBe(0x40);
  });

  it('a register that does not exist', () => {
    const rig = ApicRig.enabled();
    for (const register of [0x000, 0x40, 0x2f0, 0x3a0, 0x3f0, 0x400, 0xff0]) {
      expect([rig.get(register), rig.errors()]).toEqual([0, 0x80]);
      expect(rig.set(register, 1).errors()).toBe(0x80);
    }
    expect(rig.set(R.VERSION, 1).set(R.IRR, 1).errors()).toBe(0);
  });

  it('ESR shows what was collected at its last write', () => {
    const rig = ApicRig.enabled().send(0x01);
    expect(rig.get(R.ESR)).toBe(0);
    expect([rig.errors(), rig.get(R.ESR), rig.errors()]).toEqual([0x60, 0x60, 0]);
  });

  it('the first one after a write to ESR raises the error interrupt', () => {
    const rig = ApicRig.enabled().set(R.ERROR, 0x51).send(0x01, 0x02);
    expect(rig.drain()).toEqual([0x51]);
    expect(rig.send(0x01).intr).toBe(false);
    rig.errors();
    expect(rig.send(0x01).drain()).toEqual([0x51]);
  });

  it('an illegal error vector does not feed on itself', () => {
    expect(ApicRig.enabled().set(R.ERROR, 0x01).send(0x02).errors()).toBe(0x60);
  });
});

describe('LINT0 and LINT1', () => {
  it('an edge is one interrupt', () => {
    const rig = ApicRig.enabled().set(R.LINT0, 0x40).lint(0, true);
    expect(rig.drain()).toEqual([0x40]);
    expect(rig.lint(0, false).intr).toBe(false);
    expect(rig.lint(0, true, false, true).drain()).toEqual([0x40]);
  });

  it('a masked edge is lost', () => {
    const rig = ApicRig.enabled()
      .set(R.LINT1, MASKED | 0x40)
      .lint(1, true);
    expect(rig.set(R.LINT1, 0x40).intr).toBe(false);
  });

  it('a level comes again after EOI for as long as it lasts', () => {
    const rig = ApicRig.enabled()
      .set(R.LINT0, LEVEL | 0x40)
      .lint(0, true);
    expect(rig.get(R.LINT0)).toBe(LEVEL | 0x4000 | 0x40);
    expect([rig.apic.acknowledge(), rig.intr, rig.get(R.TMR + 0x20)]).toEqual([0x40, false, 1]);
    expect(rig.set(R.EOI, 0).intr).toBe(true);
    rig.apic.acknowledge();
    expect(rig.lint(0, false).set(R.EOI, 0).intr).toBe(false);
    expect(rig.get(R.LINT0)).toBe(LEVEL | 0x40);
  });

  it('a level is seen when it is unmasked', () => {
    const rig = ApicRig.enabled()
      .lint(0, true)
      .set(R.LINT0, LEVEL | 0x40);
    expect(rig.drain().length).toBeGreaterThan(1);
  });

  it('NMI mode is an edge, whatever the trigger mode', () => {
    const rig = ApicRig.enabled()
      .set(R.LINT1, LEVEL | 0x400)
      .lint(1, true);
    rig.set(R.LINT1, LEVEL | 0x400);
    expect(rig.nmiCount).toBe(1);
    expect(rig.lint(1, false, true).nmiCount).toBe(2);
  });

  it('ExtINT passes the 8259 while its pin is high, past TPR, before the rest', () => {
    const rig = ApicRig.enabled().set(R.LINT0, 0x700).set(R.TPR, 0xff).send(0x80);
    rig.picVectors = [0x20];
    expect(rig.lint(0, true).intr).toBe(true);
    rig.set(R.TPR, 0);
    expect(rig.apic.acknowledge()).toBe(0x20);
    expect([rig.get(R.ISR + 0x10), rig.lint(0, false).apic.acknowledge()]).toEqual([0, 0x80]);
  });

  it('masked, it does not', () => {
    const rig = ApicRig.enabled()
      .set(R.LINT0, MASKED | 0x700)
      .lint(0, true);
    expect(rig.intr).toBe(false);
    expect(rig.set(R.LINT0, 0x700).intr).toBe(true);
  });
});

describe('software disable', () => {
  it('masks the table and keeps it masked', () => {
    const rig = ApicRig.enabled().set(R.LINT0, 0x700).lint(0, true).set(R.SVR, 0xff);
    expect([rig.get(R.LINT0), rig.intr]).toEqual([MASKED | 0x700, false]);
    expect(rig.set(R.LINT0, 0x700).get(R.LINT0)).toBe(MASKED | 0x700);
    expect(rig.set(R.SVR, 0x1ff).get(R.LINT0)).toBe(MASKED | 0x700);
  });

  it('refuses interrupts, takes NMI and INIT, still sends', () => {
    const rig = new ApicRig().send(0x40);
    expect([rig.intr, rig.get(R.IRR + 0x20)]).toEqual([false, 0]);
    rig.set(R.ICR, 0x4400).set(R.ICR, 0x4500);
    expect([rig.nmiCount, rig.initCount]).toEqual([1, 1]);
  });

  it('keeps what it had accepted', () => {
    expect(ApicRig.enabled().send(0x71).set(R.SVR, 0xff).drain()).toEqual([0x71]);
  });
});

describe('IA32_APIC_BASE.EN', () => {
  it('off: LINT0 is INTR and LINT1 is NMI', () => {
    const rig = ApicRig.enabled().send(0x80);
    rig.apic.setBase(OFF);
    expect(rig.intr).toBe(false);
    rig.picVectors = [0x21];
    expect(rig.lint(0, true).intr).toBe(true);
    expect(rig.apic.acknowledge()).toBe(0x21);
    expect(rig.lint(1, true).nmiCount).toBe(1);
    expect(rig.lint(0, false).intr).toBe(false);
  });

  it('off: it is not on the bus', () => {
    const rig = ApicRig.enabled();
    rig.apic.setBase(OFF);
    rig.redirect(4, 0x400).pin(4, true);
    expect(rig.nmiCount).toBe(0);
  });

  it('on again: as after power-on, with the ID that it had', () => {
    const rig = ApicRig.enabled().set(R.ID, 0x03000000).set(R.TPR, 0x40).set(R.LINT0, 0x700);
    rig.send(0x90).set(R.INITIAL, 1000);
    rig.apic.setBase(OFF);
    rig.apic.setBase(BASE);
    const registers = [R.ID, R.TPR, R.SVR, R.LINT0, R.IRR + 0x40, R.INITIAL, R.CURRENT];
    expect(registers.map((register) => rig.get(register))).toEqual([
      0x03000000,
      0,
      0xff,
      MASKED,
      0,
      0,
      0,
    ]);
    expect([rig.taskPriority, rig.intr]).toEqual([0, false]);
  });

  it('a move changes nothing else', () => {
    const rig = ApicRig.enabled().set(R.TPR, 0x40);
    rig.apic.setBase(0xfe000900n);
    expect([rig.get(R.TPR), rig.get(R.SVR)]).toEqual([0x40, 0x1ff]);
  });
});
