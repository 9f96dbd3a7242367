/**
 * Instructions that exist, but not on this machine: to which set bytes belong that the processor took for no
 * instruction (SDM 2D Appendix A, Opcode Map). What the instruction table has is never asked about.
 */

/** Prefixes that may stand before an opcode of these sets, REX aside. */
const PREFIXES: ReadonlySet<number> = new Set([
  0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3,
]);

/** What a kernel can do about it. */
const NO_VECTORS = 'CPUID says so; gcc -mgeneral-regs-only builds kernels without';
const SETS = {
  x87: `x87, which this machine does not have (${NO_VECTORS})`,
  sse: `MMX or SSE, which this machine does not have (${NO_VECTORS})`,
  avx: `AVX, which this machine does not have (${NO_VECTORS})`,
  xsave: 'XSAVE, which this machine does not have (CPUID says so)',
  vmx: 'VMX, which this machine does not have (CPUID says so)',
  svm: 'SVM, which this machine does not have (CPUID says so)',
  smm: 'system management mode, which this machine does not have',
} as const;

const REG_MEMORY_VMX = 6; // 0F C7 /6: VMPTRLD, VMCLEAR, VMXON
const REG_MEMORY_VMPTRST = 7;

/** `x87, which this machine does not have`, undefined for bytes that belong to none of the sets. */
export function absentSet(bytes: Uint8Array, is64: boolean): string | undefined {
  let at = 0;
  while (PREFIXES.has(bytes[at] ?? 0)) at++;
  if (is64 && ((bytes[at] ?? 0) & 0xf0) === 0x40) at++; // REX
  const [opcode = 0, second = 0, third = 0] = bytes.subarray(at);
  if (opcode === 0x9b || (opcode & 0xf8) === 0xd8) return SETS.x87;
  if (opcode === 0x0f) return twoByteSet(second, third);
  return isVex(opcode, second, is64) ? SETS.avx : undefined;
}

/** VEX and EVEX: outside 64-bit mode these are LES, LDS and BOUND where a memory operand follows. */
function isVex(opcode: number, second: number, is64: boolean): boolean {
  return [0xc4, 0xc5, 0x62].includes(opcode) && (is64 || second >= 0xc0);
}

function twoByteSet(opcode: number, modrm: number): string | undefined {
  switch (opcode) {
    case 0x01:
      return group7Set(modrm);
    case 0x78:
    case 0x79: // VMREAD, VMWRITE
      return SETS.vmx;
    case 0xaa: // RSM
      return SETS.smm;
    case 0xae: // FXSAVE, FXRSTOR, LDMXCSR, STMXCSR; XSAVE, XRSTOR, XSAVEOPT
      return ((modrm >> 3) & 7) < 4 ? SETS.sse : SETS.xsave;
    case 0xc7:
      return group9Set(modrm);
    default:
      return isVector(opcode) ? SETS.sse : undefined;
  }
}

/** 0F 01 with a register form that names an operation. */
function group7Set(modrm: number): string | undefined {
  if (modrm >= 0xc1 && modrm <= 0xc4) return SETS.vmx; // VMCALL, VMLAUNCH, VMRESUME, VMXOFF
  if (modrm === 0xd0 || modrm === 0xd1) return SETS.xsave; // XGETBV, XSETBV
  return modrm >= 0xd8 && modrm <= 0xdf ? SETS.svm : undefined;
}

function group9Set(modrm: number): string | undefined {
  const reg = (modrm >> 3) & 7;
  if (modrm >= 0xc0) return undefined;
  if (reg === REG_MEMORY_VMX || reg === REG_MEMORY_VMPTRST) return SETS.vmx;
  return reg >= 3 && reg <= 5 ? SETS.xsave : undefined; // XRSTORS, XSAVEC, XSAVES
}

/** Opcodes of the map 0F that are MMX or SSE with every prefix, and the escapes to 0F 38 and 0F 3A. */
function isVector(opcode: number): boolean {
  const inRange = (first: number, last: number): boolean => opcode >= first && opcode <= last;
  return (
    inRange(0x10, 0x17) ||
    inRange(0x28, 0x2f) ||
    inRange(0x50, 0x7f) ||
    [0x38, 0x3a, 0xc2, 0xc4, 0xc5, 0xc6].includes(opcode) ||
    inRange(0xd0, 0xfe)
  );
}
