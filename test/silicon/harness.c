/*
 * Runs single instructions on the processor under it, at CPL 3, and prints what they did.
 *
 * One case a line on stdin, one outcome a line on stdout, numbers in hex, fields separated by spaces:
 *   in:  code rip rflags rax rcx rdx rbx rsp rbp rsi rdi r8 .. r15 fs_base gs_base ds es fs gs cs ss {address=bytes}
 *   out: vector error cr2, then the same from rip on
 * Vector is "-" when the instruction completed. Mapped are exactly two data pages, one stack page and one
 * code page; they are zero except for the pieces given. The bytes printed are those that changed.
 *
 * The instruction stands in a code page filled with INT3, so that it completes by reaching one. A target
 * that is not mapped completes it as well: the fetch then faults at that target. Not covered: what needs a
 * page with other rights than read and write, and whatever the kernel emulates or hides (UMIP, INT 0x80).
 *
 * Arguments are the descriptors of the LDT, in hex, so that code of 32 and 16 bits runs in segments of all kinds.
 * IRETQ to a 16-bit stack loads SP alone: the other bits of RSP are then those of LAUNCH.
 */

#define _GNU_SOURCE
#include <asm/ldt.h>
#include <cpuid.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { PAGE = 0x1000, GPRS = 16, RSP = 4, DATA_SELECTORS = 4, CS = 4, SS = 5, SELECTORS = 6 };
enum { LAUNCH = 0x59870000 };
enum { VECTOR_BP = 3, VECTOR_PF = 14, PF_FETCH = 0x10 };
/* What ended a case where no exception did: it ran on, or it called the kernel. */
enum { ENDLESS = 0x100, SYSTEM_CALL = 0x101 };

struct region {
  uint64_t base, size;
  int protection;
  uint8_t *before;
};

static struct region regions[] = {
    {0x10000000, 2 * PAGE, PROT_READ | PROT_WRITE, 0},
    {0x30000000, PAGE, PROT_READ | PROT_WRITE, 0},
    {0x20000000, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, 0},
};
enum { REGIONS = 3, CODE = 2 };

struct state {
  uint64_t gpr[GPRS], rip, rflags, fs_base, gs_base;
  uint16_t selector[SELECTORS]; /* ds es fs gs cs ss */
};

struct outcome {
  struct state state;
  uint64_t vector, error, cr2;
};

/* Read and written by enter.S. At `launch`: RAX .. R15 without RSP, then the frame of IRETQ. */
uint64_t *launch, launch_fs_base, launch_gs_base, after_fs_base, after_gs_base;
uint16_t launch_selectors[DATA_SELECTORS], after_selectors[DATA_SELECTORS];
void enter(void);
void on_signal(int, siginfo_t *, void *);

static struct outcome outcome;
static unsigned long line_number;
static int has_protection_keys;
static int ldt_count;
static uint64_t ldt[64];

static void die(const char *what) {
  fprintf(stderr, "harness: line %lu: %s\n", line_number, what);
  exit(1);
}

/* Called by on_signal on the alternate stack. */
void record(int signal_number, siginfo_t *info, void *context) {
  (void)info;
  static const int order[GPRS] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  const greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;
  for (int i = 0; i < GPRS; i++) outcome.state.gpr[i] = gregs[order[i]];
  outcome.state.rip = gregs[REG_RIP];
  outcome.state.rflags = gregs[REG_EFL];
  outcome.state.fs_base = after_fs_base;
  outcome.state.gs_base = after_gs_base;
  memcpy(outcome.state.selector, after_selectors, sizeof after_selectors);
  outcome.vector = signal_number == SIGVTALRM ? ENDLESS : signal_number == SIGSYS ? SYSTEM_CALL : gregs[REG_TRAPNO];
  outcome.error = gregs[REG_ERR];
  outcome.cr2 = gregs[REG_CR2];
  outcome.state.selector[CS] = gregs[REG_CSGSFS] & 0xffff;
  outcome.state.selector[SS] = (gregs[REG_CSGSFS] >> 48) & 0xffff;
}

