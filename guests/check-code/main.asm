; check-code: kernel code that changes, moves and is looked at: what a VMM that runs it from patched copies must not show.
; Shows: instructions rewritten by their own and by other code, in both widths, through aliases, by string instructions and by
; a program; breakpoints of the guest's own; single steps and breakpoint registers over what is sensitive; jumps into
; instructions; instructions across page ends; stacks, page tables and descriptors on pages of code; checksums of code.
; SDM 3A 8.1.3 Handling Self- and Cross-Modifying Code; 3B 17.3 Debug Exceptions.

%define TABLE_COUNT 32
%include "../inc/guest.inc"
%include "../inc/check.inc"

CODE            equ 0x400000                    ; pages for code made at run time
ALIAS           equ 0x40000000                  ; where they are mapped once more, in small pages
PAGES           equ 4

LOW_CODE        equ 0x8000                      ; below 64 KiB

; alias n, frame [, flags]: maps page n of the alias.
%macro alias 2-3 PTE_P | PTE_RW | PTE_US
        map ALIAS + (%1) * 4096, (%2) | (%3)
        invlpg [abs ALIAS + (%1) * 4096]
%endmacro

; place address, first, last: copies code.
%macro place 3
        mov rdi, %1
        mov esi, %2
        mov ecx, %3 - %2
        rep movsb
%endmacro

main:
        call check_init
        xor ebx, ebx
.next:  imul eax, ebx, 4096
        lea rdi, [rax + ALIAS]
        lea rsi, [rax + CODE + (PTE_P | PTE_RW | PTE_US)]
        mov ecx, LEVEL_4K
        call map_page
        inc ebx
        cmp ebx, PAGES
        jb .next
        call rewrites
        call copies
        call breakpoints
        call steps
        call middles
        call page_ends
        call looks
        call shares
        call rights
        jmp widths

; --- Code that changes -------------------------------------------------------------------------------

rewrites:
        check immediate, "an immediate, rewritten and run 100 times"
          xor ebx, ebx
          mov ecx, 100
.next:    mov [.add + 2], cl
.add:     add ebx, 0
          dec ecx
          jnz .next
          mov eax, ebx
        done_value
        check itself, "an instruction that rewrites the next one"
          xor eax, eax
          mov byte [.next], 0xff                ; inc eax
          nop
.next:    db 0xf7, 0xc0, 0, 0, 0, 0             ; test eax, 0; FF C0 is inc eax, with two adds of AL behind it
        done_value
        check hot_patch, "a call patched in and out of a function"
          xor ebx, ebx
          mov r12d, 6
.next:    test r12d, 1
          jz .out
          mov dword [patched], 0xe8 | ((added - patched - 5) << 8) & 0xffffffff
          mov byte [patched + 4], ((added - patched - 5) >> 24) & 0xff
          jmp .run
.out:     mov dword [patched], 0x00441f0f       ; the nop of 5 bytes
          mov byte [patched + 4], 0
.run:     call patched
          shl ebx, 4
          dec r12d
          jnz .next
          mov eax, ebx
        done_value
        check alternatives, "nops replaced by what is sensitive, and back"
          mov ebx, 4
          xor r12d, r12d
.next:    mov word [.site], 0x9090
          mov word [.site + 2], 0x9090
          test ebx, 1
          jz .run
          mov dword [.site], 0x58fa9cfb         ; sti, pushf, cli, pop rax
.run:     xor eax, eax
.site:    nop
          nop
          nop
          nop
          shl r12, 12
          and eax, 0x200
          or r12, rax
          dec ebx
          jnz .next
          mov rax, r12
        done_value
        check ahead, "a copy over the code that makes it"
          mov esi, .new
          mov edi, .old
          mov ecx, .new_end - .new
          xor eax, eax
          rep movsb
.old:     mov eax, 1
          inc eax
          jmp .over
.new:     mov eax, 7
          dec eax
