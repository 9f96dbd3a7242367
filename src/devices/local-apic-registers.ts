/** Register offsets and bits of a local APIC (SDM 3A table 10-1 Local APIC Register Address Map). */

export const APIC_ID = 0x020;
export const APIC_VERSION = 0x030;
export const APIC_TPR = 0x080; // task priority
export const APIC_APR = 0x090; // arbitration priority
export const APIC_PPR = 0x0a0; // processor priority
export const APIC_EOI = 0x0b0; // end of interrupt
export const APIC_RRD = 0x0c0; // remote read
export const APIC_LDR = 0x0d0; // logical destination
export const APIC_DFR = 0x0e0; // destination format
export const APIC_SVR = 0x0f0; // spurious-interrupt vector
export const APIC_ISR = 0x100; // in service, 8 registers
export const APIC_TMR = 0x180; // trigger mode, 8 registers
export const APIC_IRR = 0x200; // interrupt request, 8 registers
export const APIC_ESR = 0x280; // error status
export const APIC_ICR_LOW = 0x300; // interrupt command
export const APIC_ICR_HIGH = 0x310;
export const APIC_LVT = 0x320; // local vector table, 6 registers
export const APIC_TIMER_INITIAL = 0x380;
export const APIC_TIMER_CURRENT = 0x390;
export const APIC_TIMER_DIVIDE = 0x3e0;

/** Distance of two registers. */
export const APIC_REGISTER_BYTES = 0x10;

/** 7:0 an integrated APIC, 23:16 the number of the last LVT entry. */
export const APIC_VERSION_VALUE = 0x00050014;

export const SVR_VECTOR_MASK = 0xff;
export const SVR_ENABLE = 0x100; // APIC software enable
export const SVR_MASK = 0x1ff;

/** Entries of the local vector table, in the order of their registers. */
export const Lvt = { TIMER: 0, THERMAL: 1, PERFORMANCE: 2, LINT0: 3, LINT1: 4, ERROR: 5 } as const;

export const VECTOR_MASK = 0xff; // of ICR and LVT
export const MODE_SHIFT = 8; // of ICR and LVT: 10:8 delivery mode
export const MODE_MASK = 7;
export const LVT_REMOTE_IRR = 0x4000; // accepted as level triggered, until its EOI
export const LVT_LEVEL = 0x8000; // trigger mode
export const LVT_MASKED = 0x10000;
export const LVT_TIMER_MODE_SHIFT = 17; // 18:17 timer mode

export const ESR_SEND_ILLEGAL_VECTOR = 0x20;
export const ESR_RECEIVE_ILLEGAL_VECTOR = 0x40;
export const ESR_ILLEGAL_REGISTER = 0x80;

/** No interrupt may have a vector below this one. */
export const FIRST_LEGAL_VECTOR = 16;
