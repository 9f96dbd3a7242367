/** Flat images: bytes that go to one address, and are entered at one. */

import { entryMode, type Image, ImageError, type ImageOptions } from './image.ts';

/** Where flat images go by default. */
export const DEFAULT_LOAD_ADDRESS = 0x100000n;

/** Makes an image of a flat binary; by default it is entered at its first byte, in 64-bit mode. */
export function flatImage(bytes: Uint8Array, options: ImageOptions = {}): Image {
  if (bytes.length === 0) throw new ImageError('EMPTY', 'the image is empty');
  const address = options.loadAddress ?? (options.source?.origin || DEFAULT_LOAD_ADDRESS);
  return {
    format: 'flat',
    segments: [{ name: 'the image', address, bytes, size: BigInt(bytes.length) }],
    entry: options.entry ?? address,
    mode: entryMode(options, 'long64'),
  };
}
