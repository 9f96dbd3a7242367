/**
 * The lines that expectations are made for: every row of the instruction table with sample operands in
 * each code mode where it exists, and the lines of *.cases files. Shared by the generator; the tests
 * read only what it wrote.
 */

const REGISTERS = {
  8: ['al', 'cl', 'bh', 'sil', 'r9b'],
  16: ['ax', 'cx', 'r10w'],
  32: ['eax', 'ebx', 'r11d'],
  64: ['rax', 'rdx', 'r12'],
};

const LEGACY_REGISTERS = {
  8: ['al', 'cl', 'bh'],
  16: ['ax', 'di'],
  32: ['eax', 'ebx'],
};

const SIZE_NAMES = { 8: 'byte', 16: 'word', 32: 'dword', 64: 'qword', 128: 'oword' };

/** Addresses, dealt out in turn so that each row sees some and all rows see all. */
const ADDRESSES = [
  'rbx',
  'rsp',
  'rbp',
  'r12',
  'r13',
  'rax+8',
  'rbp-128',
  'rcx+128',
  'rax+rbx',
  'rbx+rax*4',
  'r8+r9*8+0x1234',
  'rax*2',
  'rax*4',
  'rcx*5',
  'r13*9',
  'rsp+rbp',
  'rbp+rsp',
  'ebx',
  'esi+edi*2+3',
  'r12d',
  'byte rax',
  'dword rax+1',
  'nosplit rax*2',
  '0x1234',
  'abs 0x7ffffff0',
  'fs:0x28',
  'gs:rax+rbx*2-5',
  'rbp+r13',
  'rax*1+rbx',
  'r12*3+7',
  'rsi+0x7fffffff',
  'rdi-0x80000000',
];

const LEGACY_ADDRESSES = [
  'ebx',
  'bx',
  'esp',
  'bp',
  'ebp',
  'bx+si',
  'eax+8',
  'di-128',
  'ebp-128',
  'bp+di+128',
  'ecx+128',
  'si',
  'eax+ebx',
  'bx+0xffff',
  'ebx+eax*4+0x12345678',
  'eax*2',
  'es:bx+di',
  'ecx*5',
  'ebp+esp',
  '0x1234',
  'byte bx',
  'byte eax',
  'word bp+1',
  'dword eax+1',
  'dword 0x12345678',
  'word 0x1234',
  'nosplit eax*2',
  'fs:0x28',
  'gs:eax+ebx*2-5',
  'cs:ebp',
];

const IMMEDIATES = {
  8: ['0', '1', '127', '-128', '255'],
  16: ['5', '127', '128', '-129', '0xff80', '65535'],
  32: ['5', '-1', '127', '128', '-129', '0x12345678', '0xffffffff'],
  64: ['1', '-1', '0x7fffffff', '0x80000000', '0xffffffff', '-0x80000000', '0x123456789abcdef0'],
};

const TARGETS = [
  '$',
  '$+2',
  '$+129',
  '$-126',
  '$-127',
  '$+1000',
  'near $',
  'short $+5',
  'strict near $',
];
const LEGACY_TARGETS = [...TARGETS, 'near word $', 'near dword $', 'word $', 'dword $+200'];

let turn = 0;
const deal = (list, count) => Array.from({ length: count }, () => list[turn++ % list.length]);

function memory(bits, mode) {
  const size = SIZE_NAMES[bits];
  const [addresses, count] = mode === 64 ? [ADDRESSES, 5] : [LEGACY_ADDRESSES, 3];
  return deal(addresses, count).map((address) => `${size ? `${size} ` : ''}[${address}]`);
}

function farPointers({ slot, bits, memoryBits }, row, mode) {
  if (slot === 'imm') {
    const size = SIZE_NAMES[bits - 16];
    return [`${size} 0x1234:0x5678`, `${size} 8:-1`, '0x10:0x20'];
  }
  if (row.operands.length > 1) return memory(0, mode);
  const size = SIZE_NAMES[memoryBits - 16];
  return [...memory(0, mode).map((m) => `far ${size} ${m}`), `far ${memory(0, mode)[0]}`];
}

