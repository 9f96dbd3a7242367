/**
 * Interruption information (SDM 3C 25.8.3, 25.9.2, 25.9.3): an event as fields of a VMCS describe it.
 *
 *    7:0 vector   10:8 type   11 there is an error code   12 NMI unblocking by IRET   31 valid
 */

export enum EventType {
  External = 0,
  Nmi = 2,
  Hardware = 3,
  /** INT n. */
  Software = 4,
  /** INT1. */
  Privileged = 5,
  /** INT3, INTO. */
  SoftwareException = 6,
  /** Only at VM entry: a pending MTF VM exit. */
  Other = 7,
}

export const HAS_ERROR: u32 = 1 << 11;
export const NMI_UNBLOCKING: u32 = 1 << 12;
export const VALID: u32 = 1 << 31;

export class Interruption {
  static of(vector: u32, type: EventType, hasError: bool): u32 {
    return vector | ((<u32>type) << 8) | (hasError ? HAS_ERROR : 0) | VALID;
  }
  @inline static vector(info: u32): u32 {
    return info & 0xff;
  }
  @inline static type(info: u32): EventType {
    return <EventType>((info >> 8) & 7);
  }
  @inline static isValid(info: u32): bool {
    return (info & VALID) != 0;
  }
  /** By an instruction, which has a length. */
  @inline static isSoftware(info: u32): bool {
    const type = Interruption.type(info);
    return type >= EventType.Software && type <= EventType.SoftwareException;
  }
}
