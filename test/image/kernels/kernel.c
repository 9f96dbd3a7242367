/*
 * A 32-bit kernel that prints what its loader hands over: multiboot information or PVH start info. With "crash"
 * in its command line it ends in an undefined instruction two calls deep. entry.asm calls it.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct multiboot {
  u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
  u32 shdr_num, shdr_size, shdr_addr, shdr_shndx, mmap_length, mmap_addr;
};
struct module { u32 start, end, string, reserved; };
struct shdr { u32 name, type, flags, addr, offset, size, link, info, addralign, entsize; };
struct sym { u32 name, value, size; u8 info, other; u16 shndx; };

struct start_info {
  u32 magic, version, flags, nr_modules;
  u64 modlist, cmdline, rsdp, memmap;
  u32 memmap_entries, reserved;
};
struct modlist_entry { u64 paddr, size, cmdline, reserved; };
struct memmap_entry { u64 addr, size; u32 type, reserved; };

static void out(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static u8 in(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static void put(char c) {
  while (!(in(0x3fd) & 0x20)) {}
  out(0x3f8, (u8)c);
}
static void print(const char *text) {
  while (*text) put(*text++);
}
static void print_hex(const char *label, u32 value) {
  print(label);
  for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
}
static void line(const char *label, const char *text) {
  print(label);
  print(text);
  put('\n');
}
static int equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}
static int contains(const char *text, const char *part) {
  for (; *text; text++) {
    const char *a = text, *b = part;
    while (*b && *a == *b) a++, b++;
    if (!*b) return 1;
  }
  return 0;
}

/* Data and zeros at known places: the loader is checked by them. */
u32 initialized = 0x600df00d;
u32 zeroed[1024];

__attribute__((noinline)) static void crash_inner(void) { __asm__ volatile("ud2"); }
__attribute__((noinline)) void crash_outer(void) {
  crash_inner();
  __asm__ volatile("");
}

static void check_memory(void) {
  u32 sum = 0;
  for (int i = 0; i < 1024; i++) sum |= zeroed[i];
  print_hex("data ", initialized);
  print_hex(" bss ", sum);
  put('\n');
}

static void range(u64 base, u64 length, u32 type) {
  print_hex("range ", (u32)base);
  print_hex(" length ", (u32)length);
  print_hex(" type ", type);
  put('\n');
}

/* The value of `name` as the loader's copy of the symbol table has it. */
static u32 symbol(const struct multiboot *info, const char *name) {
  const struct shdr *sections = (const struct shdr *)info->shdr_addr;
  for (u32 n = 0; n < info->shdr_num; n++) {
    if (sections[n].type != 2) continue;
    const struct sym *symbols = (const struct sym *)sections[n].addr;
    const char *strings = (const char *)sections[sections[n].link].addr;
    for (u32 i = 0; i < sections[n].size / sizeof *symbols; i++) {
      if (equal(strings + symbols[i].name, name)) return symbols[i].value;
    }
  }
  return 0;
}

static void show_symbols(const struct multiboot *info) {
  if (!(info->flags & 1 << 5)) return line("symbols: ", "none");
  if (info->shdr_size != sizeof(struct shdr)) return line("symbols: ", "of ELF64");
  line("symbols: ", symbol(info, "crash_outer") == (u32)crash_outer ? "right" : "wrong");
  const struct shdr *sections = (const struct shdr *)info->shdr_addr;
  for (u32 n = 0; n < info->shdr_num; n++) {
    print("symbols: section ");
    line("", (const char *)sections[info->shdr_shndx].addr + sections[n].name);
  }
}

void multiboot_main(u32 magic, const struct multiboot *info) {
  print_hex("multiboot, eax ", magic);
  put('\n');
  check_memory();
  line("command line: ", (const char *)info->cmdline);
  const struct module *modules = (const struct module *)info->mods_addr;
  for (u32 n = 0; n < info->mods_count; n++) {
    line("module: ", (const char *)modules[n].string);
    print_hex("bytes ", modules[n].end - modules[n].start);
    print_hex(" first ", *(const u32 *)modules[n].start);
    put('\n');
  }
  for (u32 at = info->mmap_addr; at < info->mmap_addr + info->mmap_length;) {
    range(*(const u64 *)(at + 4), *(const u64 *)(at + 12), *(const u32 *)(at + 20));
    at += *(const u32 *)at + 4;
  }
  show_symbols(info);
  if (contains((const char *)info->cmdline, "crash")) crash_outer();
}

void pvh_main(const struct start_info *info) {
  print_hex("pvh, magic ", info->magic);
  print_hex(" version ", info->version);
  print_hex(" flags ", info->flags);
  put('\n');
  check_memory();
  line("command line: ", (const char *)(u32)info->cmdline);
  const struct modlist_entry *modules = (const struct modlist_entry *)(u32)info->modlist;
  for (u32 n = 0; n < info->nr_modules; n++) {
    const char *string = (const char *)(u32)modules[n].cmdline;
    line("module: ", string ? string : "(no command line)");
    print_hex("bytes ", (u32)modules[n].size);
    print_hex(" first ", *(const u32 *)(u32)modules[n].paddr);
    put('\n');
  }
  const struct memmap_entry *map = (const struct memmap_entry *)(u32)info->memmap;
  for (u32 n = 0; n < info->memmap_entries; n++) range(map[n].addr, map[n].size, map[n].type);
  char signature[9] = { 0 };
  for (int n = 0; info->rsdp && n < 8; n++) signature[n] = ((const char *)(u32)info->rsdp)[n];
  line("rsdp: ", signature);
  if (contains((const char *)(u32)info->cmdline, "crash")) crash_outer();
}
