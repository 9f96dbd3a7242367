/**
 * The only way from asm/ to the host: devices. Values cross as 32-bit integers; a 64-bit device access
 * is passed in two halves.
 */

/** Reads `size` (1, 2, 4) bytes from I/O port `port`. */
export declare function portRead(port: u32, size: u32): u32;
/** Writes `size` (1, 2, 4) bytes to I/O port `port`. */
export declare function portWrite(port: u32, size: u32, value: u32): void;
/** Reads `size` (1, 2, 4) bytes at HPA `high:low`, outside RAM. */
export declare function memoryRead(high: u32, low: u32, size: u32): u32;
/** Writes `size` (1, 2, 4) bytes at HPA `high:low`, outside RAM. */
export declare function memoryWrite(high: u32, low: u32, size: u32, value: u32): void;
/** Interrupt acknowledge cycle: the vector that the interrupt controller answers. */
export declare function interruptAcknowledge(): u32;