static void write_ldt(int count, char **descriptors) {
  for (ldt_count = 0; ldt_count < count; ldt_count++) {
    uint64_t d = ldt[ldt_count] = strtoull(descriptors[ldt_count], 0, 16);
    unsigned access = d >> 40;
    struct user_desc entry = {
        .entry_number = ldt_count,
        .base_addr = (d >> 16 & 0xffffff) | (d >> 56 << 24),
        .limit = (d & 0xffff) | (d >> 32 & 0xf0000),
        .seg_32bit = d >> 54 & 1,
        .contents = access >> 2 & 3,
        .read_exec_only = !(access & 2),
        .limit_in_pages = d >> 55 & 1,
        .seg_not_present = !(access & 0x80),
        .useable = d >> 52 & 1,
    };
    if (syscall(SYS_modify_ldt, 0x11, &entry, sizeof entry) != 0) die("cannot write the LDT");
  }
}

/* What is added to an instruction pointer in the segment `selector`. */
static uint64_t code_base(uint16_t selector) {
  if (!(selector & 4) || selector >> 3 >= ldt_count) return 0;
  uint64_t d = ldt[selector >> 3];
  return (d >> 16 & 0xffffff) | (d >> 56 << 24);
}

static void map_regions(void) {
  launch = mmap((void *)LAUNCH, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (launch != (void *)LAUNCH) die("cannot map the launch frame");
  for (int i = 0; i < REGIONS; i++) {
    struct region *r = &regions[i];
    void *at = mmap((void *)r->base, r->size, r->protection,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);
    if (at != (void *)r->base) die("cannot map a region");
    r->before = malloc(r->size);
  }
}

static void install_handlers(void) {
  static const int caught[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS, SIGVTALRM, SIGSYS};
  stack_t stack = {.ss_size = 1 << 16, .ss_sp = malloc(1 << 16)};
  sigaltstack(&stack, 0);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  for (unsigned i = 0; i < sizeof caught / sizeof *caught; i++) sigaction(caught[i], &action, 0);
}

/*
 * System calls that are not this program's own raise SIGSYS: random code would make any. Those by SYSCALL are
 * known by RIP; INT 80h and SYSENTER, which does not tell where it stands, by their 32-bit numbers.
 */
static void forbid_system_calls(void) {
  const uint32_t base = regions[CODE].base;
  const unsigned rip = offsetof(struct seccomp_data, instruction_pointer);
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, rip + 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, rip),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, base + PAGE, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, base, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    die("cannot forbid system calls");
  }
}

static uint64_t next_number(char **rest) {
  char *token = strsep(rest, " \n");
  if (!token || !*token) die("a number is missing");
  return strtoull(token, 0, 16);
}

static int mapped(uint64_t address) {
  for (int i = 0; i < REGIONS; i++) {
    if (address - regions[i].base < regions[i].size) return 1;
  }
  return 0;
}

/* Writes hex digits to memory and returns how many bytes they were. */
static int put_bytes(uint64_t address, const char *hex) {
  int count = 0;
  for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2, count++) {
    if (!mapped(address + count)) die("a piece lies outside the regions");
    *(uint8_t *)(address + count) = byte;
  }
  return count;
}

static void read_state(struct state *s, char **rest) {
  s->rip = next_number(rest);
  s->rflags = next_number(rest);
  for (int i = 0; i < GPRS; i++) s->gpr[i] = next_number(rest);
  s->fs_base = next_number(rest);
  s->gs_base = next_number(rest);
  for (int i = 0; i < SELECTORS; i++) s->selector[i] = next_number(rest);
}

static void prepare_memory(char **rest) {
  for (int i = 0; i < REGIONS; i++) memset((void *)regions[i].base, i == CODE ? 0xcc : 0, regions[i].size);
  for (char *piece; (piece = strsep(rest, " \n")) != 0;) {
    if (!*piece) continue;
    char *equals = strchr(piece, '=');
    if (!equals) die("a memory piece has no '='");
    put_bytes(strtoull(piece, 0, 16), equals + 1);
  }
}

