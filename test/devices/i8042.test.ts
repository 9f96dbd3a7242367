import { describe, expect, it } from 'vitest';
import { I8042, type I8042State } from '../../src/devices/i8042.ts';
import { Port92 } from '../../src/devices/port92.ts';
import { IrqLine, WiredOr } from '../../src/machine/irq.ts';
import { Rig } from './rig.ts';

const DATA = 0x60;
const COMMAND = 0x64;
const OBF = 0x01;

class KeyboardRig extends Rig {
  resetCount = 0;
  riseCount = 0;
  a20 = false;
  readonly irq = new IrqLine((level) => {
    if (level) this.riseCount++;
  });
  readonly i8042: I8042;
  readonly port92: Port92;

  constructor(saved?: I8042State) {
    super();
    const gate = new WiredOr((level) => {
      this.a20 = level;
    });
    const reset = () => {
      this.resetCount++;
    };
    const deps = { irq: this.irq, a20: gate.input(), reset };
    this.i8042 = saved ? I8042.restore(deps, saved) : new I8042(deps);
    this.port92 = new Port92({ a20: gate.input(), reset });
    this.bus.mapPorts(DATA, 1, this.i8042.dataPort);
    this.bus.mapPorts(COMMAND, 1, this.i8042.commandPort);
    this.bus.mapPorts(0x92, 1, this.port92);
  }

  /** Gives a command to the controller and reads all that it answers. */
  command(...bytes: number[]): number[] {
    const [command = 0, ...data] = bytes;
    this.out(COMMAND, command);
    this.out(DATA, ...data);
    return this.answers();
  }

  /** Gives bytes to the keyboard and reads all that it answers. */
  keyboard(...bytes: number[]): number[] {
    return bytes.flatMap((byte) => {
      this.out(DATA, byte);
      return this.answers();
    });
  }

  answers(): number[] {
    const bytes: number[] = [];
    while (this.in(COMMAND) & OBF) bytes.push(this.in(DATA));
    return bytes;
  }
}

describe('8042 controller', () => {
  it('passes its tests', () => {
    const rig = new KeyboardRig();
    expect([rig.command(0xaa), rig.command(0xab)]).toEqual([[0x55], [0x00]]);
    expect(rig.in(COMMAND)).toBe(0x1c);
  });

  it('reads and writes the command byte and its memory', () => {
    const rig = new KeyboardRig();
    expect(rig.command(0x20)).toEqual([0x65]);
    rig.command(0x60, 0x61);
    expect([rig.command(0x20), rig.in(COMMAND) & 4]).toEqual([[0x61], 0]);
    rig.command(0x7f, 0xab);
    expect(rig.command(0x3f)).toEqual([0xab]);
  });

  it('tells in its status whether the last write was a command', () => {
    const rig = new KeyboardRig();
    rig.out(COMMAND, 0xae);
    expect(rig.in(COMMAND) & 8).toBe(8);
    rig.out(DATA, 0xf4);
    expect(rig.in(COMMAND) & 8).toBe(0);
  });

  it('has no auxiliary port', () => {
    const rig = new KeyboardRig();
    rig.command(0xa8);
    expect([rig.command(0x20), rig.command(0xa9)]).toEqual([[0x65], []]);
  });

  it('echoes a byte as if from the keyboard', () => {
    expect(new KeyboardRig().command(0xd2, 0x1c)).toEqual([0x1c]);
  });

  it('gives the last byte again when the buffer is empty', () => {
    const rig = new KeyboardRig();
    rig.command(0xaa);
    expect(rig.in(DATA)).toBe(0x55);
  });

  it('raises IRQ 1 per byte while that is enabled', () => {
    const rig = new KeyboardRig();
    rig.out(DATA, 0xf2);
    expect([rig.irq.level, rig.riseCount]).toEqual([true, 1]);
    expect(rig.answers().length).toBe(3);
    expect([rig.irq.level, rig.riseCount]).toEqual([false, 3]);
    rig.command(0x60, 0x64);
    rig.out(DATA, 0xf4);
    expect(rig.irq.level).toBe(false);
  });
});

