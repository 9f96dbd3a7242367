import { describe, expect, it } from 'vitest';
import { ApicRig, LEVEL, MASKED, R } from './apic-rig.ts';

const REMOTE_IRR = 0x4000;
const LOGICAL = 0x800;

describe('I/O APIC registers', () => {
  it('come up masked, version 20H with 24 entries', () => {
    const rig = new ApicRig();
    expect([rig.io(0), rig.io(1), rig.io(2)]).toEqual([0, 0x00170020, 0]);
    for (let pin = 0; pin < 24; pin++) expect(rig.entry(pin)).toBe(MASKED);
    expect(rig.io(0x10 + 48)).toBe(0);
  });

  it('keep the bits that they have', () => {
    const rig = new ApicRig();
    expect(rig.setIo(0, 0xffffffff).io(0)).toBe(0x0f000000);
    expect(rig.io(2)).toBe(0x0f000000);
    expect(rig.setIo(1, 0xffffffff).io(1)).toBe(0x00170020);
    expect(rig.setIo(0x10, 0xffffffff).io(0x10)).toBe(0x1afff);
    expect(rig.setIo(0x11, 0xffffffff).io(0x11)).toBe(0xffffffff);
    expect(rig.setIo(0x3f, 1).setIo(0x40, 1).setIo(0xff, 1).io(0x40)).toBe(0);
  });

  it('lie behind a select register of 8 bits and a window of 32', () => {
    const rig = new ApicRig();
    rig.bus.writeMmio(0xfec00000n, 1, 0x01n);
    expect(rig.bus.readMmio(0xfec00000n, 4)).toBe(1n);
    expect(rig.bus.readMmio(0xfec00010n, 4)).toBe(0x00170020n);
    expect(rig.bus.readMmio(0xfec00010n, 2)).toBe(0n);
    expect(rig.bus.readMmio(0xfec00020n, 4)).toBe(0n);
    rig.bus.writeMmio(0xfec00000n, 1, 0x10n);
    rig.bus.writeMmio(0xfec00010n, 2, 0x40n);
    expect(rig.entry(0)).toBe(MASKED);
  });
});

describe('edge triggering', () => {
  it('one interrupt for each rise', () => {
    const rig = ApicRig.enabled().redirect(4, 0x40).pin(4, true);
    expect(rig.drain()).toEqual([0x40]);
    expect(rig.pin(4, false).intr).toBe(false);
    expect([rig.pin(4, true).drain(), rig.entry(4)]).toEqual([[0x40], 0x40]);
  });

  it('a rise while masked is lost', () => {
    const rig = ApicRig.enabled()
      .redirect(4, MASKED | 0x40)
      .pin(4, true)
      .redirect(4, 0x40);
    expect(rig.intr).toBe(false);
  });

  it('is not for the local APIC to report', () => {
    const rig = ApicRig.enabled().redirect(4, 0x40).pin(4, true);
    expect(rig.get(R.TMR + 0x20)).toBe(0);
  });
});