.new_end:
.over:
        done_value
        check alias_write, "code rewritten through an alias"
          place CODE, constant, constant_end
          call CODE
          mov ebx, eax
          mov dword [abs ALIAS + 1], 0x22222222
          call CODE
          add eax, ebx
        done_value
        check alias_run, "an alias run, the page itself rewritten"
          mov ecx, 3
          xor ebx, ebx
.next:    mov [abs CODE + 1], ecx
          mov eax, ALIAS
          push rcx
          call rax
          pop rcx
          shl ebx, 4
          add ebx, eax
          dec ecx
          jnz .next
          mov eax, ebx
        done_value
        check by_lock, "code rewritten by lock cmpxchg and xadd"
          mov eax, 1
          mov ecx, 0x01010101
          lock cmpxchg [abs CODE + 1], ecx
          mov ecx, 0x01010101
          lock xadd [abs CODE + 1], ecx
          call CODE
          add eax, ecx
        done_value
        check user_write, "code rewritten by a program, run by the kernel"
          call CODE
          push rax
          on_interrupt VECTOR_DONE, back_to_kernel
          mov [user_resume], rsp
          push USER_DS
          push user_stack_top
          push 2
          push USER_CS
          push .program
          iretq
.program: mov dword [abs ALIAS + 1], 0x40404040
          int VECTOR_DONE
.kernel:  on_interrupt VECTOR_DONE, check_report
          pop rbx
          call CODE
          sub eax, ebx
        done_value
        ret

; back_to_kernel: the handler that ends a program in the middle of a check.
back_to_kernel:
        mov rax, [user_resume]
        mov [rdi + FRAME_RSP], rax
        mov qword [rdi + FRAME_RIP], user_write.kernel
        mov qword [rdi + FRAME_CS], KERNEL_CS
        mov qword [rdi + FRAME_SS], KERNEL_DS
        ret

        section .bss
        alignb 8
user_resume:    resq 1
        section .text

patched:
        nop
        nop
        nop
        nop
        nop
        inc ebx
        ret
added:  add ebx, 4
        ret

constant:
        mov eax, 0x11111111
        ret
constant_end:

; --- Code that is copied before it is run -----------------------------------------------------------

copies:
        check generated, "functions made at one place, one after another"
          xor ebx, ebx
          mov r12d, 20
.next:    mov edi, CODE + 0x100
          mov eax, 0x05
          stosb
          mov eax, r12d
          stosd                                 ; add eax, r12d
          mov eax, 0xc3
          stosb
          mov eax, ebx
          call CODE + 0x100
          mov ebx, eax
          dec r12d
          jnz .next
          mov eax, ebx
        done_value
        check sensitive_copy, "a copy of what is sensitive"
          place CODE + 0x200, sensitive, sensitive_end
          call CODE + 0x200
        done_value
        check moved, "a function that moves itself ahead and goes on there"
          place CODE + 0x300, mover, mover_end
          mov edi, CODE + 0x300
          xor eax, eax
          call rdi
        done_value
        ret

sensitive:
        push rbx
        push rcx
        pushfq
        cli
        pop rcx
        mov rax, cr0
        and eax, 0x11
        smsw ebx
        and ebx, 0x11
        shl ebx, 8
        or eax, ebx
        str bx
        shl ebx, 16
        or eax, ebx
        pop rcx
        pop rbx
        ret
sensitive_end:

mover:  inc eax
        cmp eax, 5
        je .done
        mov rsi, rdi
        add rdi, mover_end - mover
        mov ecx, mover_end - mover
        push rdi
        rep movsb
        pop rdi
        jmp rdi
.done:  ret
mover_end:

; --- Breakpoints of the guest's own -----------------------------------------------------------------

breakpoints:
        check int3, "int3"
          nop
          int3
          nop
        done
        check int3_long, "int 3 in two bytes"
          nop
          db 0xcd, 3
          nop
        done
        check int3_prefixed, "int3 with prefixes"
          db 0x48, 0x66, 0xcc
        done
        check int3_written, "int3 written over an instruction, and taken away"
          mov ecx, 3
          xor ebx, ebx
