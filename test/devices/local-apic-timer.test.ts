import { describe, expect, it } from 'vitest';
import { ApicRig, MASKED, R } from './apic-rig.ts';

const PERIODIC = 0x20000;
const DEADLINE = 0x40000;
const BY_1 = 0xb;

/** A timer that counts nanoseconds. */
const timer = (lvt: number): ApicRig => ApicRig.enabled().set(R.DIVIDE, BY_1).set(R.TIMER, lvt);

describe('APIC timer, one-shot', () => {
  it('counts down and interrupts once', () => {
    const rig = timer(0x40).set(R.INITIAL, 1000);
    rig.pass(400n);
    expect([rig.get(R.CURRENT), rig.get(R.INITIAL), rig.intr]).toEqual([600, 1000, false]);
    rig.pass(599n);
    expect([rig.get(R.CURRENT), rig.intr]).toEqual([1, false]);
    rig.pass(1n);
    expect([rig.get(R.CURRENT), rig.drain()]).toEqual([0, [0x40]]);
    rig.pass(1_000_000n);
    expect([rig.get(R.CURRENT), rig.intr]).toEqual([0, false]);
  });

  it.each([
    [0x0, 2],
    [0x1, 4],
    [0x2, 8],
    [0x3, 16],
    [0x8, 32],
    [0x9, 64],
    [0xa, 128],
    [0xb, 1],
  ])('divide configuration %i divides by %i', (configuration, divisor) => {
    const rig = timer(0x40).set(R.DIVIDE, configuration).set(R.INITIAL, 100);
    rig.pass(BigInt(divisor * 10));
    expect(rig.get(R.CURRENT)).toBe(90);
    rig.pass(BigInt(divisor * 90 - 1));
    expect(rig.intr).toBe(false);
    rig.pass(1n);
    expect(rig.intr).toBe(true);
  });

  it('a new divisor counts from where the count stands', () => {
    const rig = timer(0x40).set(R.INITIAL, 100);
    rig.pass(60n);
    rig.set(R.DIVIDE, 0);
    rig.pass(79n);
    expect([rig.get(R.CURRENT), rig.intr]).toEqual([1, false]);
    rig.pass(1n);
    expect(rig.intr).toBe(true);
  });

  it('starts anew with each initial count, and stops with 0', () => {
    const rig = timer(0x40).set(R.INITIAL, 100);
    rig.pass(90n);
    rig.set(R.INITIAL, 100).pass(90n);
    expect([rig.get(R.CURRENT), rig.intr]).toEqual([10, false]);
    rig.set(R.INITIAL, 0).pass(1000n);
    expect([rig.get(R.CURRENT), rig.intr]).toEqual([0, false]);
  });

  it('counts while masked, and is not heard', () => {
    const rig = timer(MASKED | 0x40).set(R.INITIAL, 100);
    rig.pass(30n);
    expect([rig.get(R.CURRENT), rig.clock.nextDeadline()]).toEqual([70, undefined]);
    rig.pass(100n);
    expect([rig.get(R.CURRENT), rig.set(R.TIMER, 0x40).intr]).toEqual([0, false]);
  });

  it('unmasked in time, it is', () => {
    const rig = timer(MASKED | 0x40).set(R.INITIAL, 100);
    rig.pass(30n);
    rig.set(R.TIMER, 0x41).pass(70n);
    expect(rig.drain()).toEqual([0x41]);
  });
});

