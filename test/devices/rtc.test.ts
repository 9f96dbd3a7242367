import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rtc, type RtcState, rtcSetTo } from '../../src/devices/rtc.ts';
import { IrqLine } from '../../src/machine/irq.ts';
import { Rig } from './rig.ts';

const SECOND = 1_000_000_000n;
const [A, B, C, D, CENTURY] = [10, 11, 12, 13, 0x32] as const;
const [BINARY, H24, UIE, AIE, PIE, SET] = [4, 2, 0x10, 0x20, 0x40, 0x80] as const;
const [UF, AF, PF, IRQF] = [0x10, 0x20, 0x40, 0x80] as const;

class RtcRig extends Rig {
  riseCount = 0;
  readonly irq = new IrqLine((level) => {
    if (level) this.riseCount++;
  });
  readonly rtc: Rtc;

  constructor(date = '1999-12-31T23:59:58', saved?: RtcState, now = 0n) {
    super(now);
    const state = saved ?? rtcSetTo(Date.parse(`${date}Z`));
    this.rtc = Rtc.restore({ clock: this.clock, irq: this.irq }, state);
    this.bus.mapPorts(0x70, 2, this.rtc);
  }

  get(register: number): number {
    this.out(0x70, register);
    return this.in(0x71);
  }

  set(register: number, value: number): this {
    this.out(0x70, register);
    this.out(0x71, value);
    return this;
  }

  seconds(count: number): this {
    this.pass(BigInt(count) * SECOND);
    return this;
  }

  /** Century, year, month, day, weekday, hour, minute, second as hexadecimal digits. */
  date(): string {
    const registers = [CENTURY, 9, 8, 7, 6, 4, 2, 0];
    return registers.map((n) => this.get(n).toString(16).padStart(2, '0')).join(' ');
  }

  setAlarm(hour: number, minute: number, second: number): this {
    return this.set(5, hour).set(3, minute).set(1, second);
  }
}

describe('MC146818 clock', () => {
  it('counts the date in BCD, over the end of a century', () => {
    const rig = new RtcRig();
    expect(rig.date()).toBe('19 99 12 31 06 23 59 58');
    expect(rig.seconds(1).date()).toBe('19 99 12 31 06 23 59 59');
    expect(rig.seconds(1).date()).toBe('20 00 01 01 07 00 00 00');
  });

  it.each([
    ['2000-02-28T23:59:59', '20 00 02 29 03 00 00 00'],
    ['2001-02-28T23:59:59', '20 01 03 01 05 00 00 00'],
    ['2024-02-29T23:59:59', '20 24 03 01 06 00 00 00'],
    ['2100-02-28T23:59:59', '21 00 03 01 02 00 00 00'],
    ['2010-04-30T23:59:59', '20 10 05 01 07 00 00 00'],
  ])('%s is followed by %s', (date, next) => {
    expect(new RtcRig(date).seconds(1).date()).toBe(next);
  });

  it.each([
    [H24, '00 12 13 23', [0, 12, 13, 23]],
    [0, '12 92 81 91', [0, 12, 13, 23]],
    [BINARY | H24, '00 0c 0d 17', [0, 12, 13, 23]],
    [BINARY, '0c 8c 81 8b', [0, 12, 13, 23]],
  ] as const)('format %i shows hours as %s', (format, hex, hours) => {
    const shown = hours.map((hour) => {
      const rig = new RtcRig('2010-10-10T10:59:59').set(B, format | SET);
      rig.set(4, Number.parseInt(hex.split(' ')[hours.indexOf(hour)] ?? '', 16));
      rig
        .set(2, format & BINARY ? 30 : 0x30)
        .set(0, 0)
        .set(B, format);
      return rig.seconds(1).get(4).toString(16).padStart(2, '0');
    });
    expect(shown.join(' ')).toBe(hex);
  });

  it('registers keep what is written until the next update', () => {
    const rig = new RtcRig().set(8, 0x5f).set(0, 0x00);
    expect(rig.get(8)).toBe(0x5f);
    rig.seconds(1);
    expect(rig.get(8)).not.toBe(0x5f);
  });

  it('a change of format leaves the bytes as they are', () => {
    const rig = new RtcRig('2010-10-10T10:45:00').set(B, BINARY | H24);
    expect(rig.get(2)).toBe(0x45);
  });

  it('SET stops the date and the update interrupt', () => {
    const rig = new RtcRig().set(B, SET | UIE | H24);
    expect(rig.get(B)).toBe(SET | H24);
    expect([rig.seconds(5).date(), rig.get(C) & UF]).toEqual(['19 99 12 31 06 23 59 58', 0]);
    expect(rig.set(B, H24).seconds(1).date()).toBe('19 99 12 31 06 23 59 59');
  });

  it('the divider in reset stops it; let go, it counts after half a second', () => {
    const rig = new RtcRig().set(A, 0x70);
    rig.pass(7n * SECOND + SECOND / 4n);
    rig.set(A, 0x26).pass(SECOND / 2n - 1n);
    expect(rig.get(0)).toBe(0x58);
    rig.pass(1n);
    expect(rig.get(0)).toBe(0x59);
  });

  it('register A shows an update 244 microseconds ahead', () => {
    const rig = new RtcRig();
    rig.pass(SECOND - 244_141n);
    expect(rig.get(A)).toBe(0x26);
    rig.pass(1n);
    expect(rig.get(A)).toBe(0xa6);
    rig.pass(244_140n);
    expect(rig.get(A)).toBe(0x26);
    rig.set(B, SET | H24).pass(SECOND - 1n);
    expect(rig.get(A)).toBe(0x26);
  });

  it('C and D cannot be written, nor UIP', () => {
    const rig = new RtcRig().set(C, 0xff).set(D, 0).set(A, 0xff);
    expect([rig.get(C), rig.get(D), rig.get(A) & 0x80]).toEqual([0, 0x80, 0]);
  });

  it('the index has seven bits and cannot be read; the rest is memory', () => {
    const rig = new RtcRig();
    for (let n = 14; n < 128; n++) rig.set(n | 0x80, n ^ 0x55);
    for (let n = 14; n < 128; n++) expect(rig.get(n)).toBe(n ^ 0x55);
    expect(rig.in(0x70)).toBe(0xff);
  });
});