function samples(operand, row, mode) {
  const { kind, slot, bits, text } = operand;
  if (slot === 'fixed') return [text];
  switch (kind) {
    case 'gpr': {
      const registers = (mode === 64 ? REGISTERS : LEGACY_REGISTERS)[bits] ?? [];
      return [...registers, ...(operand.memory ? memory(operand.memoryBits, mode) : [])];
    }
    case 'mem': {
      const { memoryBits } = operand;
      return memory(memoryBits > 64 && memoryBits < 128 ? 0 : memoryBits, mode);
    }
    case 'far':
      return farPointers(operand, row, mode);
    case 'imm':
      return IMMEDIATES[operand.signed && bits === 8 ? 8 : bits];
    case 'rel':
      return mode === 64 ? TARGETS : LEGACY_TARGETS;
    case 'moffs':
      return mode === 64
        ? ['[qword 0x123456789abcdef]', '[0x1234]', '[gs:qword 0x10]']
        : ['[0x1234]', '[dword 0x12345678]', '[word 0x1234]', '[gs:0x10]'];
    case 'sreg':
      return ['es', 'ss', 'fs', 'gs', 'ds'];
    case 'cr':
      return mode === 64 ? ['cr0', 'cr3', 'cr8'] : ['cr0', 'cr3'];
    case 'dr':
      return ['dr0', 'dr7'];
    default:
      return [text];
  }
}

/** Lines for one row; of another name for a condition or shift that has been seen, only some. */
export function rowLines(row, mode) {
  const lines = allLines(row, mode);
  return row.alias && row.sdm?.endsWith('cc') ? lines.slice(0, 3) : lines;
}

/** From the row alone, so that a new row leaves the lines of the others as they are. */
function firstTurn({ mnemonic, operands }) {
  const name = [mnemonic, ...operands.map(({ text }) => text)].join();
  return [...name].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 65521, 0);
}

/** Each operand takes each of its samples, the others their first or next. */
function allLines(row, mode) {
  turn = firstTurn(row);
  const lists = row.operands.map((operand) => samples(operand, row, mode));
  if (lists.length === 0) return [row.mnemonic];
  if (lists.some((list) => list.length === 0)) return [];
  const lines = new Set();
  const count = Math.max(...lists.map((list) => list.length));
  for (let i = 0; i < count; i++) {
    lines.add(
      `${row.mnemonic} ${lists.map((list, n) => list[(i + n * (i % 2)) % list.length]).join(', ')}`,
    );
  }
  for (const [n, list] of lists.entries()) {
    for (const value of list) {
      const operands = lists.map((other, m) => (m === n ? value : other[0]));
      lines.add(`${row.mnemonic} ${operands.join(', ')}`);
    }
  }
  return [...lines];
}

export function lockLines(row, mode) {
  return row.lock && row.operands[0]?.memory
    ? rowLines(row, mode)
        .filter((l) => /^\S+ (\S+ )?\[/.test(l))
        .slice(0, 2)
        .map((l) => `lock ${l}`)
    : [];
}

export function repLines(row) {
  if (!row.rep) return [];
  return [
    `rep ${row.mnemonic}`,
    `repne ${row.mnemonic}`,
    `a16 ${row.mnemonic}`,
    `a32 ${row.mnemonic}`,
    `rep a32 ${row.mnemonic}`,
    `fs ${row.mnemonic}`,
  ];
}

/** Size prefixes on rows that have neither operands nor repetition. */
export function sizeLines(row) {
  if (row.rep || row.operands.length > 0 || row.encoding.prefix !== 'any') return [];
  return ['o16', 'o32', 'o64'].map((prefix) => `${prefix} ${row.mnemonic}`);
}
