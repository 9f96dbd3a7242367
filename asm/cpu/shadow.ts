/** SHADOW: what the instruction before the next one holds off until that one has run (SDM 3A 6.8.3; as in VMX, 3C table 25-3). */

/** Interrupts, after STI. */
export const SHADOW_STI: u32 = 1;
/** Debug traps and a breakpoint on the next instruction too, after MOV SS and POP SS. */
export const SHADOW_MOV_SS: u32 = 2;
