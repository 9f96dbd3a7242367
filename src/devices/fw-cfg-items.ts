/**
 * What QEMU's firmware configuration device holds (QEMU, docs/specs/fw_cfg.rst): blobs by key, and files by
 * name, which get their keys in the order of their names and are listed in a directory. It is made by the
 * host before the guest runs.
 */
import { assert } from '../base/assert.ts';
import { checkVersion, type Versioned } from '../base/state.ts';

/** Keys of the items that have one of their own (QEMU, include/standard-headers/linux/qemu_fw_cfg.h). */
export const FwCfgKey = {
  SIGNATURE: 0x00,
  ID: 0x01,
  UUID: 0x02,
  RAM_SIZE: 0x03,
  NOGRAPHIC: 0x04,
  NB_CPUS: 0x05,
  KERNEL_ADDR: 0x07,
  KERNEL_SIZE: 0x08,
  KERNEL_CMDLINE: 0x09,
  INITRD_ADDR: 0x0a,
  INITRD_SIZE: 0x0b,
  NUMA: 0x0d,
  BOOT_MENU: 0x0e,
  MAX_CPUS: 0x0f,
  KERNEL_ENTRY: 0x10,
  KERNEL_DATA: 0x11,
  INITRD_DATA: 0x12,
  CMDLINE_ADDR: 0x13,
  CMDLINE_SIZE: 0x14,
  CMDLINE_DATA: 0x15,
  FILE_DIR: 0x19,
  FILE_FIRST: 0x20,
  /** Keys from here on are the architecture's. */
  IRQ0_OVERRIDE: 0x8002,
} as const;

/** Characters of a file's name, with the zero that ends it. */
const NAME_BYTES = 56;
const ENTRY_BYTES = 8 + NAME_BYTES;

export interface FwCfgItemsState extends Versioned {
  readonly items: readonly (readonly [number, Uint8Array])[];
  readonly files: readonly (readonly [string, Uint8Array])[];
}

/** All items. */
export class FwCfgItems {
  readonly #items: Map<number, Uint8Array | (() => Uint8Array)>;
  readonly #files: Map<string, Uint8Array>;

  constructor(state?: FwCfgItemsState) {
    if (state) checkVersion('fw-cfg-items', state, 1);
    this.#items = new Map(state?.items);
    this.#files = new Map(state?.files);
  }

  save(): FwCfgItemsState {
    const items = [...this.#items.keys()].map((key) => [key, this.get(key)] as const);
    return { version: 1, items, files: [...this.#files] };
  }

  /** Sets the item of `key`. */
  set(key: number, bytes: Uint8Array): void {
    this.#items.set(key, bytes);
  }

  /** Sets the item of `key` to what `make` makes when it is first asked for. */
  setLater(key: number, make: () => Uint8Array): void {
    this.#items.set(key, make);
  }

  /** Sets the item of `key` to a number of `size` bytes, little endian. */
  setNumber(key: number, size: 2 | 4 | 8, value: number): void {
    this.set(key, littleEndian(size, value));
  }

  /** Adds a file, or replaces it. The name is ASCII and shorter than 56 characters. */
  setFile(name: string, bytes: Uint8Array): void {
    assert(isFwCfgFileName(name), `fw_cfg file name ${name}`);
    this.#files.set(name, bytes);
    const sorted = [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1));
    sorted.forEach(([, content], n) => {
      this.set(FwCfgKey.FILE_FIRST + n, content);
    });
    this.set(FwCfgKey.FILE_DIR, directory(sorted));
  }

  /** The item of `key`, empty if there is none. */
  get(key: number): Uint8Array {
    const item = this.#items.get(key) ?? NOTHING;
    if (item instanceof Uint8Array) return item;
    const bytes = item();
    this.#items.set(key, bytes);
    return bytes;
  }
}

const NOTHING = new Uint8Array();

/** `name` can be a file's. */
export function isFwCfgFileName(name: string): boolean {
  return /^[\x20-\x7e]+$/.test(name) && name.length < NAME_BYTES;
}

/** FWCfgFiles: a count, then size, key and name of each; numbers are big endian. */
function directory(files: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const bytes = new Uint8Array(4 + files.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, files.length);
  files.forEach(([name, content], n) => {
    const at = 4 + n * ENTRY_BYTES;
    view.setUint32(at, content.length);
    view.setUint16(at + 4, FwCfgKey.FILE_FIRST + n);
    bytes.set(new TextEncoder().encode(name), at + 8);
  });
  return bytes;
}

/** `value` as `size` bytes, little endian. */
export function littleEndian(size: 2 | 4 | 8, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes.slice(0, size);
}