describe('APIC timer, periodic', () => {
  it('interrupts every initial count', () => {
    const rig = timer(PERIODIC | 0x40).set(R.INITIAL, 100);
    for (let n = 0; n < 5; n++) {
      rig.pass(99n);
      expect([rig.get(R.CURRENT), rig.intr]).toEqual([1, false]);
      rig.pass(1n);
      expect([rig.get(R.CURRENT), rig.drain()]).toEqual([100, [0x40]]);
    }
  });

  it('keeps its phase while masked', () => {
    const rig = timer(PERIODIC | MASKED | 0x40).set(R.INITIAL, 100);
    rig.pass(100_000_000_030n);
    expect(rig.get(R.CURRENT)).toBe(70);
    rig.set(R.TIMER, PERIODIC | 0x40).pass(70n);
    expect(rig.drain()).toEqual([0x40]);
  });

  it('a new initial count starts anew; 0 stops', () => {
    const rig = timer(PERIODIC | 0x40).set(R.INITIAL, 100);
    rig.pass(150n);
    rig.drain();
    rig.set(R.INITIAL, 300).pass(299n);
    expect(rig.intr).toBe(false);
    rig.pass(1n);
    expect(rig.drain()).toEqual([0x40]);
    rig.set(R.INITIAL, 0).pass(1000n);
    expect([rig.intr, rig.get(R.CURRENT)]).toEqual([false, 0]);
  });

  it('made one-shot, ends with the running count; made periodic, goes on', () => {
    const rig = timer(PERIODIC | 0x40).set(R.INITIAL, 100);
    rig.pass(50n);
    rig.set(R.TIMER, 0x40).pass(50n);
    expect(rig.drain()).toEqual([0x40]);
    rig.set(R.TIMER, PERIODIC | 0x40).pass(500n);
    expect(rig.intr).toBe(false);
    rig
      .set(R.TIMER, 0x40)
      .set(R.INITIAL, 100)
      .set(R.TIMER, PERIODIC | 0x40)
      .pass(100n);
    expect([rig.drain(), rig.get(R.CURRENT)]).toEqual([[0x40], 100]);
  });

  it('is not heard while the APIC is software-disabled', () => {
    const rig = timer(PERIODIC | 0x40)
      .set(R.INITIAL, 100)
      .set(R.SVR, 0xff);
    rig.pass(1000n);
    expect(rig.intr).toBe(false);
  });
});

describe('APIC timer, TSC-deadline', () => {
  it('interrupts when the TSC gets there, and clears the MSR', () => {
    const rig = timer(DEADLINE | 0x40).wrmsrDeadline(1000n);
    rig.pass(999n);
    expect([rig.intr, rig.tscDeadline]).toEqual([false, 1000n]);
    rig.pass(1n);
    expect([rig.drain(), rig.tscDeadline]).toEqual([[0x40], 0n]);
    rig.pass(10_000n);
    expect(rig.intr).toBe(false);
  });

  it('a deadline that has passed interrupts at once', () => {
    const rig = timer(DEADLINE | 0x40);
    rig.pass(5000n);
    rig.wrmsrDeadline(1n).pass(0n);
    expect([rig.drain(), rig.tscDeadline]).toEqual([[0x40], 0n]);
  });

  it('0 disarms', () => {
    const rig = timer(DEADLINE | 0x40)
      .wrmsrDeadline(1000n)
      .wrmsrDeadline(0n);
    rig.pass(2000n);
    expect(rig.intr).toBe(false);
  });

  it('follows the TSC, not time', () => {
    const rig = timer(DEADLINE | 0x40).wrmsrDeadline(1000n);
    rig.tscOffset = -500n;
    rig.apic.tscWritten();
    rig.pass(1499n);
    expect(rig.intr).toBe(false);
    rig.pass(1n);
    expect(rig.intr).toBe(true);
  });

  it('passes while masked, too', () => {
    const rig = timer(DEADLINE | MASKED | 0x40).wrmsrDeadline(1000n);
    rig.pass(1000n);
    expect([rig.intr, rig.tscDeadline]).toEqual([false, 0n]);
  });

  it('ignores the counts', () => {
    const rig = timer(DEADLINE | 0x40).set(R.INITIAL, 100);
    expect([rig.get(R.INITIAL), rig.get(R.CURRENT)]).toEqual([0, 0]);
  });

  it('and the other modes ignore the MSR', () => {
    for (const mode of [0, PERIODIC]) {
      const rig = timer(mode | 0x40).wrmsrDeadline(1000n);
      rig.pass(2000n);
      expect([rig.intr, rig.tscDeadline]).toEqual([false, 0n]);
    }
  });

  it('entering and leaving it disarms the timer', () => {
    const counting = timer(0x40)
      .set(R.INITIAL, 100)
      .set(R.TIMER, DEADLINE | 0x40);
    counting.set(R.TIMER, 0x40).pass(200n);
    expect([counting.intr, counting.get(R.CURRENT)]).toEqual([false, 0]);
    const armed = timer(DEADLINE | 0x40)
      .wrmsrDeadline(1000n)
      .set(R.TIMER, 0x40);
    armed.set(R.TIMER, DEADLINE | 0x40).pass(2000n);
    expect([armed.intr, armed.tscDeadline]).toEqual([false, 0n]);
  });
});
