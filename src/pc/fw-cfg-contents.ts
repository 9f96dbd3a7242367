/**
 * What the firmware configuration device tells of the machine, as QEMU fills it (hw/i386/fw_cfg.c,
 * hw/nvram/fw_cfg.c): identification, RAM, processors, the memory map. There are no ACPI table files: the
 * tables are in memory already (firmware.ts). A loader adds the kernel.
 */

import { FwCfgItems, FwCfgKey, littleEndian } from '../devices/fw-cfg-items.ts';

const TRADITIONAL_AND_DMA = 3;
const UUID_BYTES = 16;
const E820_RAM = 1;
/** Sleeping states S0 to S5: bit 7 if there is one, and its sleep type. */
const SYSTEM_STATES = [0x80, 0, 0, 1, 2, 0x80];

/** The items of a machine with one processor and `ramBytes` of RAM, and `files` by their names. */
export function machineItems(
  ramBytes: number,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): FwCfgItems {
  const items = new FwCfgItems();
  items.set(FwCfgKey.SIGNATURE, new TextEncoder().encode('QEMU'));
  items.setNumber(FwCfgKey.ID, 4, TRADITIONAL_AND_DMA);
  items.set(FwCfgKey.UUID, new Uint8Array(UUID_BYTES));
  items.setNumber(FwCfgKey.RAM_SIZE, 8, ramBytes);
  items.setNumber(FwCfgKey.NOGRAPHIC, 2, 0);
  items.setNumber(FwCfgKey.NB_CPUS, 2, 1);
  items.setNumber(FwCfgKey.MAX_CPUS, 2, 1);
  items.set(FwCfgKey.NUMA, new Uint8Array(16)); // no nodes; the node of the processor
  items.setNumber(FwCfgKey.BOOT_MENU, 2, 0);
  items.setNumber(FwCfgKey.IRQ0_OVERRIDE, 4, 1);
  items.setFile('etc/e820', e820([{ base: 0, length: ramBytes, type: E820_RAM }]));
  items.setFile('etc/system-states', Uint8Array.from(SYSTEM_STATES));
  for (const [name, bytes] of files) items.setFile(name, bytes);
  return items;
}

/** Entries of u64 base, u64 length, u32 type. */
function e820(ranges: readonly { base: number; length: number; type: number }[]): Uint8Array {
  return Uint8Array.from(
    ranges.flatMap(({ base, length, type }) => [
      ...littleEndian(8, base),
      ...littleEndian(8, length),
      ...littleEndian(4, type),
    ]),
  );
}
