import { describe, expect, it } from 'vitest';
import { I8042 } from '../../src/devices/i8042.ts';
import { KEYS, type Key } from '../../src/devices/keys.ts';
import { IrqLine } from '../../src/machine/irq.ts';
import { Rig } from './rig.ts';

const [DATA, COMMAND] = [0x60, 0x64] as const;
const [TRANSLATED, NATIVE] = [0x65, 0x25] as const;

class KeyRig extends Rig {
  riseCount = 0;
  readonly i8042: I8042;

  constructor(config: number, set?: number) {
    super();
    const irq = new IrqLine((level) => {
      if (level) this.riseCount++;
    });
    this.i8042 = new I8042({ irq, a20: new IrqLine(() => {}), reset: () => {} });
    this.bus.mapPorts(DATA, 1, this.i8042.dataPort);
    this.bus.mapPorts(COMMAND, 1, this.i8042.commandPort);
    this.out(COMMAND, 0x60);
    this.out(DATA, config);
    if (set !== undefined) this.out(DATA, 0xf0, set);
    this.codes();
  }

  codes(): number[] {
    const bytes: number[] = [];
    while (this.in(COMMAND) & 1) bytes.push(this.in(DATA));
    return bytes;
  }

  /** Presses and releases a key; the codes that come, in hexadecimal. */
  stroke(key: Key): string {
    const parts = [true, false].map((isDown) => {
      this.i8042.moveKey(key, isDown);
      return this.codes()
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join(' ');
    });
    return parts.join(' | ');
  }
}

describe('scan codes', () => {
  it.each([
    ['KeyA', '1e | 9e', '1c | f0 1c', '1c | f0 1c'],
    ['Digit1', '02 | 82', '16 | f0 16', '16 | f0 16'],
    ['Enter', '1c | 9c', '5a | f0 5a', '5a | f0 5a'],
    ['Escape', '01 | 81', '76 | f0 76', '08 | f0 08'],
    ['Backspace', '0e | 8e', '66 | f0 66', '66 | f0 66'],
    ['Space', '39 | b9', '29 | f0 29', '29 | f0 29'],
    ['ShiftLeft', '2a | aa', '12 | f0 12', '12 | f0 12'],
    ['ShiftRight', '36 | b6', '59 | f0 59', '59 | f0 59'],
    ['ControlLeft', '1d | 9d', '14 | f0 14', '11 | f0 11'],
    ['ControlRight', 'e0 1d | e0 9d', 'e0 14 | e0 f0 14', '58 | f0 58'],
    ['AltRight', 'e0 38 | e0 b8', 'e0 11 | e0 f0 11', '39 | f0 39'],
    ['CapsLock', '3a | ba', '58 | f0 58', '14 | f0 14'],
    ['F1', '3b | bb', '05 | f0 05', '07 | f0 07'],
    ['F7', '41 | c1', '83 | f0 83', '37 | f0 37'],
    ['F12', '58 | d8', '07 | f0 07', '5e | f0 5e'],
    ['ArrowUp', 'e0 48 | e0 c8', 'e0 75 | e0 f0 75', '63 | f0 63'],
    ['ArrowDown', 'e0 50 | e0 d0', 'e0 72 | e0 f0 72', '60 | f0 60'],
    ['ArrowLeft', 'e0 4b | e0 cb', 'e0 6b | e0 f0 6b', '61 | f0 61'],
    ['ArrowRight', 'e0 4d | e0 cd', 'e0 74 | e0 f0 74', '6a | f0 6a'],
    ['Delete', 'e0 53 | e0 d3', 'e0 71 | e0 f0 71', '64 | f0 64'],
    ['Home', 'e0 47 | e0 c7', 'e0 6c | e0 f0 6c', '6e | f0 6e'],
    ['PageDown', 'e0 51 | e0 d1', 'e0 7a | e0 f0 7a', '6d | f0 6d'],
    ['NumpadEnter', 'e0 1c | e0 9c', 'e0 5a | e0 f0 5a', '79 | f0 79'],
    ['Numpad7', '47 | c7', '6c | f0 6c', '6c | f0 6c'],
    ['MetaLeft', 'e0 5b | e0 db', 'e0 1f | e0 f0 1f', '8b | f0 8b'],
    ['PrintScreen', 'e0 2a e0 37 | e0 b7 e0 aa', 'e0 12 e0 7c | e0 f0 7c e0 f0 12', '57 | f0 57'],
    ['Pause', 'e1 1d 45 e1 9d c5 | ', 'e1 14 77 e1 f0 14 f0 77 | ', '62 | f0 62'],
  ] as const)('%s', (key, set1, set2, set3) => {
    expect(new KeyRig(TRANSLATED).stroke(key)).toBe(set1);
    expect(new KeyRig(NATIVE).stroke(key)).toBe(set2);
    expect(new KeyRig(NATIVE, 1).stroke(key)).toBe(set1);
    expect(new KeyRig(NATIVE, 3).stroke(key)).toBe(set3);
  });

  it('tell all keys apart, in every set', () => {
    const keys = Object.keys(KEYS) as Key[];
    for (const [config, set] of [
      [TRANSLATED, 2],
      [NATIVE, 2],
      [NATIVE, 3],
    ] as const) {
      const rig = new KeyRig(config, set);
      expect(new Set(keys.map((key) => rig.stroke(key))).size).toBe(keys.length);
    }
  });
});