describe('keyboard', () => {
  it('resets, identifies itself and echoes', () => {
    const rig = new KeyboardRig();
    expect(rig.keyboard(0xff)).toEqual([0xfa, 0xaa]);
    expect(rig.keyboard(0xee)).toEqual([0xee]);
    expect(rig.keyboard(0xf2)).toEqual([0xfa, 0xab, 0x41]);
    rig.command(0x60, 0x25);
    expect(rig.keyboard(0xf2)).toEqual([0xfa, 0xab, 0x83]);
    expect(rig.keyboard(0xfe)).toEqual([0x83]);
  });

  it('takes parameters', () => {
    const rig = new KeyboardRig();
    rig.command(0x60, 0x25);
    expect(rig.keyboard(0xed, 0x07, 0xf3, 0x20, 0xf0, 0x01)).toEqual(Array(6).fill(0xfa));
    expect(rig.keyboard(0xf0, 0x00)).toEqual([0xfa, 0xfa, 0x01]);
    expect(rig.keyboard(0xed, 0xf4, 0x07)).toEqual([0xfa, 0xfa, 0xfe]); // a command in place of a parameter
  });

  it('asks for what it does not know again', () => {
    expect(new KeyboardRig().keyboard(0xe0)).toEqual([0xfe]);
  });

  it('is held off by the controller, until it is written to', () => {
    const rig = new KeyboardRig();
    rig.out(DATA, 0xf2);
    rig.out(COMMAND, 0xad);
    expect(rig.answers()).toEqual([0xfa]);
    expect(rig.command(0x20)).toEqual([0x75]);
    rig.out(COMMAND, 0xae);
    expect(rig.answers()).toEqual([0xab, 0x41]);
    rig.out(COMMAND, 0xad);
    expect(rig.keyboard(0xf4)).toEqual([0xfa]);
  });

  it('loses bytes that nobody reads, and is bounded', () => {
    const rig = new KeyboardRig();
    for (let i = 0; i < 1000; i++) rig.out(DATA, 0xee);
    expect(rig.answers().length).toBe(17);
  });
});

describe('reset and A20', () => {
  it('resets by the pulse command and the output port', () => {
    const rig = new KeyboardRig();
    rig.command(0xff);
    rig.command(0xfd);
    expect(rig.resetCount).toBe(0);
    rig.command(0xfe);
    expect(rig.resetCount).toBe(1);
    rig.command(0xd1, 0xde);
    expect(rig.resetCount).toBe(2);
  });

  it('resets when bit 0 of port 0x92 rises', () => {
    const rig = new KeyboardRig();
    rig.out(0x92, 0x01, 0x01);
    expect(rig.resetCount).toBe(1);
    rig.out(0x92, 0x00, 0x01);
    expect(rig.resetCount).toBe(2);
  });

  it('opens A20 from either side', () => {
    const rig = new KeyboardRig();
    expect(rig.a20).toBe(true);
    expect(rig.command(0xd0)).toEqual([0xcf]);
    rig.command(0xd1, 0xcd);
    expect(rig.a20).toBe(false);
    rig.out(0x92, 0x02);
    expect([rig.a20, rig.in(0x92)]).toEqual([true, 0x02]);
    rig.out(0x92, 0x00);
    rig.command(0xdf);
    expect(rig.a20).toBe(true);
    rig.command(0xdd);
    expect(rig.a20).toBe(false);
  });
});

describe('i8042 state', () => {
  it('goes on from where it was saved', () => {
    const rig = new KeyboardRig();
    rig.command(0x60, 0x25);
    rig.command(0xdd);
    rig.out(DATA, 0xf2, 0xf0);
    rig.out(COMMAND, 0xaa);
    const copy = new KeyboardRig(rig.i8042.save());
    expect([copy.irq.level, copy.a20]).toEqual([true, false]);
    for (const each of [rig, copy]) {
      expect(each.answers()).toEqual([0xfa, 0x55, 0xab, 0x83, 0xfa]);
      expect(each.keyboard(0x00)).toEqual([0xfa, 0x02]);
    }
    expect(copy.i8042.save()).toEqual(rig.i8042.save());
  });

  it('saves port 0x92 too', () => {
    const rig = new KeyboardRig();
    rig.out(0x92, 0x03);
    let resetCount = 0;
    const a20 = new IrqLine(() => {});
    const copy = Port92.restore({ a20, reset: () => resetCount++ }, rig.port92.save());
    expect([a20.level, copy.readPort(), resetCount]).toEqual([true, 0x03, 0]);
  });
});