describe('MC146818 interrupts', () => {
  it('update ended', () => {
    const rig = new RtcRig().set(B, UIE | H24);
    rig.pass(SECOND - 1n);
    expect(rig.irq.level).toBe(false);
    rig.pass(1n);
    expect([rig.irq.level, rig.get(C), rig.irq.level]).toEqual([true, IRQF | PF | UF, false]);
    expect([rig.seconds(1).riseCount, rig.get(C) & IRQF]).toEqual([2, IRQF]);
  });

  it('the line stays high, without another edge, until C is read', () => {
    const rig = new RtcRig().set(B, UIE | H24).seconds(5);
    expect([rig.riseCount, rig.irq.level, rig.clock.nextDeadline()]).toEqual([1, true, undefined]);
  });

  it.each([
    [1, 256],
    [2, 128],
    [3, 8192],
    [6, 1024],
    [12, 16],
    [15, 2],
  ])('periodic, rate %i: %i a second', (rate, hz) => {
    const rig = new RtcRig().set(A, 0x20 | rate).set(B, PIE | H24);
    let count = 0;
    while (rig.now < SECOND) {
      const next = rig.clock.nextDeadline() ?? SECOND;
      rig.pass((next > SECOND ? SECOND : next) - rig.now);
      if (rig.get(C) & PF) count++;
    }
    expect(count).toBe(hz);
  });

  it('rate 0: none', () => {
    const rig = new RtcRig()
      .set(A, 0x20)
      .set(B, PIE | H24)
      .seconds(3);
    expect([rig.irq.level, rig.get(C) & ~AF]).toEqual([false, UF]);
  });

  it.each([
    [[0x23, 0x59, 0x59], 1],
    [[0x00, 0x00, 0x00], 2],
    [[0xff, 0xff, 0xff], 1],
    [[0xc0, 0x00, 0xff], 2],
    [[0xff, 0xff, 0x10], 12],
    [[0xff, 0x30, 0x10], 2 + 30 * 60 + 10],
    [[0x23, 0x59, 0x58], 86_400],
  ] as const)('alarm %j comes after %i seconds', ([hour, minute, second], after) => {
    const rig = new RtcRig().setAlarm(hour, minute, second).set(B, AIE | H24);
    rig.pass(BigInt(after) * SECOND - 1n);
    expect(rig.irq.level).toBe(false);
    rig.pass(1n);
    expect([rig.irq.level, rig.get(C) & (IRQF | AF)]).toEqual([true, IRQF | AF]);
  });

  it('an alarm that no time matches never comes', () => {
    const rig = new RtcRig().setAlarm(0x24, 0xff, 0xff).set(B, AIE | H24);
    expect(rig.clock.nextDeadline()).toBeUndefined();
    expect(rig.seconds(200_000).get(C) & AF).toBe(0);
  });

  it('flags come without their enables, and interrupt when enabled late', () => {
    const rig = new RtcRig().setAlarm(0xff, 0xff, 0xff).seconds(1);
    expect([rig.get(C), rig.get(C)]).toEqual([PF | AF | UF, 0]);
    rig.seconds(1).set(B, AIE | H24);
    expect(rig.irq.level).toBe(true);
  });

  it('a clock that nobody looks at has no event', () => {
    expect(new RtcRig().clock.nextDeadline()).toBeUndefined();
  });
});

describe('the date after any time', () => {
  it('is that of the Gregorian calendar', () => {
    const date = fc.date({
      min: new Date('1970-01-01'),
      max: new Date('9000-01-01'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, fc.nat(2 ** 31 - 1), (start, seconds) => {
        const from = Math.floor(start.getTime() / 1000) * 1000;
        const rig = new RtcRig('', rtcSetTo(from)).seconds(seconds);
        const [, ...expected] = [0, ...new RtcRig('', rtcSetTo(from + seconds * 1000)).date()];
        expect(rig.date()).toBe(expected.join(''));
      }),
    );
  });
});
