import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pit } from '../../src/devices/pit.ts';
import { Port61 } from '../../src/devices/port61.ts';
import { IrqLine } from '../../src/machine/irq.ts';
import { Rig } from './rig.ts';

const NS_PER_SECOND = 1_000_000_000n;
const PIT_HZ = 1_193_182n;

class PitRig extends Rig {
  /** Levels of IRQ 0 with the pulse at which each began. */
  readonly edges: string[] = [];
  readonly irq = new IrqLine((level) => this.edges.push(`${level ? 'up' : 'down'}@${this.pulse}`));
  readonly pit: Pit;
  readonly port61: Port61;
  /** The pulse at which the test began to count. */
  start = 0n;

  constructor(from?: PitRig) {
    super(from?.now);
    const deps = { clock: this.clock, irq: this.irq };
    this.pit = from ? Pit.restore(deps, from.pit.save()) : new Pit(deps);
    const wires = { clock: this.clock, pit: this.pit };
    this.port61 = from ? Port61.restore(wires, from.port61.save()) : new Port61(wires);
    this.bus.mapPorts(0x40, 4, this.pit);
    this.bus.mapPorts(0x61, 1, this.port61);
    this.start = from?.start ?? this.pulse;
    this.edges.length = 0;
  }

  get pulse(): bigint {
    return (this.now * PIT_HZ) / NS_PER_SECOND - this.start;
  }

  /** Lets time pass to the first nanosecond of the pulse `pulses` from now. */
  pulses(pulses: number): this {
    const target = this.start + this.pulse + BigInt(pulses);
    this.pass((target * NS_PER_SECOND + PIT_HZ - 1n) / PIT_HZ - this.now);
    return this;
  }

  /** Sets mode (lo/hi access) and count of a counter. */
  program(counter: number, mode: number, count: number, bcd = 0): this {
    this.out(0x43, (counter << 6) | 0x30 | (mode << 1) | bcd);
    return this.count(counter, count);
  }

  count(counter: number, count: number): this {
    this.out(0x40 + counter, count & 0xff, count >> 8);
    return this;
  }

  gate2(level: boolean): this {
    this.out(0x61, level ? 1 : 0);
    return this;
  }

  /** The latched count of a counter with lo/hi access. */
  read(counter: number): number {
    this.out(0x43, counter << 6);
    return this.in(0x40 + counter) | (this.in(0x40 + counter) << 8);
  }

  status(counter: number): number {
    this.out(0x43, 0xe0 | (2 << counter));
    return this.in(0x40 + counter);
  }

  /** Count and OUT of counter 2 at each of the next pulses, as "4H". */
  sequence(pulses: number): string {
    const steps: string[] = [];
    for (let i = 0; i < pulses; i++) {
      this.pulses(1);
      steps.push(`${this.read(2).toString(16)}${this.status(2) & 0x80 ? 'H' : 'L'}`);
    }
    return steps.join(' ');
  }
}

const gated = () => new PitRig().gate2(true);

