/**
 * The lines that expectations are made for: every row of the instruction table with sample operands,
 * and the lines of *.cases files. Shared by the generator; the tests read only what it wrote.
 */

const REGISTERS = {
  8: ['al', 'cl', 'bh', 'sil', 'r9b'],
  16: ['ax', 'cx', 'r10w'],
  32: ['eax', 'ebx', 'r11d'],
  64: ['rax', 'rdx', 'r12'],
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

const IMMEDIATES = {
  8: ['0', '1', '127', '-128', '255'],
  16: ['5', '127', '128', '-129', '0xff80', '65535'],
  32: ['5', '-1', '127', '128', '-129', '0x12345678', '0xffffffff'],
  64: ['1', '-1', '0x7fffffff', '0x80000000', '0xffffffff', '-0x80000000', '0x123456789abcdef0'],
};

let turn = 0;
const deal = (list, count) => Array.from({ length: count }, () => list[turn++ % list.length]);

function memory(bits) {
  const size = SIZE_NAMES[bits];
  return deal(ADDRESSES, 5).map((address) => `${size ? `${size} ` : ''}[${address}]`);
}

function samples(operand, row) {
  const { kind, slot, bits, text } = operand;
  if (slot === 'fixed') return [text];
  switch (kind) {
    case 'gpr':
      return [...REGISTERS[bits], ...(operand.memory ? memory(operand.memoryBits) : [])];
    case 'mem':
      return memory(operand.memoryBits > 64 && operand.memoryBits < 128 ? 0 : operand.memoryBits);
    case 'far':
      return row.operands.length === 1
        ? memory(0).map((m) => `far ${SIZE_NAMES[operand.memoryBits - 16]} ${m}`)
        : memory(0);
    case 'imm':
      return IMMEDIATES[operand.signed && bits === 8 ? 8 : bits];
    case 'rel':
      return [
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
    case 'moffs':
      return ['[qword 0x123456789abcdef]', '[0x1234]', '[gs:qword 0x10]'];
    case 'sreg':
      return ['es', 'ss', 'fs', 'gs', 'ds'];
    case 'cr':
      return ['cr0', 'cr3', 'cr8'];
    case 'dr':
      return ['dr0', 'dr7'];
    default:
      return [text];
  }
}

/** Lines for one row: each operand takes each of its samples, the others their first or next. */
export function rowLines(row) {
  const lists = row.operands.map((operand) => samples(operand, row));
  if (lists.length === 0) return [row.mnemonic];
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

export function lockLines(row) {
  return row.lock && row.operands[0]?.memory
    ? rowLines(row)
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
    `a32 ${row.mnemonic}`,
    `rep a32 ${row.mnemonic}`,
    `fs ${row.mnemonic}`,
  ];
}
