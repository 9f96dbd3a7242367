import { describe, expect, it } from 'vitest';
import { Pic } from '../../src/devices/pic.ts';
import { IrqLine } from '../../src/machine/irq.ts';
import { Rig } from './rig.ts';

const NONSPECIFIC_EOI = 0x20;
const READ_IRR = 0x0a;
const READ_ISR = 0x0b;

class PicRig extends Rig {
  readonly intr = new IrqLine(() => {});
  readonly pic: Pic;

  constructor(saved?: ReturnType<Pic['save']>) {
    super();
    this.pic = saved ? Pic.restore(this.intr, saved) : new Pic(this.intr);
    this.bus.mapPorts(0x20, 2, this.pic.master);
    this.bus.mapPorts(0xa0, 2, this.pic.slave);
    this.bus.mapPorts(0x4d0, 2, this.pic.elcr);
  }

  /** ICW1-4 as every PC writes them: vectors 0x20 and 0x28, slave on 2, 8086 mode. */
  initialize(masterIcw4 = 0x01, slaveIcw4 = 0x01): this {
    this.out(0x20, 0x11);
    this.out(0x21, 0x20, 0x04, masterIcw4);
    this.out(0xa0, 0x11);
    this.out(0xa1, 0x28, 0x02, slaveIcw4);
    return this;
  }

  raise(...irqs: number[]): void {
    for (const irq of irqs) this.pic.line(irq).set(true);
  }

  lower(...irqs: number[]): void {
    for (const irq of irqs) this.pic.line(irq).set(false);
  }

  /** The vector of the pending interrupt, taken into service. */
  take(): number | undefined {
    return this.intr.level ? this.pic.acknowledge() : undefined;
  }

  /** Takes and ends interrupts until none is pending. */
  drain(): number[] {
    const vectors: number[] = [];
    for (let vector = this.take(); vector !== undefined; vector = this.take()) {
      vectors.push(vector);
      if (vector >= 0x28) this.out(0xa0, NONSPECIFIC_EOI);
      this.out(0x20, NONSPECIFIC_EOI);
    }
    return vectors;
  }

  register(chip: number, select: number): number {
    this.out(chip, select);
    return this.in(chip);
  }
}

const ready = () => new PicRig().initialize();

describe('8259A initialization', () => {
  it('holds INTR low until ICW1 to ICW4 are complete', () => {
    const rig = new PicRig();
    rig.raise(1);
    expect(rig.intr.level).toBe(false);
    rig.out(0x20, 0x11);
    rig.out(0x21, 0x20, 0x04);
    rig.lower(1);
    rig.raise(1);
    expect(rig.intr.level).toBe(false);
    rig.out(0x21, 0x01);
    expect(rig.take()).toBe(0x21);
  });

  it('clears the mask, the edges and what was in service at ICW1', () => {
    const rig = ready();
    rig.raise(0);
    rig.take();
    rig.out(0x21, 0xff);
    rig.raise(3);
    rig.initialize();
    expect([rig.in(0x21), rig.register(0x20, READ_IRR), rig.register(0x20, READ_ISR)]).toEqual([
      0, 0, 0,
    ]);
    rig.lower(3);
    rig.raise(3);
    expect(rig.take()).toBe(0x23);
  });

  it('skips ICW3 in single mode and ICW4 without IC4', () => {
    const rig = new PicRig();
    rig.out(0x20, 0x12);
    rig.out(0x21, 0x40);
    rig.raise(4);
    expect(rig.take()).toBe(0x44);
  });

  it('takes the upper five bits of the vector from ICW2', () => {
    const rig = new PicRig();
    rig.out(0x20, 0x11);
    rig.out(0x21, 0x57, 0x04, 0x01);
    rig.raise(1);
    expect(rig.take()).toBe(0x51);
  });
});