.next:    mov byte [.here], 0xcc
          on_interrupt 3, take_away
          mov dword [taken_away], .here
.here:    inc ebx
          dec ecx
          jnz .next
          on_interrupt 3, check_report
          mov eax, ebx
        done_value
        check int3_site, "int3 over cli, stepped over and put back"
          on_interrupt 3, take_away_and_step
          on_interrupt 1, put_back
          mov dword [taken_away], .here
          mov byte [taken_byte], 0xfa
          mov ecx, 3
          xor ebx, ebx
.next:    mov byte [.here], 0xcc
          sti
.here:    cli
          pushfq
          pop rax
          and eax, 0x300
          add ebx, eax
          inc ebx
          dec ecx
          jnz .next
          on_interrupt 3, check_report
          on_interrupt 1, check_report
          mov eax, ebx
        done_value
        check int3_inside, "a byte CC within an instruction"
          mov eax, 0xcccccccc
        done_value
        check int3_middle, "a jump to it"
          jmp .in + 1
.in:      mov eax, 0xcccccccc
        done_value
        ; differs(qemu): int1: - #UD, though INT1 has no privilege rule
        check int1, "int1"
          nop
          db 0xf1
          nop
        done
        ret

take_away:
        mov rax, [rdi + FRAME_RIP]
        dec rax
        cmp eax, [taken_away]
        jne check_report
        mov [rdi + FRAME_RIP], rax
        mov byte [rax], 0xff                    ; the first of inc ebx
        ret

take_away_and_step:
        mov rax, [rdi + FRAME_RIP]
        dec rax
        cmp eax, [taken_away]
        jne check_report
        mov [rdi + FRAME_RIP], rax
        mov cl, [taken_byte]
        mov [rax], cl
        or qword [rdi + FRAME_RFLAGS], RFLAGS_TF
        ret

put_back:
        mov eax, [taken_away]
        mov byte [rax], 0xcc
        and qword [rdi + FRAME_RFLAGS], ~RFLAGS_TF
        ret

        section .data
taken_away:     dd 0
taken_byte:     db 0
        section .text

; --- Single steps and breakpoint registers ----------------------------------------------------------

; stepped label, "text": a body under single step. Its value: how many there were, and where.
%macro stepped 2
        check %1, %2
          on_interrupt 1, count_step
          xor r12d, r12d
          xor r13d, r13d
          pushfq
          or qword [rsp], RFLAGS_TF
          popfq
%endmacro
%macro stepped_end 0
          pushfq
          and qword [rsp], ~RFLAGS_TF
          popfq
          on_interrupt 1, check_report
          mov eax, r13d
          shl rax, 32
          or rax, r12
        done_value
%endmacro

count_step:
        inc r13d
        mov rax, [rdi + FRAME_RIP]
        sub rax, [check_origin]
        rol r12d, 3
        add r12d, eax
        mov [rdi + 88], r12                     ; as they are saved in the frame
        mov [rdi + 96], r13
        ret

steps:
        ; differs(qemu): steps over pushf - the shadow of STI holds the trap off
        stepped step_flags, "steps over pushf, cli, sti, popf"
          pushfq
          cli
          sti
          nop
          cli
          popfq
        stepped_end
        stepped step_system, "steps over mov cr, smsw, str, sgdt, in and out"
          mov rax, cr0
          mov cr0, rax
          smsw eax
          str eax
          sgdt [rsp - 32]
          in al, 0x80
          out 0x80, al
          mov rax, cr3
          mov cr3, rax
        stepped_end
        stepped step_string, "steps over rep stosb on a page of code"
          mov edi, CODE + 0x800
          mov ecx, 5
          mov al, 0x90
          rep stosb
          mov byte [rdi], 0xc3
          call CODE + 0x800
        stepped_end
        stepped step_segment, "steps over mov ss and pop ss"
          mov eax, ss
          mov ss, eax
          pushfq
          pop rbx
          mov ss, eax
          nop
        stepped_end
        check break_site, "a breakpoint register at pushf"
          mov eax, .here
          mov dr0, rax
          mov eax, 0x401
          mov dr7, rax
          nop
