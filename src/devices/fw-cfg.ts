/**
 * QEMU's firmware configuration device (QEMU, docs/specs/fw_cfg.rst): a selector of 16 bits at port 0x510,
 * the bytes of the selected item one after the other at 0x511, and a DMA interface at 0x514 to 0x51b. Behind
 * the end of an item come zeroes; an item that does not exist is empty. Nothing can be written to items.
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice, PortSize } from '../machine/bus.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import type { FwCfgItems } from './fw-cfg-items.ts';

/** Taken off a key: it once opened an item for writing. */
const KEY_WRITE = 0x4000;

const DMA_SIGNATURE = new TextEncoder().encode('QEMU CFG');
const DMA_ERROR = 0x01; // bits of the control word
const DMA_READ = 0x02;
const DMA_SKIP = 0x04;
const DMA_SELECT = 0x08; // bits 31:16 are a key
const DMA_WRITE = 0x10;
const DMA_BYTES = 16;

/** RAM as DMA reaches it. */
export type DmaMemory = Pick<PhysicalMemory, 'size' | 'read' | 'write' | 'fill'>;

/** What the device is wired to. */
export interface FwCfgDeps {
  readonly items: FwCfgItems;
  readonly memory: DmaMemory;
}

/** State of the device. */
export interface FwCfgState {
  version: 1;
  /** The selected item, and the next byte in it. */
  key: number;
  offset: number;
  /** The upper half of the DMA address, when only that has been written. */
  dmaHigh: number;
}

const POWER_ON: FwCfgState = { version: 1, key: 0, offset: 0, dmaHigh: 0 };

/** The device with its two groups of ports. */
export class FwCfg {
  /** Ports 0x510 and 0x511. */
  readonly dataPorts: PortDevice;
  /** Ports 0x514 to 0x51b. */
  readonly dmaPorts: PortDevice;
  readonly #deps: FwCfgDeps;
  readonly #state: FwCfgState;

  constructor(deps: FwCfgDeps, state: FwCfgState = POWER_ON) {
    this.#deps = deps;
    this.#state = { ...state };
    this.dataPorts = {
      widestPort: 2,
      readPort: (_offset, size) => (size === 1 ? this.#next() : 0xffff),
      writePort: (_offset, size, value) => {
        if (size === 2) this.#select(value);
      },
    };
    this.dmaPorts = {
      widestPort: 4,
      readPort: (offset, size) => signature(offset, size),
      writePort: (offset, size, value) => {
        if (size === 4) this.#writeDma(offset, value);
      },
    };
  }

  save(): FwCfgState {
    return { ...this.#state };
  }

  static restore(deps: FwCfgDeps, state: FwCfgState): FwCfg {
    checkVersion('fw-cfg', state, 1);
    return new FwCfg(deps, state);
  }

  #select(key: number): void {
    this.#state.key = key & ~KEY_WRITE;
    this.#state.offset = 0;
  }

  #next(): number {
    const byte = this.#item[this.#state.offset] ?? 0;
    this.#advance(1);
    return byte;
  }

  /** Goes on in the item, to its end at most: what is behind it reads the same everywhere. */
  #advance(length: number): void {
    this.#state.offset = Math.min(this.#state.offset + length, this.#item.length);
  }

  get #item(): Uint8Array {
    return this.#deps.items.get(this.#state.key);
  }

  /** The address is big endian; writing its lower half starts the transfer. */
  #writeDma(offset: number, value: number): void {
    const word = swap32(value);
    if (offset === 0) this.#state.dmaHigh = word;
    else {
      const address = this.#state.dmaHigh * 2 ** 32 + word;
      this.#state.dmaHigh = 0;
      this.#transfer(address);
    }
  }

  /** Executes the FWCfgDmaAccess at `address`: control u32, length u32, address u64, all big endian. */
  #transfer(address: number): void {
    const { memory } = this.#deps;
    if (!this.#isRam(address, DMA_BYTES)) return;
    const access = memory.read(address, DMA_BYTES);
    const view = new DataView(access.buffer);
    const control = view.getUint32(0);
    if (control & DMA_SELECT) this.#select(control >>> 16);
    const isDone = this.#move(control, view.getUint32(4), Number(view.getBigUint64(8)));
    memory.write(address, Uint8Array.of(0, 0, 0, isDone ? 0 : DMA_ERROR));
  }

  /** Reads into memory or skips; false if that cannot be. */
  #move(control: number, length: number, target: number): boolean {
    if (control & DMA_READ) {
      if (!this.#isRam(target, length)) return false;
      const { offset } = this.#state;
      const bytes = this.#item.subarray(offset, offset + length);
      this.#deps.memory.write(target, bytes);
      this.#deps.memory.fill(target + bytes.length, length - bytes.length, 0);
    } else if (control & DMA_WRITE) return false;
    else if ((control & DMA_SKIP) === 0) return true;
    this.#advance(length);
    return true;
  }

  #isRam(address: number, length: number): boolean {
    return address + length <= this.#deps.memory.size;
  }
}

/** Bytes of the signature, as they lie at the ports. */
function signature(offset: number, size: PortSize): number {
  const bytes = DMA_SIGNATURE.slice(offset, offset + size);
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

function swap32(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value);
  return view.getUint32(0, true);
}
