/**
 * The privilege rule of a row (src/isa/row.ts, Privilege), evaluated in one place before its handler
 * runs. The rule is a byte of the decode-table entry, so that a variant of the instruction set is an
 * edited table. Rules: SDM 3A 5.9 Privileged Instructions; UMIP, TSD, PCE: SDM 3A 2.5; CPUID faulting: SDM 4
 * MSR_MISC_FEATURES_ENABLES.
 */

import { Why } from '../gen/why';
import { CPL, CR4, MISC_FEATURES, RFLAGS } from '../layout';
import { CR4_PCE, CR4_TSD, CR4_UMIP } from './control';
import { Event } from './event';
import { IOPL } from './flags';
import { Rec } from './record';

const RULE: usize = 28;
/** MSR_MISC_FEATURES_ENABLES. */
const CPUID_FAULTING: u32 = 1;

/** Numbers of the rules (src/isa/decode-table.ts, PRIVILEGES). */
enum Rule {
  Never = 0,
  Cpl0 = 1,
  Iopl = 2,
  Io = 3,
  Umip = 4,
  Tsd = 5,
  Pce = 6,
  Always = 7,
  Silent = 8,
  Cpuid = 9,
}

/** What becomes of the instruction. */
export enum Verdict {
  Run = 0,
  /** #GP(0) was raised. */
  Raise = 1,
  /** It does nothing. */
  Skip = 2,
}

export class Privilege {
  /** Evaluates the rule of the record at `i`. */
  static allows(i: usize): Verdict {
    const rule: u32 = load<u8>(Rec.entry(i), RULE);
    if (Privilege.holds(rule, load<u32>(CPL))) return Verdict.Run;
    if (rule == Rule.Silent) return Verdict.Skip;
    Event.gp(0, rule == Rule.Iopl ? Why.IoPrivilege : Why.Privileged);
    return Verdict.Raise;
  }

  /** CPL is 0, and the rule of the record at `i` lets that do. Without a call, for the dispatch loop. */
  @inline static holdsInRing0(i: usize): bool {
    return load<u32>(CPL) == 0 && load<u8>(Rec.entry(i), RULE) != <u8>Rule.Always;
  }

  static holds(rule: u32, cpl: u32): bool {
    switch (rule) {
      case Rule.Cpl0:
      case Rule.Silent:
        return cpl == 0;
      case Rule.Iopl:
        return cpl <= Privilege.iopl();
      case Rule.Umip:
        return cpl == 0 || (load<u32>(CR4) & CR4_UMIP) == 0;
      case Rule.Tsd:
        return cpl == 0 || (load<u32>(CR4) & CR4_TSD) == 0;
      case Rule.Pce:
        return cpl == 0 || (load<u32>(CR4) & CR4_PCE) != 0;
      case Rule.Cpuid:
        return cpl == 0 || (load<u32>(MISC_FEATURES) & CPUID_FAULTING) == 0;
      case Rule.Always:
        return false;
      default: // Never; Io: the handler knows the port
        return true;
    }
  }

  @inline static iopl(): u32 {
    return (load<u32>(RFLAGS) & IOPL) >> 12;
  }
}