.here:    pushfq
        done
        check break_write, "a breakpoint register at a write to code"
          mov eax, .here
          mov dr0, rax
          mov eax, 0x401 | 1 << 16
          mov dr7, rax
          mov byte [.here], 0x90
          nop
.here:    nop
        done
        check break_read, "a breakpoint register at a read of code"
          mov eax, .here
          mov dr0, rax
          mov eax, 0x401 | 3 << 16
          mov dr7, rax
          nop
.here:    mov al, [.here]
          nop
        done
        ret

; --- Jumps into instructions ------------------------------------------------------------------------

middles:
        check middle_flags, "pushf and pop in an immediate"
          xor eax, eax
          call .in + 1
          and eax, 0x202
          jmp .done_it
.in:      mov ebx, 0x90c3589c                   ; pushfq; pop rax; ret
.done_it:
        done_value
        check middle_again, "the same instruction from both ends, 10 times"
          xor r12d, r12d
          mov r13d, 10
.next:    call .in + 1
          and eax, 2
          add r12d, eax
          call .in
          add r12d, ebx
          dec r13d
          jnz .next
          mov eax, r12d
          jmp .done_it
.in:      mov ebx, 0x90c3589c
          ret
.done_it:
        done_value
        check middle_prefix, "a jump behind the prefix of pushf"
          mov r12, rsp
          xor ebx, ebx
          mov r13d, 3
.in:      db 0x66
          pushfq                                ; pushf; behind the prefix pushfq
          mov rax, r12
          sub rax, rsp
          mov rsp, r12
          shl ebx, 4
          add ebx, eax
          dec r13d
          js .done_it
          jz .in
          jmp .in + 1
.done_it:
          mov eax, ebx
        done_value
        check middle_site, "a jump into mov rax, cr0"
          mov eax, 7
          call .in
          and eax, 0x11
          shl eax, 8
          mov ebx, eax
          xor eax, eax
          mov ecx, 0
          call .in + 2
          or eax, ebx
          jmp .done_it
.in:      db 0x0f, 0x20, 0xc0                   ; mov rax, cr0; C0 C3 00 is rol bl, 0
          db 0xc3, 0x00, 0xc3
.done_it:
        done_value
        check overlap, "two instructions over one another, taken in turn"
          xor eax, eax
          mov ecx, 5
.next:    call .in
          call .in + 2
          dec ecx
          jnz .next
          jmp .done_it
.in:      db 0xeb, 0xff, 0xc0                   ; jmp into itself: FF C0 is inc eax
          ret                                   ; C0 C3 00: rol bl, 0
          db 0
          ret
.done_it:
        done_value
        check by_iret, "iretq into an instruction"
          mov eax, ss
          push rax
          lea rbx, [rsp + 8]
          push rbx
          push 2
          push KERNEL_CS
          push .in + 2
          iretq
.in:      mov ax, 0xcf9c                        ; 9C CF: pushf, iret
          nop
        done
        check too_long, "cli behind fifteen prefixes"
          times 15 db 0x3e
          cli
        done
        check longest, "cli behind fourteen"
          sti
          times 14 db 0x3e
          cli
          pushfq
          pop rax
          and eax, 0x200
        done_value
        check none, "bytes that are no instruction, written and run"
          mov word [abs CODE + 0x900], 0x0b0f
          call CODE + 0x900
        done
        ret

; --- Instructions across the end of a page ----------------------------------------------------------

; across label, "text", code, bytes before the end: CODE's last bytes and those of the next page, by the alias.
%macro at_end 3
        place CODE + 4096 - (%3), %1, %2
%endmacro

