; check-debug32: debug exceptions in 32-bit protected mode: breakpoints under segments with a base and in 16-bit code,
; every sort of instruction that touches memory or a port, single step through gates, returns and SYSENTER, the
; shadow of loads of SS, RF in the image that each kind of exception pushes, GD, INT1, INT3, INTO and BOUND.
; Shows: breakpoints are on linear addresses; which pushes, pops and failed writes count; what waits for the instruction
; after MOV SS. check-debug has the rest of DR6 and DR7, in 64-bit code.
; differs(qemu): * - QEMU's TCG dies of a breakpoint in code with a base, and of one on a frame
; SDM 3B 17.2 Debug Registers, 17.3 Debug Exceptions; 3A 6.8.3 Masking Exceptions and Interrupts When Switching Stacks.

%include "../inc/guest32.inc"
%include "../inc/check32.inc"

CODE_SLOT       equ FREE_SELECTOR
DATA_SLOT       equ FREE_SELECTOR + 8
CALL_GATE       equ FREE_SELECTOR + 16
VECTOR          equ 0x40
BASE            equ 0x200000

EXECUTE         equ 0
WRITE           equ 1
IO              equ 2
ACCESS          equ 3
LEN1            equ 0
LEN2            equ 1
LEN8            equ 2
LEN4            equ 3
EFLAGS_TF       equ RFLAGS_TF
EFLAGS_RF       equ RFLAGS_RF

; watch n, address, kind, length: enables breakpoint n locally. Changes EAX.
%macro watch 4
        mov eax, %2
        mov dr%1, eax
        mov eax, dr7
        or eax, (1 << (%1 * 2)) | ((%3 | (%4 << 2)) << (16 + %1 * 4))
        mov dr7, eax
%endmacro

; touching label, "text", kind, length: a check whose breakpoint 0 is at `scratch`.
%macro touching 4
        check %1, %2
          watch 0, scratch, %3, %4
%endmacro
; touch label, "text", kind, length, instruction: the same with its body.
%macro touch 5+
        touching %1, %2, %3, %4
          %5
          nop
        done
%endmacro

main:
        call check_init
        gate_at idt + 1 * 8, GATE, KERNEL_CS, count_db
        call executes
        call lengths
        call touches
        call pops
        call ports
        call steps
        call rings
        call shadows
        call images
        call resume_flag
        jmp registers

; #DB counts itself; one that the check does not take as its end returns with RF set, so that an instruction
; breakpoint lets go.
count_db:
        inc dword [ss:debug_count]
        push eax
        mov eax, [ss:debug_count]
        cmp eax, [ss:stop_at]
        pop eax
        jae interrupt_stubs + STUB_SIZE
        or dword [esp + 8], EFLAGS_RF
        iretd

executes:
        check execute, "execute: a fault"
          watch 0, .here, EXECUTE, LEN1
          nop
.here:    inc eax
        done
        check execute_target, "execute: the target of ret"
          watch 3, .here, EXECUTE, LEN1
          push .here
          ret
          nop
.here:    nop
        done
        check execute_before, "execute: comes before the fault of its instruction"
          watch 0, .here, EXECUTE, LEN1
.here:    ud2
        done
        check execute_based, "execute: cs with a base, at the linear address"
          set_segment CODE_SLOT, DESC_D | DESC_P | DESC_CODE, 0xffff, .body
          watch 0, .here, EXECUTE, LEN1
          jmp CODE_SLOT:.here - .body
          nop
.here:    nop
        done
        check execute_offset, "execute: not at the offset"
          set_segment CODE_SLOT, DESC_D | DESC_P | DESC_CODE, 0xffff, .body
          watch 0, .here - .body, EXECUTE, LEN1
          jmp CODE_SLOT:.here - .body
          nop
.here:    nop
        done
        check execute_16, "execute: 16-bit code"
          set_segment CODE_SLOT, DESC_P | DESC_CODE, 0xffff, .body
          watch 0, .here, EXECUTE, LEN1
          jmp CODE_SLOT:.start - .body
        bits 16
.start:   mov ax, 0x1234
.here:    mov ax, 0x5678
        bits 32
        done
        watch 0, execute_user.here, EXECUTE, LEN1
        user_check execute_user, "execute: at cpl 3"
          nop
.here:    nop
        done
        ret