describe('8254 counting', () => {
  it('mode 0 loads on the next pulse, is low until zero, then high while it counts on', () => {
    expect(gated().program(2, 0, 4).sequence(7)).toBe('4L 3L 2L 1L 0H ffffH fffeH');
  });

  it('mode 0 starts again at a new count, and stops at the first of its two bytes', () => {
    const rig = gated().program(2, 0, 4);
    expect(rig.sequence(6)).toBe('4L 3L 2L 1L 0H ffffH');
    rig.out(0x42, 2);
    expect(rig.sequence(2)).toBe('ffffL ffffL');
    rig.out(0x42, 0);
    expect(rig.sequence(3)).toBe('2L 1L 0H');
  });

  it('mode 0 halts while the gate is low', () => {
    const rig = gated().program(2, 0, 4);
    expect(rig.sequence(2)).toBe('4L 3L');
    rig.gate2(false);
    expect(rig.sequence(2)).toBe('3L 3L');
    rig.gate2(true);
    expect(rig.sequence(3)).toBe('2L 1L 0H');
  });

  it('mode 1 starts a low pulse at a rising gate, and again', () => {
    const rig = new PitRig().program(2, 1, 3);
    expect(rig.status(2)).toBe(0xf2);
    rig.pulses(5).gate2(true);
    expect(rig.sequence(2)).toBe('3L 2L');
    rig.gate2(false).gate2(true);
    expect(rig.sequence(5)).toBe('3L 2L 1L 0H ffffH');
  });

  it('mode 2 is low for the last of N pulses', () => {
    expect(gated().program(2, 2, 3).sequence(8)).toBe('3H 2H 1L 3H 2H 1L 3H 2H');
  });

  it('mode 2 takes a new count at the end of the cycle', () => {
    const rig = gated().program(2, 2, 4);
    expect(rig.sequence(2)).toBe('4H 3H');
    rig.count(2, 2);
    expect(rig.sequence(5)).toBe('2H 1L 2H 1L 2H');
  });

  it('mode 2 is high and still while the gate is low, and reloads when it rises', () => {
    const rig = gated().program(2, 2, 3);
    expect(rig.sequence(3)).toBe('3H 2H 1L');
    rig.gate2(false);
    expect(rig.sequence(2)).toBe('1H 1H');
    rig.gate2(true);
    expect(rig.sequence(3)).toBe('3H 2H 1L');
  });

  it('mode 3 halves even counts', () => {
    expect(gated().program(2, 3, 4).sequence(9)).toBe('4H 2H 4L 2L 4H 2H 4L 2L 4H');
  });

  it('mode 3 is high one pulse longer with odd counts', () => {
    expect(gated().program(2, 3, 5).sequence(10)).toBe('4H 2H 0H 4L 2L 4H 2H 0H 4L 2L');
  });

  it('mode 3 takes a new count at the end of the half cycle, and reloads at a rising gate', () => {
    const rig = gated().program(2, 3, 6);
    expect(rig.sequence(2)).toBe('6H 4H');
    rig.count(2, 4);
    expect(rig.sequence(4)).toBe('2H 4L 2L 4H');
    rig.pulses(1);
    rig.gate2(false);
    expect(rig.sequence(2)).toBe('2H 2H');
    rig.gate2(true);
    expect(rig.sequence(3)).toBe('4H 2H 4L');
  });

  it('mode 4 strobes once after the count', () => {
    expect(gated().program(2, 4, 2).sequence(6)).toBe('2H 1H 0L ffffH fffeH fffdH');
  });

  it('mode 5 strobes after a rising gate', () => {
    const rig = new PitRig().program(2, 5, 2).pulses(3).gate2(true);
    expect(rig.sequence(4)).toBe('2H 1H 0L ffffH');
  });

  it('takes modes 6 and 7 for 2 and 3', () => {
    expect(gated().program(2, 6, 3).sequence(4)).toBe('3H 2H 1L 3H');
    expect(gated().program(2, 7, 4).sequence(4)).toBe('4H 2H 4L 2L');
  });

  it('counts in decimal', () => {
    expect(gated().program(2, 0, 0x1001, 1).sequence(4)).toBe('1001L 1000L 999L 998L');
    const rig = gated().program(2, 2, 0, 1);
    expect(rig.pulses(1).read(2)).toBe(0);
    expect(rig.pulses(1).read(2)).toBe(0x9999);
  });

  it('takes a count of 0 for 65536', () => {
    const rig = gated().program(2, 2, 0);
    expect(rig.pulses(1).read(2)).toBe(0);
    expect(rig.pulses(0xffff).status(2) & 0x80).toBe(0);
    expect(rig.read(2)).toBe(1);
    expect(rig.pulses(1).status(2) & 0x80).toBe(0x80);
  });

  it('gives the same after one leap as after single pulses', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 2, max: 40 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 6 }),
        (mode, count, leaps) => {
          const [leaping, stepping] = [gated(), gated()].map((rig) =>
            rig.program(2, mode, count).gate2(false).gate2(true),
          );
          for (const leap of leaps) {
            leaping?.pulses(leap);
            stepping?.sequence(leap);
            expect(leaping?.status(2)).toBe(stepping?.status(2));
            expect(leaping?.read(2)).toBe(stepping?.read(2));
          }
        },
      ),
    );
  });
});