describe('level triggering', () => {
  const level = () => ApicRig.enabled().redirect(4, LEVEL | 0x40);

  it('sets remote IRR until EOI, and comes again while the pin is high', () => {
    const rig = level().pin(4, true);
    expect(rig.entry(4)).toBe(LEVEL | REMOTE_IRR | 0x40);
    rig.apic.acknowledge();
    expect([rig.get(R.TMR + 0x20), rig.pin(4, false, true).intr]).toEqual([1, false]);
    expect(rig.set(R.EOI, 0).intr).toBe(true);
    rig.apic.acknowledge();
    rig.pin(4, false).set(R.EOI, 0);
    expect([rig.intr, rig.entry(4)]).toEqual([false, LEVEL | 0x40]);
  });

  it('is seen when it is unmasked', () => {
    const rig = ApicRig.enabled()
      .redirect(4, MASKED | LEVEL | 0x40)
      .pin(4, true);
    expect(rig.intr).toBe(false);
    expect(rig.redirect(4, LEVEL | 0x40).intr).toBe(true);
  });

  it('an EOI of another vector does not end it', () => {
    const rig = level()
      .redirect(5, LEVEL | 0x50)
      .pin(4, true)
      .pin(5, true);
    rig.apic.acknowledge();
    rig.pin(5, false).set(R.EOI, 0);
    expect([rig.entry(4), rig.entry(5)]).toEqual([LEVEL | REMOTE_IRR | 0x40, LEVEL | 0x50]);
  });

  it('the EOI register ends it too', () => {
    const rig = level().pin(4, true, false).endIo(0x41);
    expect(rig.entry(4)).toBe(LEVEL | REMOTE_IRR | 0x40);
    expect(rig.endIo(0x40).entry(4)).toBe(LEVEL | 0x40);
  });

  it('remote IRR cannot be written, but goes when the entry is made edge triggered', () => {
    const rig = level().setIo(0x18, LEVEL | REMOTE_IRR | 0x40);
    expect(rig.entry(4)).toBe(LEVEL | 0x40);
    rig.pin(4, true).setIo(0x18, LEVEL | 0x40);
    expect(rig.entry(4)).toBe(LEVEL | REMOTE_IRR | 0x40);
    expect(rig.setIo(0x18, 0x40).entry(4)).toBe(0x40);
  });

  it('a message that nobody takes is made again at the next change', () => {
    const rig = ApicRig.enabled()
      .redirect(4, LEVEL | 0x40, 3)
      .pin(4, true);
    expect([rig.intr, rig.entry(4)]).toEqual([false, LEVEL | 0x40]);
    expect(rig.redirect(4, LEVEL | 0x40, 0).intr).toBe(true);
  });

  it('two pins may share a vector', () => {
    const rig = level()
      .redirect(5, LEVEL | 0x40)
      .pin(4, true)
      .pin(5, true);
    rig.apic.acknowledge();
    expect(rig.pin(4, false).set(R.EOI, 0).intr).toBe(true);
    rig.apic.acknowledge();
    expect(rig.pin(5, false).set(R.EOI, 0).intr).toBe(false);
  });
});

describe('destinations and delivery modes', () => {
  const vectors = (low: number, destination = 0, rig = ApicRig.enabled()): number[] =>
    rig.redirect(4, low, destination).pin(4, true).drain();

  it('physical and logical', () => {
    expect([0, 3, 0xff].map((to) => vectors(0x40, to))).toEqual([[0x40], [], [0x40]]);
    const flat = () => ApicRig.enabled().set(R.LDR, 0x02000000);
    expect([1, 2].map((to) => vectors(LOGICAL | 0x40, to, flat()))).toEqual([[], [0x40]]);
  });

  it('lowest priority', () => {
    expect(vectors(0x140)).toEqual([0x40]);
  });

  it('NMI and INIT are edges, whatever the trigger mode', () => {
    const rig = ApicRig.enabled()
      .redirect(4, LEVEL | 0x400)
      .pin(4, true);
    rig.redirect(4, LEVEL | 0x400);
    expect([rig.nmiCount, rig.entry(4)]).toEqual([1, LEVEL | 0x400]);
    expect(rig.redirect(5, 0x500).pin(5, true).initCount).toBe(1);
    expect([rig.ioApic.passesIf, new ApicRig().ioApic.passesIf]).toEqual([true, false]);
  });

  it('ExtINT asks the 8259 for the vector', () => {
    const rig = ApicRig.enabled().redirect(0, 0x700);
    rig.picVectors = [0x21];
    expect(rig.set(R.TPR, 0xff).pin(0, true).drain()).toEqual([0x21]);
  });

  it('an illegal vector is refused', () => {
    const rig = ApicRig.enabled();
    expect([vectors(0x0f, 0, rig), rig.errors()]).toEqual([[], 0x40]);
  });
});
