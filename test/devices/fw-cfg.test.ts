import { describe, expect, it } from 'vitest';
import { FwCfg, type FwCfgState } from '../../src/devices/fw-cfg.ts';
import { FwCfgItems, FwCfgKey } from '../../src/devices/fw-cfg-items.ts';
import { Machine } from '../../src/machine/machine.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

const [SELECTOR, DATA, DMA] = [0x510, 0x511, 0x514] as const;
const [ERROR, READ, SKIP, SELECT, WRITE] = [1, 2, 4, 8, 16] as const;
const DESCRIPTOR = 0x2000;
const BUFFER = 0x3000;

const module = loadProcessorModule();
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The device on the bus of a machine, whose RAM its DMA reaches. */
class FwCfgRig {
  readonly machine = Machine.bare(module, { ramBytes: 2 ** 20 });
  readonly device: FwCfg;

  constructor(saved?: FwCfgState) {
    const items = new FwCfgItems();
    items.set(FwCfgKey.SIGNATURE, text('QEMU'));
    items.setNumber(FwCfgKey.RAM_SIZE, 8, 2 ** 31);
    items.setFile('opt/b', text('second'));
    items.setFile('opt/a', text('first'));
    const deps = { items, memory: this.machine.memory };
    this.device = saved ? FwCfg.restore(deps, saved) : new FwCfg(deps);
    this.machine.bus.mapPorts(SELECTOR, 2, this.device.dataPorts);
    this.machine.bus.mapPorts(DMA, 8, this.device.dmaPorts);
  }

  select(key: number): this {
    this.machine.bus.writePort(SELECTOR, 2, key);
    return this;
  }

  bytes(count: number): number[] {
    return Array.from({ length: count }, () => this.machine.bus.readPort(DATA, 1));
  }

  read(key: number, count: number): number[] {
    return this.select(key).bytes(count);
  }

  /** Runs a DMA access; returns the control word afterwards. */
  dma(control: number, length = 0, target = 0n): number {
    const access = new DataView(new ArrayBuffer(16));
    access.setUint32(0, control);
    access.setUint32(4, length);
    access.setBigUint64(8, target);
    const { memory, bus } = this.machine;
    memory.write(DESCRIPTOR, new Uint8Array(access.buffer));
    bus.writePort(DMA, 4, 0);
    bus.writePort(DMA + 4, 4, 0x00200000); // DESCRIPTOR, big endian
    return new DataView(memory.read(DESCRIPTOR, 4).buffer).getUint32(0);
  }

  buffer(count: number): number[] {
    return [...this.machine.memory.read(BUFFER, count)];
  }
}

describe('fw_cfg ports', () => {
  it('give the selected item byte by byte, then zeroes', () => {
    expect(new FwCfgRig().read(FwCfgKey.SIGNATURE, 6)).toEqual([...text('QEMU'), 0, 0]);
    expect(new FwCfgRig().read(FwCfgKey.RAM_SIZE, 8)).toEqual([0, 0, 0, 0x80, 0, 0, 0, 0]);
  });

  it('begin anew at each selection', () => {
    const rig = new FwCfgRig();
    rig.read(0, 2);
    expect(rig.read(0, 1)).toEqual(rig.read(0, 1));
  });

  it('give zeroes for an item that does not exist', () => {
    expect(new FwCfgRig().read(0x1234, 3)).toEqual([0, 0, 0]);
  });

  it('take the write channel bit off a key', () => {
    expect(new FwCfgRig().read(0x4000, 1)).toEqual([...text('Q')]);
  });

  it('select by 16 bits only, and ignore writes of data', () => {
    const rig = new FwCfgRig();
    rig.select(0);
    rig.machine.bus.writePort(SELECTOR, 1, 3);
    rig.machine.bus.writePort(DATA, 1, 3);
    expect(rig.bytes(4)).toEqual([...text('QEMU')]);
  });

  it('list the files in the order of their names, in big endian', () => {
    const rig = new FwCfgRig();
    expect(rig.read(FwCfgKey.FILE_DIR, 4)).toEqual([0, 0, 0, 2]);
    const name = (value: string) => [...text(value), ...new Array(56 - value.length).fill(0)];
    expect(rig.bytes(64)).toEqual([0, 0, 0, 5, 0, 0x20, 0, 0, ...name('opt/a')]);
    expect(rig.bytes(64)).toEqual([0, 0, 0, 6, 0, 0x21, 0, 0, ...name('opt/b')]);
    expect(rig.read(0x21, 6)).toEqual([...text('second')]);
  });
});

describe('fw_cfg DMA', () => {
  it('has a signature', () => {
    const { bus } = new FwCfgRig().machine;
    const bytes = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => bus.readPort(DMA + n, 1));
    expect(bytes).toEqual([...text('QEMU CFG')]);
    expect(bus.readPort(DMA, 4)).toBe(0x554d4551);
  });

  it('selects and reads, zeroes behind the end', () => {
    const rig = new FwCfgRig();
    rig.machine.memory.fill(BUFFER, 8, 0xcc);
    expect(rig.dma(SELECT | READ, 6, BigInt(BUFFER))).toBe(0);
    expect(rig.buffer(8)).toEqual([...text('QEMU'), 0, 0, 0xcc, 0xcc]);
  });

  it('reads on from where it was, and skips', () => {
    const rig = new FwCfgRig().select(0x20);
    expect([rig.dma(SKIP, 1), rig.dma(READ, 2, BigInt(BUFFER))]).toEqual([0, 0]);
    expect(rig.buffer(2)).toEqual([...text('ir')]);
    expect(rig.bytes(2)).toEqual([...text('st')]);
  });

  it('selects alone', () => {
    const rig = new FwCfgRig();
    expect(rig.dma((0x21 << 16) | SELECT)).toBe(0);
    expect(rig.bytes(3)).toEqual([...text('sec')]);
  });

  it('refuses writes, and memory that is not there', () => {
    const rig = new FwCfgRig();
    expect(rig.dma(WRITE, 4, BigInt(BUFFER))).toBe(ERROR);
    expect(rig.dma(READ, 16, BigInt(2 ** 20 - 8))).toBe(ERROR);
    expect(rig.dma(READ, 0xffffffff, 0n)).toBe(ERROR);
    expect(rig.dma(READ, 1, 2n ** 64n - 1n)).toBe(ERROR);
    expect(rig.dma(SKIP, 0xffffffff)).toBe(0);
  });

  it('ignores an access that does not lie in RAM', () => {
    const { bus } = new FwCfgRig().machine;
    expect(() => {
      bus.writePort(DMA, 4, 0xffffffff);
      bus.writePort(DMA + 4, 4, 0xffffffff);
      bus.writePort(DMA + 4, 4, 0x10); // 0x10000000: beyond 1 MiB
    }).not.toThrow();
  });
});

it('restore goes on where save was', () => {
  const rig = new FwCfgRig().select(0x20);
  rig.bytes(2);
  expect(new FwCfgRig(rig.device.save()).bytes(3)).toEqual([...text('rst')]);
});