describe('8259A priorities and nesting', () => {
  it('serves the lowest number first', () => {
    const rig = ready();
    rig.raise(7, 4, 1, 5);
    expect(rig.drain()).toEqual([0x21, 0x24, 0x25, 0x27]);
  });

  it('lets higher priorities interrupt a service and holds back the others', () => {
    const rig = ready();
    rig.raise(4);
    expect(rig.take()).toBe(0x24);
    rig.raise(5);
    expect(rig.intr.level).toBe(false);
    rig.raise(3);
    expect(rig.take()).toBe(0x23);
    expect(rig.register(0x20, READ_ISR)).toBe(0x18);
    rig.out(0x20, NONSPECIFIC_EOI);
    expect(rig.register(0x20, READ_ISR)).toBe(0x10);
    expect(rig.intr.level).toBe(false);
    rig.out(0x20, NONSPECIFIC_EOI);
    expect(rig.take()).toBe(0x25);
  });

  it('ends the named level by a specific EOI', () => {
    const rig = ready();
    rig.raise(4);
    rig.take();
    rig.raise(1);
    rig.take();
    rig.out(0x20, 0x64);
    expect(rig.register(0x20, READ_ISR)).toBe(0x02);
  });

  it('masks requests without losing them', () => {
    const rig = ready();
    rig.out(0x21, 0x02);
    rig.raise(1);
    expect(rig.intr.level).toBe(false);
    expect(rig.register(0x20, READ_IRR)).toBe(0x02);
    rig.out(0x21, 0x00);
    expect(rig.take()).toBe(0x21);
  });

  it('puts the slave at the priority of input 2', () => {
    const rig = ready();
    rig.raise(3, 15, 8, 1);
    expect(rig.drain()).toEqual([0x21, 0x28, 0x2f, 0x23]);
  });

  it('keeps a slave from interrupting itself, unless the master nests specially', () => {
    for (const [icw4, expected] of [
      [0x01, undefined],
      [0x11, 0x28],
    ] as const) {
      const rig = new PicRig().initialize(icw4);
      rig.raise(12);
      expect(rig.take()).toBe(0x2c);
      rig.raise(8, 3);
      expect(rig.take()).toBe(expected);
    }
  });

  it('rotates priorities at a rotating EOI, a rotating specific EOI and a set priority command', () => {
    const rig = ready();
    rig.raise(0);
    rig.take();
    rig.out(0x20, 0xa0); // 0 becomes the lowest
    rig.lower(0);
    rig.raise(0, 1, 7);
    expect(rig.drain()).toEqual([0x21, 0x27, 0x20]);
    rig.out(0x20, 0xc4); // 4 becomes the lowest
    rig.lower(0, 1, 7);
    rig.raise(0, 4, 5);
    expect(rig.take()).toBe(0x25);
    rig.out(0x20, 0xe5); // end 5, which becomes the lowest
    expect(rig.drain()).toEqual([0x20, 0x24]);
  });

  it('ends service at the acknowledge in AEOI mode, and rotates if told to', () => {
    const rig = new PicRig().initialize(0x03);
    rig.raise(0);
    expect(rig.take()).toBe(0x20);
    expect(rig.register(0x20, READ_ISR)).toBe(0);
    rig.out(0x20, 0x80);
    rig.raise(1, 3);
    rig.take();
    rig.lower(0, 1);
    rig.raise(0, 1);
    expect([rig.take(), rig.take(), rig.take()]).toEqual([0x23, 0x20, 0x21]);
    rig.out(0x20, 0x00);
    rig.lower(0, 1);
    rig.raise(0, 1);
    expect([rig.take(), rig.take()]).toEqual([0x20, 0x21]);
  });

  it('lets lower priorities in past a masked level in special mask mode', () => {
    const rig = ready();
    rig.raise(3);
    rig.take();
    rig.out(0x21, 0x08);
    rig.raise(6);
    expect(rig.intr.level).toBe(false);
    rig.out(0x20, 0x68);
    expect(rig.take()).toBe(0x26);
    rig.out(0x20, NONSPECIFIC_EOI);
    rig.out(0x20, NONSPECIFIC_EOI);
    expect(rig.register(0x20, READ_ISR)).toBe(0x08); // a masked level has no nonspecific EOI
    rig.out(0x20, 0x63);
    expect(rig.in(0x20)).toBe(0);
    rig.out(0x20, 0x48);
    expect(rig.intr.level).toBe(false);
  });
});

