import { describe, expect, it } from 'vitest';
import { ConsolePort } from '../../src/devices/console-port.ts';
import { DebugExit } from '../../src/devices/debug-exit.ts';
import { Rig } from './rig.ts';

describe('debug exit', () => {
  function setup() {
    const rig = new Rig();
    const statuses: number[] = [];
    rig.bus.mapPorts(0xf4, 4, new DebugExit((status) => statuses.push(status)));
    return { bus: rig.bus, statuses };
  }

  it('ends with (v << 1 | 1) & 0xff, whatever the width of the write', () => {
    const { bus, statuses } = setup();
    bus.writePort(0xf4, 1, 0x10);
    bus.writePort(0xf4, 2, 0x1011);
    bus.writePort(0xf4, 4, 0xffffff80);
    expect(statuses).toEqual([33, 35, 1]);
  });

  it('reads as 0', () => {
    expect(setup().bus.readPort(0xf4, 4)).toBe(0);
  });
});

describe('console port', () => {
  it('passes bytes on and answers 0xe9', () => {
    const rig = new Rig();
    const bytes: number[] = [];
    rig.bus.mapPorts(0xe9, 1, new ConsolePort((byte) => bytes.push(byte)));
    rig.out(0xe9, 0x48, 0x69);
    expect(bytes).toEqual([0x48, 0x69]);
    expect(rig.in(0xe9)).toBe(0xe9);
  });
});