page_ends:
        check end_plain, "an instruction across two pages"
          at_end constant, constant_end, 3
          mov eax, ALIAS + 4096 - 3
          call rax
        done_value
        check end_site, "mov rax, cr0 across two pages"
          at_end control, control_end, 2
          mov eax, ALIAS + 4096 - 2
          call rax
          and eax, 0x11
        done_value
        ; differs(bochs): the same, the second page mapped elsewhere - what it decoded outlives INVLPG of the second page
        check end_other, "the same, the second page mapped elsewhere"
          mov dword [abs CODE + 2 * 4096], 0x9090c3e0  ; mov rax, cr4
          alias 1, CODE + 2 * 4096
          mov eax, ALIAS + 4096 - 2
          call rax
          mov ebx, eax
          alias 1, CODE + 4096
          mov eax, ALIAS + 4096 - 2
          call rax
          and eax, 0x11
          and ebx, 0x20
          shl ebx, 8
          or eax, ebx
        done_value
        ; differs(bochs): the second page is not present - the same
        check end_absent, "the second page is not present"
          alias 1, CODE + 4096, 0
          mov eax, ALIAS + 4096 - 2
          call rax
        done
        check end_plain_absent, "the same under a plain instruction"
          at_end constant, constant_end, 3
          mov eax, ALIAS + 4096 - 3
          call rax
        done
        check end_runs_off, "a page that runs off its end"
          mov byte [abs CODE + 4095], 0x90
          mov eax, ALIAS + 4095
          call rax
        done
        check end_brought, "the second page is brought by the handler"
          on_interrupt 14, bring_page
          mov eax, ALIAS + 4096 - 3
          mov byte [abs CODE + 4095], 0x11
          call rax
          on_interrupt 14, check_report
        done_value
        check end_loop, "a loop across two pages"
          at_end looped, looped_end, 4
          mov ecx, 50
          xor eax, eax
          mov edx, ALIAS + 4096 - 4
          call rdx
        done_value
        check end_rewritten, "the same, the second half rewritten on the way"
          at_end constant, constant_end, 3
          xor r12d, r12d
          mov r13d, 4
.next:    mov byte [abs CODE + 4096], r13b
          mov eax, ALIAS + 4096 - 3
          call rax
          add r12d, eax
          dec r13d
          jnz .next
          mov eax, r12d
        done_value
        ret

bring_page:
        alias 1, CODE + 4096
        ret

control:
        mov rax, cr0
        ret
control_end:

looped: add eax, 3
        dec ecx
        jnz looped
        ret
looped_end:

; --- Code that looks at code ------------------------------------------------------------------------

; sum address, bytes: RAX = a checksum of them.
%macro sum 2
        mov esi, %1
        mov ecx, %2
        call sum_of
%endmacro

sum_of: xor eax, eax
.next:  movzx edx, byte [rsi]
        inc rsi
        rol eax, 3
        add eax, edx
        dec ecx
        jnz .next
        ret

looks:
        check own_sum, "a checksum of this page before and after it has run"
          sum looks, 512
          mov r12d, eax
          sum looks, 512
          cmp eax, r12d
          sete al
          movzx eax, al
        done_value
        check sums, "the same bytes by the page and by its alias"
          place CODE, sensitive, sensitive_end
          call CODE
          sum CODE, 4096
          mov r12d, eax
          mov eax, ALIAS
          call rax
          sum ALIAS, 4096
          xor eax, r12d
        done_value
        check sum_of_sum, "the checksum of the checksum's own code"
          sum sum_of, looks - sum_of
        done_value
        check return_address, "a call reads what lies behind it"
          call read_behind
          dd 0x12345678
        done_value
        check operand, "push, pop, add and cmpsb with operands in code"
          push qword [.here]
          pop rax
          mov esi, .here
          mov edi, .here
          mov ecx, 8
          repe cmpsb
          setz cl
.here:    add al, [.here]
          movzx eax, al
        done_value
        check descriptors, "lgdt and lidt with operands in code, the tables too"
          lgdt [.gdt]
          lgdt [gdt_pointer]
          mov rax, [.gdt + 2]
          sub rax, gdt
          jmp .over
.gdt:     dw gdt_end - gdt - 1
          dq gdt