static void snapshot_memory(void) {
  for (int i = 0; i < REGIONS; i++) memcpy(regions[i].before, (void *)regions[i].base, regions[i].size);
}

/* CPUID.7.0:ECX.OSPKE: WRPKRU exists and CR4.PKE is set. */
static int protection_keys(void) {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_OSPKE);
}

/* By the processor's time, since the machine may be busy; 0 takes the limit away. */
static void limit_time(int seconds) {
  const struct itimerval limit = {.it_value.tv_sec = seconds};
  setitimer(ITIMER_VIRTUAL, &limit, 0);
}

static void run(const struct state *s) {
  int slot = 0;
  for (int i = 0; i < GPRS; i++) {
    if (i != RSP) launch[slot++] = s->gpr[i];
  }
  const uint64_t frame[5] = {s->rip, s->selector[CS], s->rflags, s->gpr[RSP], s->selector[SS]};
  memcpy(launch + slot, frame, sizeof frame);
  launch_fs_base = s->fs_base;
  launch_gs_base = s->gs_base;
  memcpy(launch_selectors, s->selector, sizeof launch_selectors);
  limit_time(1);
  if (has_protection_keys) __asm__ volatile("wrpkru" ::"a"(0), "c"(0), "d"(0));
  enter();
  limit_time(0);
}

/* Did the instruction complete, and the event come from what stands behind it or at its target? */
static int completed(uint64_t start, int length) {
  struct state *s = &outcome.state;
  if (outcome.vector == VECTOR_BP && s->rip != start + length) {
    s->rip -= 1;
    return 1;
  }
  if (outcome.vector != VECTOR_PF || !(outcome.error & PF_FETCH) || s->rip == start) return 0;
  return outcome.cr2 == s->rip + code_base(s->selector[CS]);
}

static int has_error_code(uint64_t vector) {
  return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

static void print_changes(void) {
  for (int i = 0; i < REGIONS; i++) {
    const uint8_t *now = (const uint8_t *)regions[i].base;
    for (uint64_t at = 0; at < regions[i].size; at++) {
      if (now[at] == regions[i].before[at]) continue;
      printf(" %lx=", regions[i].base + at);
      for (; at < regions[i].size && now[at] != regions[i].before[at]; at++) printf("%02x", now[at]);
    }
  }
}

static void print_outcome(int done) {
  const struct state *s = &outcome.state;
  if (done) printf("- - -");
  else {
    printf("%lx ", outcome.vector);
    if (has_error_code(outcome.vector)) printf("%lx ", outcome.error);
    else printf("- ");
    if (outcome.vector == VECTOR_PF) printf("%lx", outcome.cr2);
    else printf("-");
  }
  printf(" %lx %lx", s->rip, s->rflags);
  for (int i = 0; i < GPRS; i++) printf(" %lx", s->gpr[i]);
  printf(" %lx %lx", s->fs_base, s->gs_base);
  for (int i = 0; i < SELECTORS; i++) printf(" %x", s->selector[i]);
  print_changes();
  printf("\n");
}

int main(int argc, char **argv) {
  write_ldt(argc - 1, argv + 1);
  map_regions();
  install_handlers();
  forbid_system_calls();
  has_protection_keys = protection_keys();
  char *line = 0;
  size_t capacity = 0;
  while (getline(&line, &capacity, stdin) > 0) {
    line_number++;
    char *rest = line;
    const char *code = strsep(&rest, " \n");
    struct state state;
    read_state(&state, &rest);
    prepare_memory(&rest);
    int length = put_bytes(state.rip + code_base(state.selector[CS]), code);
    snapshot_memory();
    run(&state);
    print_outcome(completed(state.rip, length));
  }
  return 0;
}
