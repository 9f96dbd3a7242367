/** What is mapped in every case: two data pages, a stack page, and the code page, which the case's RIP is in. */

export const DATA = 0x10000000n;
export const DATA_END = 0x10002000n;
export const STACK = 0x30000000n;
export const STACK_END = 0x30001000n;
export const CODE = 0x20000000n;
export const CODE_END = 0x20001000n;