; Lengths and addresses that are not aligned to them.
lengths:
        touch write_1, "write 1: its byte", WRITE, LEN1, mov byte [scratch], 1
        touch write_1_beside, "write 1: the next byte", WRITE, LEN1, mov byte [scratch + 1], 1
        touch write_1_wide, "write 1: a doubleword around it", WRITE, LEN1, mov dword [scratch - 3], 1
        touch write_1_below, "write 1: a doubleword that ends below", WRITE, LEN1, mov dword [scratch - 4], 1
        touch write_2, "write 2: the second byte", WRITE, LEN2, mov byte [scratch + 1], 1
        touch write_2_above, "write 2: the third", WRITE, LEN2, mov byte [scratch + 2], 1
        touch write_4, "write 4: the fourth byte", WRITE, LEN4, mov byte [scratch + 3], 1
        touch write_4_above, "write 4: the fifth", WRITE, LEN4, mov byte [scratch + 4], 1
        touch write_8, "write 8: the eighth byte", WRITE, LEN8, mov byte [scratch + 7], 1
        touch write_8_above, "write 8: the ninth", WRITE, LEN8, mov byte [scratch + 8], 1
        check odd_4, "unaligned: write 4 at + 2 begins at + 0"
          watch 0, scratch + 2, WRITE, LEN4
          mov byte [scratch], 1
          nop
        done
        check odd_4_above, "unaligned: write 4 at + 2 ends at + 3"
          watch 0, scratch + 2, WRITE, LEN4
          mov byte [scratch + 5], 1
          nop
        done
        check odd_pair, "aligned: two of 2 bytes for one doubleword at + 1"
          watch 0, scratch + 1, WRITE, LEN1
          watch 1, scratch + 2, WRITE, LEN2
          watch 2, scratch + 4, WRITE, LEN1
          mov byte [scratch + 4], 1
          nop
        done
        touch read_write, "write: a read", WRITE, LEN4, mov eax, [scratch]
        touch read_access, "access: a read", ACCESS, LEN4, mov eax, [scratch]
        touch write_access, "access: a write", ACCESS, LEN4, mov [scratch], eax
        set_segment DATA_SLOT, DATA32, 0xffff, BASE
        check based, "write: ds with a base, at the linear address"
          watch 0, BASE + 8, WRITE, LEN4
          mov eax, DATA_SLOT
          mov ds, eax
          mov [8], eax
          nop
        done
        check based_offset, "write: not at the offset"
          watch 0, 8, WRITE, LEN4
          mov eax, DATA_SLOT
          mov ds, eax
          mov [8], eax
          nop
        done
        ret

; Instructions that read or write memory as part of what they do.
touches:
        touch do_add, "write: add", WRITE, LEN4, add [scratch], eax
        touch do_cmp, "write: cmp only reads", WRITE, LEN4, cmp [scratch], eax
        touch do_cmp_access, "access: cmp", ACCESS, LEN4, cmp [scratch], eax
        touch do_xchg, "write: xchg", WRITE, LEN4, xchg [scratch], eax
        touching do_bts, "write: bts of a bit beyond its doubleword", WRITE, LEN4
          mov ecx, 8 * 16
          bts [scratch - 16], ecx
          nop
        done
        touch do_setcc, "write: setc", WRITE, LEN1, setc [scratch]
        touching do_xlat, "access: xlat", ACCESS, LEN4
          mov ebx, scratch - 5
          mov al, 7
          xlatb
          nop
        done
        touching do_lods, "access: lodsb", ACCESS, LEN1
          mov esi, scratch
          lodsb
          nop
        done
        touching do_movs_read, "access: the source of movsd", ACCESS, LEN4
          mov esi, scratch
          mov edi, scratch + 16
          movsd
          nop
        done
        touching do_movs, "write: the target of movsd", WRITE, LEN4
          mov esi, scratch + 16
          mov edi, scratch
          movsd
          nop
        done
        touching do_cmps, "access: the second operand of cmpsb", ACCESS, LEN1
          mov esi, scratch + 16
          mov edi, scratch
          cmpsb
          nop
        done
        mov dword [scratch], KERNEL_DS
        touch do_les, "access: the selector of les", ACCESS, LEN1, les eax, [scratch - 4]
        touching do_cmpxchg, "write: cmpxchg that fails", WRITE, LEN4
          mov eax, [scratch + 8]
          not eax
          cmpxchg [scratch], ecx
          nop
        done
        touch do_sgdt, "write: sgdt", WRITE, LEN4, sgdt [scratch - 2]
        mov eax, [gdt_pointer]                  ; what SGDT gives at CPL 3 may be another one
        mov [scratch], eax
        mov ax, [gdt_pointer + 4]
        mov [scratch + 4], ax
        touch do_lgdt, "access: lgdt", ACCESS, LEN1, lgdt [scratch]
        touch do_push_memory, "access: push of memory", ACCESS, LEN4, push dword [scratch]
        touching do_pop_memory, "write: pop to memory", WRITE, LEN4
          push eax
          pop dword [scratch]
          nop
        done
        touching do_cmov, "access: cmov that does not move reads", ACCESS, LEN4
          stc
          cmovnc eax, [scratch]
          nop
        done
        mov dword [scratch - 4], 0
        mov dword [scratch], 5
        touching do_bound, "access: the upper limit of bound", ACCESS, LEN1
          xor eax, eax
          bound eax, [scratch - 4]
          nop
        done
        check do_push, "write: push"
          lea ecx, [esp - 4]
          watch 0, ecx, WRITE, LEN4
          push eax
          nop
        done
        check do_call, "write: call"
          lea ecx, [esp - 4]
          watch 0, ecx, WRITE, LEN4
          call .here
          nop
