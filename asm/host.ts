/**
 * The only way from asm/ to the host: devices, and memory where it counts accesses. Values cross as 32-bit integers; a 64-bit device access
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
/** The guest has written CR8: the local APIC takes it as bits 7:4 of its TPR. */
export declare function taskPriorityWritten(): void;
/** The guest has written `msr`, which the local APIC looks at: its base, the TSC or its deadline. */
export declare function msrWritten(msr: u32): void;
/** The line at `hpa` in RAM is in no cache any more; the host is told of accesses to its frame from now on. */
export declare function lineFlushed(hpa: u32): void;
/** `size` (1, 2, 4, 8) bytes at `hpa` in RAM are accessed, which may not be cached, or cannot be. */
export declare function memoryAccessed(hpa: u32, size: u32, isUncacheable: bool): void;
/** Interrupt acknowledge cycle: the vector that the interrupt controller answers. */
export declare function interruptAcknowledge(): u32;
