/** Names and numbers of the ELF format (System V ABI, chapters 4 and 5; its processor supplements for i386 and AMD64). */

export const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46] as const;
export const EI_CLASS = 4;
export const EI_DATA = 5;
export const EI_VERSION = 6;

/** Values of e_ident. */
export const ELFCLASS32 = 1;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const EV_CURRENT = 1;

/** e_type. */
export const ET_REL = 1; // relocatable object
export const ET_EXEC = 2; // executable
export const ET_DYN = 3; // shared object, or executable that may lie anywhere

/** e_machine. */
export const EM_386 = 3;
export const EM_X86_64 = 62;

/** e_shstrndx that says: the number is in section 0. */
export const SHN_XINDEX = 0xffff;

/** p_type. */
export const PT_LOAD = 1;
export const PT_NOTE = 4;

/** p_flags. */
export const PF_X = 1; // executable

/** sh_type. */
export const SHT_PROGBITS = 1;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_RELA = 4;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;
export const SHT_DYNSYM = 11;
export const SHT_INIT_ARRAY = 14;
export const SHT_FINI_ARRAY = 15;
export const SHT_PREINIT_ARRAY = 16;

/** sh_flags. */
export const SHF_WRITE = 0x1;
export const SHF_ALLOC = 0x2; // takes memory when the program runs
export const SHF_EXECINSTR = 0x4; // holds instructions
export const SHF_MERGE = 0x10; // equal entries may become one
export const SHF_STRINGS = 0x20;
export const SHF_TLS = 0x400; // of each thread

/** st_shndx. */
export const SHN_UNDEF = 0;
export const SHN_LORESERVE = 0xff00; // from here on no section
export const SHN_ABS = 0xfff1;
export const SHN_COMMON = 0xfff2;

/** Type of a symbol: low four bits of st_info. */
export const STT_NOTYPE = 0;
export const STT_OBJECT = 1;
export const STT_FUNC = 2;
export const STT_SECTION = 3;
export const STT_FILE = 4;
export const STT_TLS = 6;
export const STT_GNU_IFUNC = 10;

/** Binding of a symbol: high four bits of st_info. */
export const STB_LOCAL = 0;
export const STB_GLOBAL = 1;
export const STB_WEAK = 2;

/** st_other. */
export const STV_DEFAULT = 0;
export const STV_INTERNAL = 1;
export const STV_HIDDEN = 2;
export const STV_PROTECTED = 3;
