import { describe, expect, it } from 'vitest';
import { VGA_PORTS, Vga, type VgaState } from '../../src/devices/vga.ts';
import { Rig } from './rig.ts';

const [ATTRIBUTE, ATTRIBUTE_READ, MISC_WRITE, STATUS1, MISC_READ] = [
  0x3c0, 0x3c1, 0x3c2, 0x3da, 0x3cc,
] as const;
const CRTC = 0x3d4;

class VgaRig extends Rig {
  readonly vga: Vga;

  constructor(saved?: VgaState) {
    super();
    const deps = { clock: this.clock };
    this.vga = saved ? Vga.restore(deps, saved) : new Vga(deps);
    this.bus.mapPorts(0x3b0, VGA_PORTS, this.vga);
  }

  /** Reads register `n` behind the index at `port`. */
  get(port: number, n: number): number {
    this.out(port, n);
    return this.in(port + 1);
  }

  set(port: number, n: number, value: number): this {
    this.bus.writePort(port, 2, n | (value << 8)); // as drivers do: index and data in one
    return this;
  }

  /** Writes attribute register `n` as the manual says: reset the flip-flop, index, data. */
  setAttribute(n: number, value: number): this {
    this.in(STATUS1);
    this.out(ATTRIBUTE, n | 0x20, value);
    return this;
  }

  getAttribute(n: number): number {
    this.in(STATUS1);
    this.out(ATTRIBUTE, n | 0x20);
    return this.in(ATTRIBUTE_READ);
  }
}

describe('VGA registers', () => {
  it('come up in mode 3', () => {
    const rig = new VgaRig();
    expect([rig.get(CRTC, 1), rig.get(CRTC, 9), rig.get(CRTC, 0x12)]).toEqual([79, 0x4f, 0x8f]);
    expect([rig.get(CRTC, 0x0a), rig.get(CRTC, 0x0b)]).toEqual([0x0d, 0x0e]);
    expect([rig.get(0x3ce, 6), rig.get(0x3c4, 2), rig.in(MISC_READ)]).toEqual([0x0e, 3, 0x67]);
    expect(rig.getAttribute(0x10)).toBe(0x0c);
  });

  it('keep what is written behind their indexes', () => {
    const rig = new VgaRig().set(CRTC, 0x0e, 0x12).set(CRTC, 0x0f, 0x34).set(0x3c4, 1, 1);
    expect([rig.get(CRTC, 0x0e), rig.get(CRTC, 0x0f), rig.get(0x3c4, 1)]).toEqual([0x12, 0x34, 1]);
    expect(rig.in(CRTC)).toBe(0x0f);
    expect(rig.set(CRTC, 0x40, 5).get(CRTC, 0x40)).toBe(0);
  });

  it('CRTC registers 0 to 7 are protected, but for line compare bit 8', () => {
    const rig = new VgaRig().set(CRTC, 1, 39).set(CRTC, 7, 0xff);
    expect([rig.get(CRTC, 1), rig.get(CRTC, 7)]).toEqual([79, 0x1f]);
    rig.set(CRTC, 7, 0);
    expect(rig.get(CRTC, 7)).toBe(0x0f);
    expect(rig.set(CRTC, 0x11, 0x0e).set(CRTC, 1, 39).get(CRTC, 1)).toBe(39);
  });

  it('the attribute controller takes index and data in turn', () => {
    const rig = new VgaRig().setAttribute(0x10, 0x04);
    expect(rig.getAttribute(0x10)).toBe(0x04);
    rig.in(STATUS1);
    rig.out(ATTRIBUTE, 0x21, 0x3f, 0x22, 0x3e);
    expect([rig.getAttribute(1), rig.getAttribute(2)]).toEqual([0x3f, 0x3e]);
    expect(rig.in(ATTRIBUTE)).toBe(0x22);
  });

  it('miscellaneous output moves the CRT controller', () => {
    const rig = new VgaRig();
    expect(rig.in(0x3b4)).toBe(0xff);
    rig.out(MISC_WRITE, 0x66);
    expect([rig.in(CRTC), rig.in(STATUS1)]).toEqual([0xff, 0xff]);
    expect(rig.get(0x3b4, 1)).toBe(79);
  });

  it('the palette is read and written colour by colour', () => {
    const rig = new VgaRig();
    rig.out(0x3c7, 1);
    expect([rig.in(0x3c9), rig.in(0x3c9), rig.in(0x3c9)]).toEqual([0, 0, 42]);
    rig.out(0x3c8, 0xff);
    rig.out(0x3c9, 1, 2, 0xff, 4);
    rig.out(0x3c7, 0xff);
    expect([rig.in(0x3c9), rig.in(0x3c9), rig.in(0x3c9), rig.in(0x3c9)]).toEqual([1, 2, 63, 4]);
    expect(rig.in(0x3c7)).toBe(0);
  });
});

describe('input status 1', () => {
  it('shows 70 vertical retraces a second, and blanking around them', () => {
    const rig = new VgaRig();
    let [retraces, before] = [0, 0];
    for (let step = 0; step < 100_000; step++) {
      rig.pass(10_000n);
      const status = rig.in(STATUS1);
      if (status & 8) expect(status & 1).toBe(1);
      if (status & 8 & ~before) retraces++;
      before = status;
    }
    expect(Math.abs(retraces - 70)).toBeLessThanOrEqual(1);
  });
});

it('restore goes on where save was', () => {
  const rig = new VgaRig().set(CRTC, 0x0f, 0x55);
  rig.in(STATUS1);
  rig.out(ATTRIBUTE, 0x21);
  const copy = new VgaRig(rig.vga.save());
  copy.out(ATTRIBUTE, 0x2a);
  expect([copy.getAttribute(1), copy.get(CRTC, 0x0f)]).toEqual([0x2a, 0x55]);
});
