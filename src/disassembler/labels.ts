/**
 * Labels of a disassembly: the names of symbols as NASM takes them (NASM manual 3.1 Layout of a NASM Source
 * Line). Names that mean something else are escaped with `$`, a leading dot, which would make a label local
 * to another, becomes `..@`, and where two symbols have one name the second gets a number.
 */

import type { RowIndex } from '../isa/format.ts';
import { whyAbsent } from '../isa/table/absent.ts';

const REGISTER =
  /^(?:[er]?(?:[a-d]x|[ds]i|[bs]p|ip)|[a-d][hl]|(?:bp|sp|si|di)l|r\d+[bdwl]?|[cdt]r\d+|[c-gs]s|st\d*|[xyzt]?mm\d+|k[0-7]|bnd[0-3])$/i;

/** Words of NASM's syntax that begin a statement or stand in an operand. */
const KEYWORDS: ReadonlySet<string> = new Set(
  `a16 a32 a64 abs absolute align alignb at bits byte common cpu db dd default do dq dt dw dword dy dz
  endstruc equ extern far float global iend incbin istruc lock long near nosplit o16 o32 o64 org oword
  ptr qword rel rep repe repne repnz repz resb resd reso resq rest resw resy resz sectalign section seg
  segment short static strict struc times to tword use16 use32 use64 word wrt xacquire xrelease yword
  zword`.split(/\s+/),
);

/** The labels for symbols by address. */
export function labelNames(
  symbols: ReadonlyMap<bigint, string>,
  mnemonics: RowIndex,
): ReadonlyMap<bigint, string> {
  const uses = new Map<string, number>();
  const unique = (name: string): string => {
    const count = (uses.get(name) ?? 0) + 1;
    uses.set(name, count);
    return count === 1 ? name : `${name}@${count}`;
  };
  const isWord = (name: string): boolean => {
    const word = name.toLowerCase();
    return mnemonics.has(word) || KEYWORDS.has(word) || whyAbsent(word) !== undefined;
  };
  return new Map(
    [...symbols].map(([address, name]) => {
      const label = unique(identifier(name));
      return [address, isWord(label) || REGISTER.test(label) ? `$${label}` : label];
    }),
  );
}

/** `name` with what an identifier cannot hold replaced. */
function identifier(name: string): string {
  const plain = name.replaceAll(/[^\w.?@$#~]/g, '_').replace(/^\.(?!\.@)/, '..@');
  return /^[A-Za-z_.?@]/.test(plain) ? plain : `_${plain}`;
}
