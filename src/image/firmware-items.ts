/**
 * What the firmware configuration device tells of the kernel that a machine was given, as QEMU tells its
 * firmware (hw/i386/x86.c): the kernel is in memory already, so nobody has to load it, but a guest may ask.
 */

import { type FwCfgItems, FwCfgKey } from '../devices/fw-cfg-items.ts';
import type { BootArguments } from './boot-arguments.ts';
import type { Image, Segment } from './image.ts';

/** Where QEMU has its firmware put a command line. */
const COMMAND_LINE_ADDRESS = 0x20000;
const PAGE = 4096;

/** Adds the items of `image` with its arguments; a first module is the initial RAM disk. */
export function describeKernel(
  items: FwCfgItems,
  { segments, entry }: Image,
  { commandLine = '', modules = [] }: BootArguments,
  ramBytes: number,
): void {
  const start = segments.reduce((low, { address }) => (address < low ? address : low), MAX_ADDRESS);
  const end = segments.reduce(
    (high, segment) => (endOf(segment) > high ? endOf(segment) : high),
    0n,
  );
  items.setNumber(FwCfgKey.KERNEL_ADDR, 4, Number(start));
  items.setNumber(FwCfgKey.KERNEL_SIZE, 4, Number(end - start));
  items.setNumber(FwCfgKey.KERNEL_ENTRY, 4, Number(entry));
  items.setLater(FwCfgKey.KERNEL_DATA, () => join(segments, start, end));
  const text = new TextEncoder().encode(`${commandLine}\0`);
  items.setNumber(FwCfgKey.CMDLINE_ADDR, 4, COMMAND_LINE_ADDRESS);
  items.setNumber(FwCfgKey.CMDLINE_SIZE, 4, text.length);
  items.set(FwCfgKey.CMDLINE_DATA, text);
  const [disk] = modules;
  if (disk === undefined) return;
  const { bytes } = disk;
  items.setNumber(FwCfgKey.INITRD_ADDR, 4, Math.floor((ramBytes - bytes.length) / PAGE) * PAGE);
  items.setNumber(FwCfgKey.INITRD_SIZE, 4, bytes.length);
  items.set(FwCfgKey.INITRD_DATA, bytes);
}

const MAX_ADDRESS = 2n ** 64n;

function endOf({ address, bytes }: Segment): bigint {
  return address + BigInt(bytes.length);
}

/** The bytes of all segments, as they lie from `start` to `end`. */
function join(segments: readonly Segment[], start: bigint, end: bigint): Uint8Array {
  const [only, ...others] = segments;
  if (only !== undefined && others.length === 0) return only.bytes;
  const all = new Uint8Array(Number(end - start));
  for (const { address, bytes } of segments) all.set(bytes, Number(address - start));
  return all;
}