.over:
        done_value
        ret

read_behind:
        pop rdx
        mov eax, [rdx]
        add rdx, 4
        jmp rdx

; --- What else lies on pages of code ----------------------------------------------------------------

shares:
        check stack_here, "a stack on the page of code"
          place CODE, pusher, pusher_end
          mov r12, rsp
          mov esp, CODE + 0x800
          mov eax, 3
          mov edx, CODE
          call rdx
          mov rsp, r12
        done_value
        check interrupt_here, "an interrupt whose frame goes on the page of code"
          mov r12, rsp
          mov esp, CODE + 0x800
          on_interrupt 0x81, count_interrupt
          place CODE, caller, caller_end
          xor eax, eax
          mov edx, CODE
          call rdx
          mov rsp, r12
        done_value
        check table_here, "a page table on the page of code"
          place CODE, writer, writer_end
          mov edi, CODE + 0x800                 ; its last entries are those of page 257 and on of the region
          map ALIAS + 0x200000, CODE | PTE_P | PTE_RW | PTE_US, LEVEL_2M
          mov qword [rax], CODE + (PTE_P | PTE_RW | PTE_US)
          invlpg [abs ALIAS + 0x300000]
          mov r12d, 3
          xor r13d, r13d
.next:    mov eax, r12d
          shl eax, 12
          add eax, CODE + (PTE_P | PTE_RW | PTE_US)
          mov dword [abs CODE + 4096 * 3], 0x33
          mov dword [abs CODE + 4096 * 2], 0x22
          mov dword [abs CODE + 4096 * 1], 0x11
          mov edx, CODE
          call rdx                              ; writes the entry, and invalidates
          add r13d, [abs ALIAS + 0x300000]
          dec r12d
          jnz .next
          mov eax, r13d
        done_value
        check program_here, "a program on the same page, that writes there"
          place CODE + 0x700, program, program_end
          place CODE, constant, constant_end
          mov r14d, 3
          xor r12d, r12d
          on_interrupt VECTOR_DONE, program_done
.next:    call CODE
          add r12d, eax
          mov [user_resume], rsp
          push USER_DS
          push user_stack_top
          push 2
          push USER_CS
          push ALIAS + 0x700
          iretq
.kernel:  dec r14d
          jnz .next
          on_interrupt VECTOR_DONE, check_report
          mov eax, r12d
        done_value
        ret

pusher: push rax
        dec eax
        jz .out
        mov edx, CODE
        call rdx
.out:   pop rcx
        shl eax, 4
        or eax, ecx
        ret
pusher_end:

caller: mov ecx, 5
.next:  int 0x81
        dec ecx
        jnz .next
        ret
caller_end:

count_interrupt:
        inc qword [rdi + FRAME_RAX]
        ret

writer: mov [abs CODE + 0x800], rax
        invlpg [abs ALIAS + 0x300000]
        ret
writer_end:

; Adds one to each byte of the constant beside it.
program:
        mov eax, ALIAS
        add dword [rax + 1], 0x01010101
        int VECTOR_DONE
program_end:

program_done:
        mov rax, [user_resume]
        mov [rdi + FRAME_RSP], rax
        mov qword [rdi + FRAME_RIP], program_here.kernel
        mov qword [rdi + FRAME_CS], KERNEL_CS
        mov qword [rdi + FRAME_SS], KERNEL_DS
        ret

; --- Access rights and flags of pages of code -------------------------------------------------------

; flags_of: RAX = accessed and dirty flag of the alias.
%macro flags_of_alias 0
        mov rdi, ALIAS
        mov ecx, LEVEL_4K
        call page_entry
        mov rax, [rax]
        and eax, PTE_A | PTE_D
%endmacro