.here:    nop
        done
        check do_pushad, "write: one of the eight of pushad"
          lea ecx, [esp - 16]
          watch 0, ecx, WRITE, LEN4
          pushad
          nop
        done
        check do_enter, "write: enter"
          lea ecx, [esp - 4]
          watch 0, ecx, WRITE, LEN4
          enter 16, 0
          nop
        done
        check do_call_far, "write: the selector that a far call pushes"
          lea ecx, [esp - 4]
          watch 0, ecx, WRITE, LEN4
          call KERNEL_CS:.here
          nop
.here:    nop
        done
        check do_rep, "rep stosb: after the iteration"
          watch 0, scratch + 3, WRITE, LEN1
          mov edi, scratch
          mov ecx, 8
          rep stosb
        done
        print `left then: `
        print_dec ecx
        print `\n`
        check do_rep_read, "repe cmpsb: after the iteration"
          watch 0, scratch + 5, ACCESS, LEN1
          mov esi, scratch
          mov edi, scratch
          mov ecx, 8
          repe cmpsb
        done
        print `left then: `
        print_dec ecx
        print `\n`
        ret

; popping label, "text", value: at CPL 3, so that the frame of #DB is elsewhere; the value is on the stack.
%macro popping 3
        mov dword [user_stack_top - 4], %3
        watch 0, user_stack_top - 4, ACCESS, LEN4
        user_check %1, %2
          lea esp, [esp - 4]
%endmacro

pops:
        popping do_pop, "access: pop", 0
          pop eax
          nop
        done
        popping do_ret, "access: ret", do_ret.here
          ret
          nop
.here:    nop
        done
        popping do_leave, "access: leave", 0
          mov ebp, esp
          leave
          nop
        done
        popping do_retf, "access: the selector that retf pops", USER_CS
          lea esp, [esp - 4]
          mov dword [ss:esp], .here
          retf
          nop
.here:    nop
        done
        ret

ports:
        mov eax, CR4_DE
        mov cr4, eax
        check io_out, "i/o: out"
          watch 1, 0x80, IO, LEN1
          out 0x80, al
          nop
        done
        check io_in, "i/o: in"
          watch 1, 0x80, IO, LEN1
          in al, 0x80
          nop
        done
        check io_word, "i/o: a word from the port below"
          watch 1, 0x81, IO, LEN1
          in ax, 0x80
          nop
        done
        check io_range, "i/o: 4 ports, the last"
          watch 1, 0x80, IO, LEN4
          out 0x83, al
          nop
        done
        check io_above, "i/o: 4 ports, the next"
          watch 1, 0x80, IO, LEN4
          out 0x84, al
          nop
        done
        check io_outs, "i/o: rep outsb, after the first"
          watch 1, 0x80, IO, LEN1
          mov edx, 0x80
          mov esi, scratch
          mov ecx, 4
          rep outsb
        done
        check io_memory, "i/o: not an access to memory of that address"
          watch 1, 0x80, IO, LEN1
          mov al, [0x80]
          nop
        done
        xor eax, eax
        mov cr4, eax
        ret

