/**
 * The lines by which guests show what their user code sees of the host where it runs directly: instructions that neither
 * trap at CPL 3 nor show the guest's own state there.
 */

/** IF and IOPL in the image are the host's: POPF and IRET at CPL 3 do not change them, and do not trap. */
const PUSHF = 'pushf shows the IF and IOPL of the host';
/** A descriptor that was not accessed yet is absent, so that loading it traps and the guest's own gets the flag. */
const ACCESSED = 'lar shows that a descriptor was not accessed';
/** Gates and TSSs of the guest are absent in the user view, and 32-bit ones invalid in IA-32e mode, the host's. */
const SYSTEM = 'lar shows system descriptors as the user view has them';
const TABLES = 'sgdt and str show the tables of the host';
const CR0 = 'smsw shows the CR0 of the host';

/** Labels of the lines that differ, by guest, with the reason. */
export const SHOW_HOST: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  'check-code16': [[/^pushf, popf:/, PUSHF]],
  'check-control': [[/^smsw at cpl 3:/, CR0]],
  'check-iret': [[/^(popfq|iretq) at cpl 3: flags:/, PUSHF]],
  'check-iret32': [
    [/^iretd to cpl 3: flags:/, PUSHF],
    [/^(popfd|iretd|iretw) at cpl 3: flags:/, PUSHF],
    [/^vm in the image at cpl 3:/, PUSHF],
  ],
  'check-privilege': [
    [/^sgdt: the limit:/, TABLES],
    [/^str( to 16 bits)?:/, TABLES],
    [/^pushfq shows if and iopl:/, PUSHF],
  ],
  'check-segments32': [
    [/^(code x dpl 3|conforming x dpl 1) +cpl 3 rpl 3 lar:/, ACCESSED],
    [/^(tss|call gate) .* cpl 3 rpl 3 lar:/, SYSTEM],
  ],
  'check-selectors': [
    [/^(data|code|conforming) ?.* cpl 3 rpl [03]:/, ACCESSED],
    [/^(tss busy|call gate) dpl 3 +cpl 3 rpl [03]:/, SYSTEM],
  ],
  'check-syscall': [
    [/^sysret: flags from r11:/, PUSHF],
    [/^sysexit keeps the flags:/, PUSHF],
  ],
  user: [[/^popf with IF and IOPL 3, silently without effect:/, PUSHF]],
};