rights:
        check flags_run, "run: accessed, not dirty"
          place CODE, sensitive, sensitive_end
          alias 0, CODE
          mov eax, ALIAS
          call rax
          flags_of_alias
        done_value
        check flags_read, "read: the same"
          mov al, [abs ALIAS]
          flags_of_alias
        done_value
        check flags_written, "written: dirty"
          mov byte [abs ALIAS + 0xfff], 0
          flags_of_alias
        done_value
        check flags_again, "cleared, and run: accessed"
          alias 0, CODE
          mov eax, ALIAS
          call rax
          flags_of_alias
        done_value
        check read_only, "a write to code that may not be written"
          mov rax, cr0
          or eax, CR0_WP
          mov cr0, rax
          alias 0, CODE, PTE_P
          mov eax, ALIAS
          call rax
          mov byte [abs ALIAS], 0x90
        done
        check write_protect, "the same without cr0.wp, and run"
          mov rax, cr0
          and eax, ~CR0_WP
          mov cr0, rax
          mov byte [abs ALIAS], 0xc3
          mov eax, ALIAS
          call rax
          movzx eax, byte [abs ALIAS]
        done_value
        ret

; --- The same bytes in several widths ---------------------------------------------------------------

; widths: a page in low memory with data between its code, as trampolines have.
widths:
        mov edi, LOW_CODE
        mov esi, low_code
        mov ecx, low_code_end - low_code
        rep movsb
        mov edi, free_slots
        mov dword [rdi], 0xffff                 ; flat 32-bit code at CPL 0
        mov dword [rdi + 4], FLAT | DESC_A | DESC_D | DESC_P | DESC_CODE
        mov dword [rdi + 8], 0xffff             ; and 16-bit code, base 0
        mov dword [rdi + 12], DESC_A | DESC_P | DESC_CODE
        mov dword [rdi + 16], 0xffff            ; and its stack
        mov dword [rdi + 20], FLAT | DESC_A | DESC_D | DESC_P | DESC_DATA
        check both_ways, "code of 64, 32 and 16 bits on one page, by turns"
          mov r12, rsp
          mov r13d, 5
          xor ebx, ebx
.next:    call LOW_CODE + low_64 - low_code
          dec r13d
          jnz .next
          mov rsp, r12
          mov eax, ebx
        done_value
        check same_bytes, "the same bytes in 64 and 32 bits"
          mov r12, rsp
          mov r13d, 3
          xor ebx, ebx
.next:    mov eax, 0x100
          call LOW_CODE + low_twice - low_code
          add ebx, eax
          mov eax, 0x100
          call LOW_CODE + low_32_twice - low_code
          shl ebx, 8
          add ebx, eax
          dec r13d
          jnz .next
          mov rsp, r12
          mov eax, ebx
        done_value
        ret

low_code:
%define LOW(label) (LOW_CODE + label - low_code)
low_count:
        dd 0
low_64: mov [abs LOW(low_rsp)], rsp
        mov esp, LOW_CODE + 0x800
        jmp far dword [abs LOW(low_to_32)]
low_to_32:
        dd LOW(low_32)
        dw FREE_SELECTOR
        bits 32
low_32: inc dword [LOW(low_count)]
        add ebx, [LOW(low_count)]
        pushfd
        pop eax
        and eax, 0x3000
        add ebx, eax
        jmp FREE_SELECTOR + 8:LOW(low_16)
low_value:
        dd 0x9ccf9ccf
        bits 16
low_16: add ebx, [LOW(low_value)]
        mov ax, 0x1234
        add bx, ax
        cli
        jmp dword KERNEL_CS:LOW(low_back)
        bits 64
low_back:
        mov rsp, [abs LOW(low_rsp)]
        ret
        align 8
low_rsp:
        dq 0
low_twice:
        db 0x48, 0xff, 0xc8                     ; dec rax; dec eax, dec eax
        ret
low_32_twice:
        mov [abs LOW(low_rsp)], rsp
        mov esp, LOW_CODE + 0x800
        jmp far dword [abs LOW(low_to_twice)]
low_to_twice:
        dd LOW(low_call)
        dw FREE_SELECTOR
        bits 32
low_call:
        call low_twice
        jmp KERNEL_CS:LOW(low_back)
        bits 64
low_code_end:
