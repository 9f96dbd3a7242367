/** What a guest can learn of its machine and its kernel through the firmware configuration device. */

import { describe, expect, test } from 'vitest';
import { FwCfgKey } from '../../src/devices/fw-cfg-items.ts';
import { describeKernel } from '../../src/image/firmware-items.ts';
import type { Image } from '../../src/image/image.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Pc } from '../../src/pc/pc.ts';

const module = loadProcessorModule();
const RAM = 2 ** 22;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

class Guest {
  readonly pc = new Pc(module, { ramBytes: RAM, fwCfgFiles: new Map([['opt/x', text('mine')]]) });

  bytes(key: number, count: number): number[] {
    const { bus } = this.pc.machine;
    bus.writePort(0x510, 2, key);
    return Array.from({ length: count }, () => bus.readPort(0x511, 1));
  }

  number(key: number): number {
    return this.bytes(key, 4).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** Files by name, with their keys and sizes. */
  files(): Map<string, { key: number; size: number }> {
    const bytes = Uint8Array.from(this.bytes(FwCfgKey.FILE_DIR, 4 + 64 * 16));
    const view = new DataView(bytes.buffer);
    const entries = Array.from({ length: view.getUint32(0) }, (_, n) => {
      const at = 4 + n * 64;
      const name = Buffer.from(bytes.slice(at + 8, at + 64)).toString('latin1');
      return [
        name.replace(/\0.*$/s, ''),
        { key: view.getUint16(at + 4), size: view.getUint32(at) },
      ] as const;
    });
    return new Map(entries);
  }
}

const segment = (address: bigint, bytes: string): Image['segments'][number] => ({
  name: 'segment',
  address,
  bytes: text(bytes),
  size: 16n,
});

describe('the machine', () => {
  test('RAM, processors, files', () => {
    const guest = new Guest();
    expect(guest.number(FwCfgKey.RAM_SIZE)).toBe(RAM);
    expect(guest.number(FwCfgKey.NB_CPUS)).toBe(1);
    const files = guest.files();
    expect([...files.keys()]).toEqual(['etc/e820', 'etc/system-states', 'opt/x']);
    const { key, size } = files.get('opt/x') ?? { key: 0, size: 0 };
    expect(guest.bytes(key, size)).toEqual([...text('mine')]);
  });
});

describe('the kernel', () => {
  test('as one piece, with the holes between its segments', () => {
    const guest = new Guest();
    const image: Image = {
      format: 'elf',
      mode: 'long64',
      entry: 0x100004n,
      segments: [segment(0x100008n, 'data'), segment(0x100000n, 'text')],
    };
    describeKernel(guest.pc.fwCfgItems, image, {}, RAM);
    const keys = [FwCfgKey.KERNEL_ADDR, FwCfgKey.KERNEL_SIZE, FwCfgKey.KERNEL_ENTRY];
    expect(keys.map((key) => guest.number(key))).toEqual([0x100000, 12, 0x100004]);
    expect(guest.bytes(FwCfgKey.KERNEL_DATA, 12)).toEqual([...text('text\0\0\0\0data')]);
    expect(guest.number(FwCfgKey.CMDLINE_SIZE)).toBe(1);
  });

  test('with a command line and a RAM disk', () => {
    const guest = new Guest();
    const image: Image = {
      format: 'flat',
      mode: 'long64',
      entry: 0x100000n,
      segments: [segment(0x100000n, 'code')],
    };
    const modules = [{ name: 'disk', text: '', bytes: text('disk') }];
    describeKernel(guest.pc.fwCfgItems, image, { commandLine: 'quiet', modules }, RAM);
    expect(guest.bytes(FwCfgKey.CMDLINE_DATA, 7)).toEqual([...text('quiet\0\0')]);
    expect(guest.number(FwCfgKey.INITRD_ADDR)).toBe(RAM - 4096);
    expect(guest.bytes(FwCfgKey.INITRD_DATA, 5)).toEqual([...text('disk\0')]);
  });
});