describe('8254 reading and writing', () => {
  it('holds a latched count until it is read', () => {
    const rig = gated().program(2, 2, 0x1234).pulses(1);
    rig.out(0x43, 0x80);
    rig.pulses(0x20);
    rig.out(0x43, 0x80);
    expect([rig.in(0x42), rig.in(0x42)]).toEqual([0x34, 0x12]);
    expect([rig.in(0x42), rig.in(0x42)]).toEqual([0x14, 0x12]);
  });

  it('reads and writes one byte where the control word says so', () => {
    const rig = gated();
    rig.out(0x43, 0x94);
    rig.out(0x42, 9);
    expect(rig.pulses(2).in(0x42)).toBe(8);
    rig.out(0x43, 0xa4);
    rig.out(0x42, 2);
    expect([rig.pulses(1).in(0x42), rig.pulses(1).in(0x42)]).toEqual([2, 1]);
  });

  it('reads back status before count, of several counters at once', () => {
    const rig = gated().program(0, 3, 100).program(2, 0, 200).pulses(11);
    rig.out(0x43, 0xca);
    rig.pulses(5);
    expect([rig.in(0x40), rig.in(0x40), rig.in(0x40)]).toEqual([0xb6, 80, 0]);
    expect([rig.in(0x42), rig.in(0x42), rig.in(0x42)]).toEqual([0x30, 190, 0]);
  });

  it('shows the null count from the write until the load', () => {
    const rig = gated();
    rig.out(0x43, 0xb0);
    expect(rig.status(2)).toBe(0x70);
    rig.count(2, 50);
    expect(rig.status(2)).toBe(0x70);
    expect(rig.pulses(1).status(2)).toBe(0x30);
    const rate = gated().program(2, 2, 50).pulses(5).count(2, 60);
    expect(rate.status(2)).toBe(0xf4);
    expect(rate.pulses(46).status(2)).toBe(0xb4);
  });

  it('has nothing to read at the control port', () => {
    expect(new PitRig().in(0x43)).toBe(0xff);
  });
});

describe('IRQ 0', () => {
  it('rises at terminal count in mode 0', () => {
    const rig = new PitRig().program(0, 0, 100);
    expect(rig.edges).toEqual(['down@0']);
    rig.pulses(1000);
    expect(rig.edges).toEqual(['down@0', 'up@101']);
    expect(rig.clock.nextDeadline()).toBeUndefined();
  });

  it('rises every N pulses in modes 2 and 3', () => {
    const rate = new PitRig().program(0, 2, 10).pulses(31);
    expect(rate.edges).toEqual(['down@10', 'up@11', 'down@20', 'up@21', 'down@30', 'up@31']);
    const square = new PitRig().program(0, 3, 5).pulses(11);
    expect(square.edges).toEqual(['down@4', 'up@6', 'down@9', 'up@11']);
  });

  it('does not drift: 1193182 pulses are a second, to the nanosecond, for ever', () => {
    const rig = new PitRig().program(0, 2, 59659).pulses(1); // 1193182 = 20 * 59659 + 2
    rig.pass(100n * NS_PER_SECOND - rig.now);
    const cycles = (100n * PIT_HZ - 1n) / 59659n;
    expect(rig.edges.length).toBe(Number(2n * cycles));
    expect(rig.pulse).toBe(100n * PIT_HZ);
    expect(rig.read(0)).toBe(59659 - Number((100n * PIT_HZ - 1n) % 59659n));
  });

  it('has no event before it is programmed', () => {
    expect(new PitRig().clock.nextDeadline()).toBeUndefined();
  });
});

describe('port 0x61', () => {
  it('keeps the low four bits and shows OUT2', () => {
    const rig = new PitRig();
    rig.out(0x61, 0xff);
    expect(rig.in(0x61) & 0xef).toBe(0x2f);
    rig.program(2, 0, 10);
    expect(rig.in(0x61) & 0x20).toBe(0);
    expect(rig.pulses(11).in(0x61) & 0x20).toBe(0x20);
  });

  it('toggles the refresh bit every 15 microseconds', () => {
    const rig = new PitRig();
    const bits = Array.from({ length: 6 }, () => (rig.pulses(9).in(0x61) >> 4) & 1);
    expect(bits).toEqual([0, 1, 1, 0, 0, 1]);
  });

  it('calibrates as Linux does: 50 ms on counter 2 take 50 ms', () => {
    const rig = new PitRig();
    rig.out(0x61, (rig.in(0x61) & ~2) | 1);
    const count = Number(PIT_HZ / 20n);
    rig.program(2, 0, count);
    const start = rig.now;
    while ((rig.in(0x61) & 0x20) === 0) rig.pass(100n);
    expect(Number(rig.now - start)).toBeGreaterThan(49_999_000);
    expect(Number(rig.now - start)).toBeLessThan(50_001_000);
  });
});

describe('PIT state', () => {
  it('goes on from where it was saved, at any moment', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 2, max: 30 }),
        fc.integer({ min: 0, max: 100 }),
        (mode, count, before) => {
          const rig = gated().program(0, mode, count).program(2, mode, count);
          rig.out(0x42, 7); // half a count
          rig.pass(BigInt(before) * 400n);
          rig.out(0x43, 0x80);
          rig.edges.length = 0;
          const copy = new PitRig(rig);
          for (const each of [rig, copy]) each.pulses(77).out(0x42, 1);
          expect(copy.edges).toEqual(rig.edges);
          expect(copy.sequence(9)).toBe(rig.sequence(9));
          expect(copy.pit.save()).toEqual(rig.pit.save());
        },
      ),
    );
  });
});
