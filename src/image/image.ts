/** A guest image: bytes, where they go, and how the guest is entered. */

/** How a flat image is entered. */
export const ENTRY_MODES = ['long64'] as const;
export type EntryMode = (typeof ENTRY_MODES)[number];

/** A flat image. */
export interface Image {
  readonly bytes: Uint8Array;
  /** Physical address of its first byte. */
  readonly loadAddress: bigint;
  /** Address of the first instruction. */
  readonly entry: bigint;
  readonly mode: EntryMode;
}

/** An image that cannot be loaded. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: 'EMPTY' | 'TOO_LARGE' | 'ENTRY' | 'OVERLAP' | 'MODE';

  constructor(code: ImageError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Where images go by default. */
export const DEFAULT_LOAD_ADDRESS = 0x100000n;

/** Options of a flat image; by default it is entered at its first byte. */
export interface FlatOptions {
  readonly loadAddress?: bigint;
  readonly entry?: bigint;
  readonly mode?: string;
}

/** Makes an image of a flat binary. */
export function flatImage(bytes: Uint8Array, options: FlatOptions = {}): Image {
  if (bytes.length === 0) throw new ImageError('EMPTY', 'the image is empty');
  const loadAddress = options.loadAddress ?? DEFAULT_LOAD_ADDRESS;
  const mode = ENTRY_MODES.find((name) => name === (options.mode ?? 'long64'));
  if (mode === undefined) {
    const known = ENTRY_MODES.join(', ');
    throw new ImageError('MODE', `mode ${options.mode} is not supported; there is: ${known}`);
  }
  return { bytes, loadAddress, entry: options.entry ?? loadAddress, mode };
}