describe('8259A triggering', () => {
  it('asks once per edge', () => {
    const rig = ready();
    rig.raise(1);
    expect(rig.drain()).toEqual([0x21]);
    rig.lower(1);
    rig.raise(1);
    expect(rig.drain()).toEqual([0x21]);
  });

  it('drops an edge request when the input falls before the acknowledge', () => {
    const rig = ready();
    rig.raise(1);
    rig.lower(1);
    expect(rig.intr.level).toBe(false);
  });

  it('answers 7 when the request is gone, with nothing in service', () => {
    const rig = ready();
    expect(rig.pic.acknowledge()).toBe(0x27);
    expect(rig.register(0x20, READ_ISR)).toBe(0);
  });

  it('answers 15 when the slave has lost its request, with the cascade in service', () => {
    const rig = ready();
    // A race that needs an input to fall between the two INTA cycles: a slave restored without its
    // request.
    rig.raise(9);
    const saved = rig.pic.save();
    const race = new PicRig({ ...saved, slave: { ...saved.slave, edges: 0, pins: 0 } });
    expect(race.pic.acknowledge()).toBe(0x2f);
    expect(race.register(0x20, READ_ISR)).toBe(0x04);
    expect(race.register(0xa0, READ_ISR)).toBe(0);
  });

  it('asks as long as the input is high where ELCR says level', () => {
    const rig = ready();
    rig.out(0x4d1, 0x08);
    rig.raise(11);
    for (let times = 0; times < 3; times++) {
      expect(rig.take()).toBe(0x2b);
      rig.out(0xa0, NONSPECIFIC_EOI);
      rig.out(0x20, NONSPECIFIC_EOI);
    }
    expect(rig.register(0xa0, READ_IRR)).toBe(0x08);
    rig.lower(11);
    expect(rig.register(0xa0, READ_IRR)).toBe(0);
    expect(rig.intr.level).toBe(false);
  });

  it('keeps the inputs of the timer, keyboard, cascade, clock and coprocessor edge triggered', () => {
    const rig = ready();
    rig.out(0x4d0, 0xff);
    rig.out(0x4d1, 0xff);
    expect([rig.in(0x4d0), rig.in(0x4d1)]).toEqual([0xf8, 0xde]);
  });
});

describe('8259A polling', () => {
  it('acknowledges by a read and tells the level', () => {
    const rig = ready();
    rig.out(0x20, 0x0c);
    expect(rig.in(0x20)).toBe(0);
    rig.raise(5);
    rig.out(0x20, 0x0c);
    expect(rig.in(0x20)).toBe(0x85);
    expect(rig.register(0x20, READ_ISR)).toBe(0x20);
    expect(rig.intr.level).toBe(false);
  });
});

describe('8259A state', () => {
  it('goes on from where it was saved', () => {
    const rig = ready();
    rig.out(0x4d1, 0x08);
    rig.out(0x20, 0xc2);
    rig.raise(4);
    rig.take();
    rig.raise(3, 11, 12);
    const copy = new PicRig(rig.pic.save());
    copy.raise(3, 4, 11, 12); // drivers drive their lines again: no edges
    for (const each of [rig, copy]) {
      each.out(0x20, NONSPECIFIC_EOI);
      expect(each.take()).toBe(0x23);
      each.out(0x20, NONSPECIFIC_EOI);
      each.lower(11);
      expect(each.drain()).toEqual([0x2c]);
    }
    expect(copy.pic.save()).toEqual(rig.pic.save());
  });

  it('refuses a version it does not know', () => {
    const saved = ready().pic.save();
    expect(() => new PicRig({ ...saved, version: 2 as 1 })).toThrow('version 2');
  });
});
