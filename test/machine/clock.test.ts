import { describe, expect, it } from 'vitest';
import { Clock } from '../../src/machine/clock.ts';
import { IrqLine, WiredOr } from '../../src/machine/irq.ts';

function setup() {
  const time = { now: 0n };
  const fired: string[] = [];
  const clock = new Clock(() => time.now);
  const timer = (name: string) => clock.timer((deadline) => fired.push(`${name}@${deadline}`));
  return { time, fired, clock, timer };
}

describe('Clock', () => {
  it('fires what is due, in order of deadlines, and names the next', () => {
    const { time, fired, clock, timer } = setup();
    for (const at of [30n, 10n, 20n]) clock.schedule(timer(`t${at}`), at);
    expect(clock.nextDeadline()).toBe(10n);
    time.now = 20n;
    clock.runDue();
    expect(fired).toEqual(['t10@10', 't20@20']);
    expect(clock.nextDeadline()).toBe(30n);
  });

  it('fires equal deadlines in the order of creation, not of scheduling', () => {
    const { time, fired, clock, timer } = setup();
    const [a, b, c] = [timer('a'), timer('b'), timer('c')];
    for (const each of [b, c, a]) clock.schedule(each, 5n);
    time.now = 9n;
    clock.runDue();
    expect(fired).toEqual(['a@5', 'b@5', 'c@5']);
  });

  it('moves and cancels timers', () => {
    const { time, fired, clock, timer } = setup();
    const [a, b] = [timer('a'), timer('b')];
    clock.schedule(a, 5n);
    clock.schedule(b, 6n);
    clock.schedule(a, 7n);
    clock.cancel(b);
    clock.cancel(b);
    expect([a.deadline, b.deadline, clock.nextDeadline()]).toEqual([7n, undefined, 7n]);
    clock.reschedule(a, undefined);
    expect(clock.nextDeadline()).toBeUndefined();
    time.now = 10n;
    clock.runDue();
    expect(fired).toEqual([]);
  });

  it('lets a callback schedule its own timer, at once if that is due', () => {
    const { time, clock } = setup();
    const seen: bigint[] = [];
    const tick = clock.timer((deadline) => {
      seen.push(deadline);
      clock.schedule(tick, deadline + 10n);
    });
    clock.schedule(tick, 10n);
    time.now = 35n;
    clock.runDue();
    expect(seen).toEqual([10n, 20n, 30n]);
    expect(tick.deadline).toBe(40n);
  });

  it('keeps nanoseconds exact where a number would not', () => {
    const { time, fired, clock, timer } = setup();
    const at = 2n ** 53n + 1n;
    clock.schedule(timer('late'), at);
    time.now = at - 1n;
    clock.runDue();
    expect(fired).toEqual([]);
    time.now = at;
    clock.runDue();
    expect(fired).toEqual([`late@${at}`]);
  });
});

describe('lines', () => {
  it('tell their listener of changes only', () => {
    const seen: boolean[] = [];
    const line = new IrqLine((level) => seen.push(level));
    for (const level of [false, true, true, false]) line.set(level);
    expect(seen).toEqual([true, false]);
    expect(line.level).toBe(false);
  });

  it('are joined by an OR', () => {
    const seen: boolean[] = [];
    const or = new WiredOr((level) => seen.push(level));
    const [a, b] = [or.input(), or.input()];
    a.set(true);
    b.set(true);
    a.set(false);
    b.set(false);
    expect(seen).toEqual([true, false]);
  });
});