; step label, "text": TF is set before the body; the trap comes after its first instruction.
%macro step 2
        check %1, %2
          push EFLAGS_TF | 2
          popfd
%endmacro

steps:
        step step_nop, "step: nop"
          nop
          nop
        done
        step step_jcc, "step: a jump that is not taken"
          jc .far
          nop
.far:     nop
        done
        step step_loop, "step: loop"
          loop .far
          nop
.far:     nop
        done
        step step_call, "step: call"
          call .far
          nop
.far:     nop
        done
        step step_jmp_far, "step: jmp far"
          jmp KERNEL_CS:.far
          nop
.far:     nop
        done
        gate_at idt + VECTOR * 8, GATE | DESC_DPL3, KERNEL_CS, landing
        step step_int, "step: int n clears tf in the handler"
          int VECTOR
        done
        step step_int3, "step: int3"
          int3
        done
        check step_into, "step: into with overflow"
          push EFLAGS_TF | 0x802
          popfd
          into
        done
        step step_fault, "step: an instruction that faults"
          ud2
        done
        step step_bound, "step: bound that faults"
          bound eax, [.limits]
.limits:  dd 1, 0
        done
        check step_popf, "step: popfd that clears tf traps once more"
          push 2
          push EFLAGS_TF | 2
          popfd
          popfd
          nop
        done
        check step_iret, "step: iretd that clears tf, too"
          push 2
          push KERNEL_CS
          push .here
          push EFLAGS_TF | 2
          popfd
          iretd
          nop
.here:    nop
        done
        check step_iret_set, "step: iretd that sets tf: after its target"
          push EFLAGS_TF | 2
          push KERNEL_CS
          push .here
          iretd
          nop
.here:    nop
          nop
        done
        step step_pushf, "step: pushfd pushes tf"
          pushfd
          nop
        done
        step step_cr, "step: mov to cr3"
          mov cr3, eax
          nop
        done
        step step_cpuid, "step: cpuid"
          cpuid
          nop
        done
        mov ecx, 3
        mov esi, scratch
        mov edi, scratch
        step step_rep, "step: rep movsb, after one iteration"
          rep movsb
        done
        print `left then: `
        print_dec ecx
        print `\n`
        xor ecx, ecx
        step step_rep_zero, "step: rep movsb with ecx 0"
          rep movsb
          nop
        done
        check step_16, "step: in 16-bit code"
          set_segment CODE_SLOT, DESC_P | DESC_CODE, 0xffff, .body
          push EFLAGS_TF | 2
          push CODE_SLOT
          push .start - .body
          iretd
        bits 16
.start:   nop
          nop
        bits 32
        done
        check step_and_data, "step: and a data breakpoint"
          watch 0, scratch, WRITE, LEN1
          push EFLAGS_TF | 2
          popfd
          mov byte [scratch], 0
          nop
        done
        ret

landing:
        pushfd
        pop eax
        int VECTOR_VALUE

; From one ring to another.
rings:
        user_check step_user, "step: at cpl 3", EFLAGS_TF | 2
          nop
          nop
        done
        ring_check step_ring1, "step: at cpl 1", RING1_CS, RING1_DS, EFLAGS_TF | 2
          nop
          nop
        done
        check step_outward, "step: retf to cpl 3"
          push USER_DS
          push user_stack_top
          push USER_CS
          push .here
          push EFLAGS_TF | 2
          popfd
          retf
          nop
.here:    nop
        done
        gate_at gdt + CALL_GATE, DESC_P | DESC_DPL3 | DESC_CALL_GATE, KERNEL_CS, step_gate.there
        user_check step_gate, "step: call through a gate keeps tf", EFLAGS_TF | 2
          call (CALL_GATE | 3):0
.there:   nop
          nop
        done
        mov ecx, IA32_SYSENTER_CS
        mov eax, KERNEL_CS
        xor edx, edx
        wrmsr
        mov ecx, IA32_SYSENTER_EIP
        mov eax, step_sysenter.there
        wrmsr
        mov ecx, IA32_SYSENTER_ESP
        mov eax, interrupt_stack_top
        wrmsr
        user_check step_sysenter, "step: sysenter keeps tf", EFLAGS_TF | 2
          sysenter
.there:   nop
          nop
        done
        check step_sysexit_traps, "step: sysexit traps at cpl 3"
          mov edx, .here
          mov ecx, user_stack_top
          push EFLAGS_TF | 2
          popfd
          sysexit
          nop
