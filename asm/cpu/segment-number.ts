/** Numbers of the segment registers: their order in the layout (SEGS), ModRM.reg for the first six. */

export const SEGMENT_ES: u32 = 0;
export const SEGMENT_CS: u32 = 1;
export const SEGMENT_SS: u32 = 2;
export const SEGMENT_DS: u32 = 3;
export const SEGMENT_FS: u32 = 4;
export const SEGMENT_GS: u32 = 5;
export const SEGMENT_LDTR: u32 = 6;
export const SEGMENT_TR: u32 = 7;
