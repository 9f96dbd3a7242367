import { describe, expect, it } from 'vitest';
import { AcpiPm, type AcpiPmState } from '../../src/devices/acpi-pm.ts';
import { IrqLine } from '../../src/machine/irq.ts';
import { Rig } from './rig.ts';

const [STATUS, ENABLE, CONTROL, TIMER, APM] = [0x600, 0x602, 0x604, 0x608, 0xb2] as const;
const TMR = 1;
const SLP_EN = 0x2000;
/** The first nanosecond at which the timer stands at 0x800000. */
const CARRY_NS = 2_343_484_438n;

class PmRig extends Rig {
  powerOffCount = 0;
  readonly sci = new IrqLine(() => {});
  readonly pm: AcpiPm;

  constructor(saved?: AcpiPmState, now = 0n) {
    super(now);
    const powerOff = () => this.powerOffCount++;
    const deps = { clock: this.clock, sci: this.sci, powerOff };
    this.pm = saved ? AcpiPm.restore(deps, saved) : new AcpiPm(deps);
    this.bus.mapPorts(STATUS, 4, this.pm.eventPorts);
    this.bus.mapPorts(CONTROL, 2, this.pm.controlPorts);
    this.bus.mapPorts(TIMER, 4, this.pm.timerPorts);
    this.bus.mapPorts(APM, 2, this.pm.apmPorts);
  }

  word(port: number): number {
    return this.bus.readPort(port, 2);
  }

  setWord(port: number, value: number): this {
    this.bus.writePort(port, 2, value);
    return this;
  }

  acpiMode(): this {
    this.out(APM, 0xf1);
    return this;
  }
}

describe('power-management timer', () => {
  it('counts 3.579545 MHz in 24 bits', () => {
    const rig = new PmRig();
    rig.pass(1_000_000_000n);
    expect(rig.bus.readPort(TIMER, 4)).toBe(3_579_545);
    rig.pass(4_000_000_000n);
    expect(rig.bus.readPort(TIMER, 4)).toBe((5 * 3_579_545) % 2 ** 24);
    expect(rig.word(TIMER)).toBe(((5 * 3_579_545) % 2 ** 24) & 0xffff);
    expect(rig.in(TIMER + 2)).toBe(((5 * 3_579_545) % 2 ** 24) >> 16);
    expect(rig.in(TIMER + 3)).toBe(0);
  });

  it('cannot be written', () => {
    const rig = new PmRig();
    rig.bus.writePort(TIMER, 4, 0x123456);
    expect(rig.bus.readPort(TIMER, 4)).toBe(0);
  });

  it('a change of bit 23 sets its status, either way', () => {
    const rig = new PmRig();
    rig.pass(CARRY_NS - 1n);
    expect([rig.bus.readPort(TIMER, 4), rig.word(STATUS)]).toEqual([0x7fffff, 0]);
    rig.pass(1n);
    expect([rig.bus.readPort(TIMER, 4), rig.word(STATUS)]).toEqual([0x800000, TMR]);
    expect(rig.setWord(STATUS, TMR).word(STATUS)).toBe(0);
    rig.pass(CARRY_NS);
    expect(rig.word(STATUS)).toBe(TMR);
  });
});

describe('PM1a', () => {
  it('the APM port takes it into ACPI mode and out of it', () => {
    const rig = new PmRig();
    expect(rig.word(CONTROL)).toBe(0);
    expect([rig.acpiMode().word(CONTROL), rig.in(APM)]).toEqual([1, 0xf1]);
    rig.out(APM, 0x55);
    expect(rig.word(CONTROL)).toBe(1);
    rig.out(APM, 0xf0);
    expect(rig.word(CONTROL)).toBe(0);
  });

  it('an enabled event raises SCI in ACPI mode', () => {
    const rig = new PmRig().acpiMode().setWord(ENABLE, TMR);
    rig.pass(CARRY_NS - 1n);
    expect(rig.sci.level).toBe(false);
    rig.pass(1n);
    expect(rig.sci.level).toBe(true);
    expect(rig.setWord(STATUS, TMR).sci.level).toBe(false);
  });

  it('not outside of it, and no clock event is waited for', () => {
    const rig = new PmRig().setWord(ENABLE, TMR);
    expect(rig.clock.nextDeadline()).toBeUndefined();
    rig.pass(CARRY_NS);
    expect(rig.sci.level).toBe(false);
    expect(rig.acpiMode().sci.level).toBe(true);
  });

  it('bytes of its registers can be written alone', () => {
    const rig = new PmRig();
    rig.out(ENABLE, 0xff);
    expect(rig.word(ENABLE)).toBe(0x0021);
    rig.out(ENABLE + 1, 0xff);
    expect(rig.word(ENABLE)).toBe(0x0121);
    rig.out(ENABLE, 0);
    expect(rig.word(ENABLE)).toBe(0x0100);
    rig.out(CONTROL + 1, 0x04);
    expect([rig.word(CONTROL), rig.in(CONTROL + 1)]).toEqual([0x0400, 0x04]);
  });

  it('the sleep enable bit reads 0; sleep type 0 with it is power-off', () => {
    const rig = new PmRig().setWord(CONTROL, 0x1c00);
    expect([rig.word(CONTROL), rig.powerOffCount]).toEqual([0x1c00, 0]);
    rig.setWord(CONTROL, SLP_EN | 0x0400);
    expect([rig.word(CONTROL), rig.powerOffCount]).toEqual([0x0400, 0]);
    rig.setWord(CONTROL, SLP_EN);
    expect(rig.powerOffCount).toBe(1);
    rig.out(CONTROL + 1, SLP_EN >> 8);
    expect(rig.powerOffCount).toBe(2);
  });
});

it('restore goes on where save was', () => {
  const rig = new PmRig().acpiMode().setWord(ENABLE, TMR);
  rig.pass(CARRY_NS / 2n);
  const copy = new PmRig(rig.pm.save(), rig.now);
  copy.pass(CARRY_NS - copy.now);
  expect([copy.sci.level, copy.word(STATUS)]).toEqual([true, TMR]);
});