.here:    nop
        done
        watch 0, user_stack_top - 4, WRITE, LEN4
        user_check data_user, "write: a push at cpl 3"
          push eax
          nop
        done
        watch 0, interrupt_stack_top - 4, WRITE, LEN4
        gate_at idt + VECTOR * 8, GATE | DESC_DPL3, KERNEL_CS, data_interrupt.there
        user_check data_interrupt, "write: what an interrupt pushes on the stack of ring 0"
          int VECTOR
.there:   nop
        done
        watch 0, interrupt_stack_top - 16, WRITE, LEN4
        gate_at gdt + CALL_GATE, DESC_P | DESC_DPL3 | DESC_CALL_GATE, KERNEL_CS, data_gate.there
        user_check data_gate, "write: what a call gate pushes there"
          call (CALL_GATE | 3):0
          nop
.there:   nop
        done
        ret

; Loads of SS hold back debug exceptions until the next instruction has been executed.
shadows:
        check shadow_mov, "shadow: tf with mov ss"
          mov ecx, ss
          push EFLAGS_TF | 2
          push KERNEL_CS
          push .here
          iretd
.here:    mov ss, ecx
          nop
          nop
        done
        check shadow_pop, "shadow: tf with pop ss"
          push ss
          push EFLAGS_TF | 2
          push KERNEL_CS
          push .here
          iretd
.here:    pop ss
          nop
          nop
        done
        check shadow_lss, "shadow: lss has none"
          mov dword [scratch], esp
          mov word [scratch + 4], ss
          push EFLAGS_TF | 2
          push KERNEL_CS
          push .here
          iretd
.here:    lss esp, [scratch]
          nop
          nop
        done
        check shadow_ds, "shadow: mov ds has none"
          mov ecx, ds
          push EFLAGS_TF | 2
          push KERNEL_CS
          push .here
          iretd
.here:    mov ds, ecx
          nop
          nop
        done
        check shadow_execute, "shadow: no instruction breakpoint on the next"
          mov ecx, ss
          watch 0, .here, EXECUTE, LEN1
          mov ss, ecx
.here:    nop
          nop
        done
        check shadow_execute_2, "shadow: but on the one after"
          mov ecx, ss
          watch 0, .here, EXECUTE, LEN1
          mov ss, ecx
          nop
.here:    nop
        done
        mov word [scratch], ss
        check shadow_data, "shadow: the data breakpoint of mov ss waits"
          watch 0, scratch, ACCESS, LEN2
          mov ss, [scratch]
          nop
          nop
        done
        check shadow_fault, "shadow: mov ss, then a fault"
          mov ecx, ss
          mov ss, ecx
          ud2
        done
        ret

; RF in the flags that are pushed: each gate leads to `pushed_rf` in turn.
pushed_error:
        add esp, 4
pushed_rf:
        mov eax, [esp + 8]
        and eax, EFLAGS_RF | EFLAGS_TF
        int VECTOR_VALUE

; image label, "text", vector, entry: the body ends with `image_end vector`.
%macro image 4
        gate_at idt + (%3) * 8, GATE, KERNEL_CS, %4
        check %1, %2
%endmacro
%macro image_end 1
        done
        gate_at idt + (%1) * 8, GATE, KERNEL_CS, interrupt_stubs + (%1) * STUB_SIZE
%endmacro

images:
        image rf_ud, "rf pushed by a fault: ud2", 6, pushed_rf
          ud2
        image_end 6
        image rf_gp, "rf pushed by a fault: #GP", 13, pushed_error
          mov eax, 0x2000
          mov ds, eax
        image_end 13
        image rf_de, "rf pushed by a fault: div", 0, pushed_rf
          xor ecx, ecx
          div ecx
        image_end 0
        image rf_bound, "rf pushed by a fault: bound", 5, pushed_rf
          bound eax, [.limits]
.limits:  dd 1, 0
        image_end 5
        image rf_int3, "rf pushed by int3", 3, pushed_rf
          int3
        image_end 3
        image rf_into, "rf pushed by into", 4, pushed_rf
          mov al, 0x7f
          inc al
          into
        image_end 4
        image rf_int, "rf pushed by int n", VECTOR, pushed_rf
          int VECTOR
        image_end VECTOR
        image rf_step, "rf pushed by a single step", 1, pushed_rf
          push EFLAGS_TF | 2
          popfd
          nop
        image_end 1
        image rf_data, "rf pushed by a data breakpoint", 1, pushed_rf
          watch 0, scratch, WRITE, LEN4
          mov [scratch], eax
          nop
        image_end 1
        image rf_execute, "rf pushed by an instruction breakpoint", 1, pushed_rf
          watch 0, .here, EXECUTE, LEN1
