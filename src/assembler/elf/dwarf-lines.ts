/**
 * Line number programs (DWARF 3, 6.2 Line Number Information): one for each executable section that got
 * contents, with a row where a source line first puts something there.
 */

import type { Section } from '../section.ts';
import { Bytes } from './bytes.ts';

const LINE_BASE = -5;
const LINE_RANGE = 14;
const OPCODE_BASE = 13;
const DW_LNS_COPY = 1;
const DW_LNS_ADVANCE_PC = 2;
const DW_LNS_ADVANCE_LINE = 3;
const DW_LNS_SET_FILE = 4;
const DW_LNE_END_SEQUENCE = 1;
const DW_LNE_SET_ADDRESS = 2;
/** Operands of the standard opcodes 1 to 12. */
const OPERAND_COUNTS = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];

/** The program of one section, and the state machine's registers where it stands. */
export interface LineProgram {
  readonly section: Section;
  readonly bytes: Bytes;
  file: number;
  line: number;
  offset: number;
}

export class LineTable {
  readonly programs: LineProgram[] = [];
  readonly files: string[] = [];
  readonly #wordSize: number;
  #file = '';
  #line = -1;
  /** The current line has not been entered anywhere. */
  #isNew = false;

  constructor(wordSize: number) {
    this.#wordSize = wordSize;
  }

  /** Something of a source line goes to `offset` of a section. */
  enter(file: string, line: number, section: Section, offset: number, isExecutable: boolean): void {
    if (file !== this.#file || line !== this.#line) {
      this.#file = file;
      this.#line = line;
      this.#isNew = true;
      if (!this.files.includes(file)) this.files.push(file);
    }
    if (!isExecutable) return;
    const program = this.#programOf(section);
    if (!this.#isNew) return;
    this.#isNew = false;
    this.#addRow(program, offset);
  }

  /** Header, files and programs. `relocate` hears where a section's address stands. */
  write(version: number, relocate: (at: number, section: Section) => void): Uint8Array {
    const header = this.#header();
    const bodies = this.programs.map((program) => this.#finish(program));
    const length = bodies.reduce((sum, body) => sum + body.length, 0);
    const all = new Bytes()
      .u32(6 + header.length + length)
      .u16(version)
      .u32(header.length);
    all.append(header);
    bodies.forEach((body, i) => {
      const { section } = this.programs[i] as LineProgram;
      relocate(all.length + 3, section);
      all.append(body);
    });
    return all.contents;
  }

  #programOf(section: Section): LineProgram {
    const known = this.programs.find((program) => program.section === section);
    if (known) return known;
    const bytes = new Bytes()
      .u8(0)
      .uleb(this.#wordSize + 1)
      .u8(DW_LNE_SET_ADDRESS);
    bytes.number(0, this.#wordSize);
    const program = { section, bytes, file: 1, line: 1, offset: 0 };
    this.programs.push(program);
    return program;
  }

  #addRow(program: LineProgram, offset: number): void {
    const { bytes } = program;
    const file = this.files.indexOf(this.#file) + 1;
    if (file !== program.file) {
      bytes.u8(DW_LNS_SET_FILE).uleb(file);
      program.file = file;
    }
    const lines = this.#line - program.line;
    if (lines === 0) return;
    const ahead = offset - program.offset;
    const special = lines - LINE_BASE + LINE_RANGE * ahead + OPCODE_BASE;
    if (lines >= LINE_BASE && lines < LINE_BASE + LINE_RANGE && special < 256) bytes.u8(special);
    else {
      bytes.u8(DW_LNS_ADVANCE_LINE).sleb(lines);
      if (ahead !== 0) bytes.u8(DW_LNS_ADVANCE_PC).uleb(ahead);
      bytes.u8(DW_LNS_COPY);
    }
    program.line = this.#line;
    program.offset = offset;
  }

  #finish({ bytes, section, offset }: LineProgram): Uint8Array {
    const rest = section.offset - offset;
    const end = new Bytes().append(bytes.contents).u8(DW_LNS_ADVANCE_PC).uleb(rest);
    return end.u8(0).uleb(1).u8(DW_LNE_END_SEQUENCE).contents;
  }

  #header(): Uint8Array {
    const header = new Bytes()
      .u8(1)
      .u8(1)
      .u8(LINE_BASE & 0xff)
      .u8(LINE_RANGE)
      .u8(OPCODE_BASE);
    for (const count of OPERAND_COUNTS) header.uleb(count);
    header.u8(0);
    for (const file of this.files) header.string(file).uleb(0).uleb(0).uleb(0);
    return header.u8(0).contents;
  }
}