describe('a key', () => {
  it('interrupts once for each byte', () => {
    const rig = new KeyRig(TRANSLATED);
    rig.riseCount = 0;
    rig.stroke('ArrowUp');
    expect(rig.riseCount).toBe(4);
  });

  it('is not heard while scanning is disabled', () => {
    const rig = new KeyRig(TRANSLATED);
    rig.out(DATA, 0xf5);
    rig.codes();
    expect(rig.stroke('KeyA')).toBe(' | ');
    rig.out(DATA, 0xf4);
    rig.codes();
    expect(rig.stroke('KeyA')).toBe('1e | 9e');
  });

  it('waits while the controller holds the keyboard off', () => {
    const rig = new KeyRig(TRANSLATED);
    rig.out(COMMAND, 0xad);
    rig.i8042.moveKey('KeyA', true);
    expect(rig.codes()).toEqual([]);
    rig.out(COMMAND, 0xae);
    expect(rig.codes()).toEqual([0x1e]);
  });

  it('that does not fit is an overrun, once', () => {
    const rig = new KeyRig(NATIVE);
    for (let n = 0; n < 40; n++) rig.i8042.moveKey('KeyA', n % 2 === 0);
    const codes = rig.codes();
    expect(codes.length).toBeLessThanOrEqual(18);
    expect(codes.filter((code) => code === 0)).toEqual([0]);
    expect(codes.at(-1)).toBe(0);
    expect(rig.stroke('KeyB')).toBe('32 | f0 32');
  });

  it('goes on in the middle of a translation where it was saved', () => {
    const rig = new KeyRig(TRANSLATED);
    rig.i8042.moveKey('ArrowUp', false);
    expect(rig.in(DATA)).toBe(0xe0);
    const deps = { irq: new IrqLine(() => {}), a20: new IrqLine(() => {}), reset: () => {} };
    const copy = I8042.restore(deps, rig.i8042.save());
    expect(copy.dataPort.readPort(0, 1)).toBe(0xc8);
  });
});

describe('commands of set 3', () => {
  it('are acknowledged, with the keys that they name', () => {
    const rig = new KeyRig(NATIVE);
    const answers = [0xf7, 0xf8, 0xf9, 0xfa, 0xfc, 0x1c, 0x32, 0xf4].map((byte) => {
      rig.out(DATA, byte);
      return rig.codes();
    });
    expect(answers).toEqual(new Array(8).fill([0xfa]));
  });
});