.here:    nop
        image_end 1
        image rf_int1, "rf pushed by int1", 1, pushed_rf
          db 0xf1
        image_end 1
        check int1_dr6, "int1: a trap; dr6 stays"
          db 0xf1
          nop
        done
        gate_at idt + 1 * 8, GATE, KERNEL_CS, count_db
        ret

resume_flag:
        mov dword [debug_count], 0
        mov dword [stop_at], 1000
        check rf_passes, "rf lets an instruction breakpoint pass once: times seen in three rounds"
          mov edi, 3
          watch 0, .here, EXECUTE, LEN1
.here:    dec edi
          jnz .here
          xor eax, eax
          mov dr7, eax
          mov eax, [debug_count]
        done_value
        mov dword [debug_count], 0
        check rf_string, "rf and rep stosb with a breakpoint: times seen"
          mov edi, scratch
          mov ecx, 4
          watch 0, .here, EXECUTE, LEN1
.here:    rep stosb
          xor eax, eax
          mov dr7, eax
          mov eax, [debug_count]
        done_value
        mov dword [debug_count], 0
        check rf_steps, "single steps seen over 5 instructions"
          push EFLAGS_TF | 2
          popfd
          nop
          nop
          nop
          push 2
          popfd
          mov eax, [debug_count]
        done_value
        mov dword [stop_at], 0
        check rf_iret, "iretd with rf onto a breakpoint"
          watch 0, .here, EXECUTE, LEN1
          push EFLAGS_RF | 2
          push KERNEL_CS
          push .here
          iretd
.here:    nop
        done
        check rf_popf, "popfd does not set rf"
          push EFLAGS_RF | 2
          popfd
          pushfd
          pop eax
        done_value
        ret

registers:
        check dr6_ones, "dr6 after writing ones"
          mov eax, -1
          mov dr6, eax
          mov eax, dr6
        done_value
        check dr6_zeros, "dr6 after writing zeros"
          xor eax, eax
          mov dr6, eax
          mov eax, dr6
        done_value
        check dr7_le_ge, "dr7 with le and ge"
          mov eax, 0x300
          mov dr7, eax
          mov eax, dr7
        done_value
        check dr7_fixed, "dr7: bits that are fixed"
          mov eax, 0xd000
          mov dr7, eax
          mov eax, dr7
        done_value
        check dr3_value, "dr3 holds 32 bits"
          mov eax, 0x9abcdef0
          mov dr3, eax
          mov eax, dr3
        done_value
        check dr4_alias, "dr4 is dr6, dr5 is dr7 while de is clear"
          mov eax, dr4
          mov ecx, dr5
          xor eax, ecx
        done_value
        mov eax, CR4_DE
        mov cr4, eax
        check dr4_de, "dr4 while de is set"
          mov eax, dr4
        done
        check dr5_de, "mov to dr5 while de is set"
          mov dr5, eax
        done
        xor eax, eax
        mov cr4, eax
        check gd_read, "gd: mov from dr0"
          mov eax, 1 << 13
          mov dr7, eax
          mov eax, dr0
        done
        check gd_write, "gd: mov to dr7"
          mov eax, 1 << 13
          mov dr7, eax
          mov dr7, eax
        done
        gate_at idt + 1 * 8, GATE, KERNEL_CS, seen_dr7
        check gd_cleared, "gd: dr7 in the handler"
          mov eax, 1 << 13
          mov dr7, eax
          mov eax, dr6
        done
        gate_at idt + 1 * 8, GATE, KERNEL_CS, count_db
        user_check dr_user, "mov from dr6 at cpl 3"
          mov eax, dr6
        done
        ring_check dr_ring1, "mov to dr0 at cpl 1", RING1_CS, RING1_DS
          mov dr0, eax
        done
        ret
seen_dr7:
        mov eax, dr7
        int VECTOR_VALUE

        section .data
        align 16, db 0
                times 16 db 0
scratch:        times 32 db 0
        align 4, db 0
debug_count:    dd 0
stop_at:        dd 0                            ; which #DB ends a check; 0 = the first
