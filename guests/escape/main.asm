; escape: a guest that tries to get at what is not its own: the VMM, other guests, memory that nobody has given it. It
; looks for the VMM with SIDT and SGDT, and where they show nothing else than its own tables, at an address where a VMM
; may be. What it writes is MARK, so that a test can look for it.
; Shows: every way to name memory or a segment, and what stops it; on a machine without a VMM there is nothing to find.
; Takes: page faults true and hidden, descriptors of every kind, port accesses, system calls.
; expected-trap.txt: what differs under trap, where a selector leads to a segment of the VMM: the segment is flat and
; reaches what all the others reach.

%define TABLE_COUNT 32
%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/pic.inc"

MARK            equ 0x5a5a5a5a5a5a5a5a
RAM_END         equ RAM_MIB << 20
BEYOND_PAGES    equ 2048                        ; how far behind the end of memory it looks
WINDOW          equ 0x4000000000                ; an address of its own, in an entry of the PDPT of its own
SUSPECT         equ 0xfffffe8000000000          ; where a VMM may have its IDT, two pages before its GDT

VMM_LDT         equ 0xffc8                      ; selectors at the end of a GDT, which a VMM may have taken
VMM_CODE        equ 0xffd0
VMM_DATA        equ 0xffd8
VMM_STACK       equ 0xffe0
VMM_TASK        equ 0xfff0

; result "text": RBX, in one line.
%macro result 1
        print %1
        print `: `
        print_dec rbx
        print `\n`
%endmacro

; count_unless_nothing register: memory that nobody has reads as zeros or ones; counts in RBX what is neither.
%macro count_unless_nothing 1
        lea rcx, [%1 + 1]
        cmp rcx, 2
        jb %%nothing
        inc rbx
%%nothing:
%endmacro

main:
        call check_init
        call pic_init
        call look
        mov r15, MARK
        call reach
        call take_its_place
        call beyond_memory
        call self_map
        call descriptors
        call entries_to_kernel
        jmp devices

; look: R12 = an IDT and R13 = a GDT that are not the kernel's own.
look:
        sidt [scratch]
        mov r12, [scratch + 2]
        cmp r12, idt
        jne .gdt
        mov r12, SUSPECT
.gdt:   sgdt [scratch]
        mov r13, [scratch + 2]
        cmp r13, gdt
        jne .done
        lea r13, [r12 + 0x2000]
.done:  ret

; --- By its addresses ------------------------------------------------------------------------------

reach:
        check at_read, "kernel reads the idt of the vmm"
          mov rax, [r12]
        done_value
        check at_write, "kernel writes it"
          mov [r12], r15
        done
        ; differs(qemu): kernel updates the gdt - QEMU's TCG reads it first
        check at_update, "kernel updates the gdt of the vmm"
          or qword [r13 + 8], 0x60
        done
        check at_jump, "kernel jumps there"
          jmp r12
        done
        check at_copy, "kernel copies from there"
          mov rsi, r12
          mov edi, scratch
          mov ecx, 512
          rep movsq
        done
        check at_store, "kernel fills it"
          mov rdi, r13
          mov rax, r15
          mov ecx, 512
          rep stosq
        done
        ; differs(bochs): kernel loads its gdtr - Bochs reads the base first
        ; differs(bochs): kernel loads its idtr - likewise
        check at_lgdt, "kernel loads its gdtr from there"
          lgdt [r12]
        done
        check at_lidt, "kernel loads its idtr from there"
          lidt [r13]
        done
        check at_str, "kernel stores its tr there"
          str [r12]
        done
        check at_invlpg, "kernel flushes the translation"
          invlpg [r12]
        done
        user_check at_user_read, "program reads the idt of the vmm"
          mov rax, [r12]
        done_value
        user_check at_user_write, "program writes it"
          mov [r12], r15
        done
        user_check at_user_jump, "program jumps there"
          jmp r12
        done
        user_check at_user_push, "program has its stack there"
          lea rsp, [r12 + 64]
          push r15
        done
        user_check at_user_smsw, "program stores cr0 there"
          smsw [r13]
        done
        set_msr IA32_FS_BASE, r12
        check at_fs, "kernel has the base of fs there"
          mov rax, [fs:8]
        done_value
        ret

; --- By taking the place in the address space -------------------------------------------------------

take_its_place:
        mov qword [page], 1
        xor ebx, ebx                            ; how often it found something else than its own page
        mov ebp, 8
.chase: call look
        map r12, page + (PTE_P | PTE_RW | PTE_US)
        flush_page [r12]
        mov rax, [r12]
        cmp rax, [page]
        setne al
        movzx eax, al
        add rbx, rax
        inc qword [r12]
        dec ebp
        jnz .chase
        result "own page mapped where the vmm is: not found there"
        mov rbx, [page]
        result "writes that arrived, and one"

; All of the PML4: the entry of the kernel's memory, again and again.
        xor ebx, ebx
        mov rax, [page_root]
        mov ecx, 1
.fill:  write_entry page_root + rcx * 8, rax
        inc ecx
        cmp ecx, 512
        jb .fill
        call use_page_tables
        xor ebp, ebp
.look:  mov rdi, rbp                            ; canonical: bit 47 repeated
        shl rdi, 55
        sar rdi, 16
        mov rax, [rdi + page]
        cmp rax, [page]
        setne al
        movzx eax, al
        add rbx, rax
        inc qword [rdi + page]
        inc ebp
        cmp ebp, 512
        jb .look
        result "memory mapped at every entry of the pml4: not found there"
        mov rbx, [page]
        result "writes that arrived, and nine"
        call look
        mov rcx, (1 << 39) - 1                  ; wherever the IDT is said to be, this is the guest's memory
        and rcx, r12
        mov rbx, [rcx]
        cmp rbx, [r12]
        sete bl
        movzx ebx, bl
        result "what is at the idt of the vmm is the guest's"
        user_check at_full_read, "program reads there"
          mov rax, [r12]
          sub rax, rax
        done_value

        xor eax, eax
        mov ecx, 511
.clear: write_entry page_root + rcx * 8, rax
        dec ecx
        jnz .clear
        call use_page_tables
        jmp look

; --- By frames that it does not have ----------------------------------------------------------------

beyond_memory:
        map WINDOW, RAM_END + (PTE_P | PTE_RW)
        mov rdi, rax                            ; the entry
        mov rsi, WINDOW
        xor ebx, ebx
        mov ebp, BEYOND_PAGES
        mov r14, RAM_END + (PTE_P | PTE_RW)
.pages: write_entry rdi, r14
        flush_page [rsi]
        call try_page
        add r14, 4096
        dec ebp
        jnz .pages
        result "pages beyond memory, of 2048: not empty"

        mov r14, 0xffffff000 + (PTE_P | PTE_RW)
        mov ebp, 5
        xor ebx, ebx
.far:   write_entry rdi, r14
        flush_page [rsi]
        call try_page
        shl r14, 1                              ; up to bit 39 of an address
        and r14, ~0xfff
        or r14, PTE_P | PTE_RW
        dec ebp
        jnz .far
        result "pages far beyond memory, of 5: not empty"

        mov r14, (1 << 40) + (PTE_P | PTE_RW)
        write_entry rdi, r14
        mov r14, rsi
        flush_page [r14]
        ; differs(qemu): a frame beyond physical - QEMU's TCG does not set P for reserved bits
        check at_reserved, "a frame beyond physical addresses"
          mov [r14], r15
        done

        mov rdi, WINDOW + 0x40000000
        mov ecx, LEVEL_2M
        mov rsi, RAM_END + (PTE_P | PTE_RW)
        call map_page
        mov rdi, rax
        xor ebx, ebx
        mov ebp, BEYOND_PAGES
        mov rsi, WINDOW + 0x40000000
        mov r14, RAM_END + (PTE_P | PTE_RW | PTE_PS)
.large: test ebp, 511
        jnz .same
        write_entry rdi, r14
        add r14, 0x200000
        mov rsi, WINDOW + 0x40000000
        flush_page [rsi]
.same:  call try_page
        add rsi, 4096
        dec ebp
        jnz .large
        result "large pages beyond memory, pages of 2048: not empty"

        mov r14, 0x2000 + (PTE_P | PTE_RW | PTE_PS)
        write_entry rdi, r14
        mov r14, WINDOW + 0x40000000
        flush_page [r14]
        ; differs(qemu): a large page that begins - likewise
        check at_large_reserved, "a large page that begins within one"
          mov [r14], r15
        done
        mov r14, RAM_END + (PTE_P | PTE_RW)
        write_entry rdi, r14
        mov r14, WINDOW + 0x40000000
        flush_page [r14]
        ; differs(qemu): a page table beyond - QEMU reads zeros where nothing is, a PC ones
        check at_table_beyond, "a page table beyond memory"
          mov [r14], r15
        done
        xor r14d, r14d
        write_entry rdi, r14
        ret

; try_page: reads the page RSI, writes it, reads it again.
try_page:
        mov rax, [rsi]
        count_unless_nothing rax
        mov [rsi + 8], r15
        mov [rsi + 0xff8], r15
        mov rax, [rsi + 8]
        count_unless_nothing rax
        mov rax, [rsi + 0xff8]
        count_unless_nothing rax
        ret

; --- By its own page tables, read as memory ---------------------------------------------------------

SELF            equ 510
SELF_PML4       equ 0xffff000000000000 | (SELF << 39) | (SELF << 30) | (SELF << 21) | (SELF << 12)
SELF_PTE        equ 0xffff000000000000 | (SELF << 39) | (WINDOW >> 12 << 3) ; the entry of WINDOW

self_map:
        mov rax, page_root + (PTE_P | PTE_RW)
        write_entry page_root + SELF * 8, rax
        mov rsi, SELF_PML4
        mov edi, page_root
        xor ebx, ebx
        mov ecx, 512
.next:  mov rax, [rsi]
        xor rax, [rdi]
        and rax, ~(PTE_A | PTE_D)
        setnz al
        movzx eax, al
        add rbx, rax
        add rsi, 8
        add rdi, 8
        dec ecx
        jnz .next
        result "entries of the pml4 that a self-map shows as others"
        mov rdi, SELF_PTE
        mov rsi, WINDOW
        xor ebx, ebx
        mov ebp, 256
        mov r14, RAM_END + (PTE_P | PTE_RW)
.beyond:
        mov [rdi], r14
        flush_page [rsi]
        call try_page
        add r14, 4096
        dec ebp
        jnz .beyond
        result "pages beyond memory, by a self-map, of 256: not empty"
        mov rax, page + (PTE_P | PTE_RW)
        mov [rdi], rax
        flush_page [rsi]
        mov [rsi], r15
        xor ebx, ebx
        cmp [page], r15
        sete bl
        result "own page, by a self-map"
        xor eax, eax
        mov [rdi], rax
        flush_page [rsi]
        ret

; --- By segments ------------------------------------------------------------------------------------

descriptors:
        mov esi, gdt
        mov edi, big_gdt
        mov ecx, gdt_end - gdt
        rep movsb
        load_gdt [big_pointer]                  ; with room for all selectors
        call segments
        call far_transfers
        call tables
        load_gdt [gdt_pointer]
        ret

; select label, "name", selector: loads FS, and reads the VMM's IDT by it.
%macro select 3
%strcat SELECT_TEXT "kernel loads fs with ", %2
        check %1, SELECT_TEXT
          mov eax, %3
          mov fs, eax
          mov rax, [fs:r12]
        done_value
%strcat SELECT_TEXT "program loads fs with ", %2
        user_check user_%1, SELECT_TEXT
          mov eax, (%3) | 3
          mov fs, eax
          mov rax, [fs:r12]
        done_value
%endmacro
segments:
        select at_ldt, "the ldt of the vmm", VMM_LDT
        select at_code, "its code", VMM_CODE
        select at_data, "its data", VMM_DATA
        select at_stack, "its stack", VMM_STACK
        select at_stack3, "its stack, rpl 3", VMM_STACK | 3
        select at_task, "its task", VMM_TASK
        select at_last, "the last selector", 0xfff8
        user_check at_user_ss, "program loads ss with its data"
          mov eax, VMM_DATA | 3
          mov ss, eax
        done
        check at_ltr, "kernel loads tr with its task"
          mov eax, VMM_TASK
          ltr ax
        done
        check at_lldt, "kernel loads ldtr with its ldt"
          mov eax, VMM_LDT
          lldt ax
        done
        ret

far_transfers:
        check at_call, "kernel calls its code"
          o64 call far [to_code]
        done
        check at_jmp, "kernel jumps to its code"
          o64 jmp far [to_code]
        done
        check at_call_task, "kernel calls its task"
          o64 call far [to_task]
        done
        check at_retf, "kernel returns to its code"
          push VMM_CODE
          push landing
          far_return
        done
        check at_iret, "kernel returns to its code and data by iret"
          push VMM_DATA
          push rsp
          push 2
          push VMM_CODE
          push landing
          iretq
        done
        user_check at_user_call, "program calls its code"
          o64 call far [to_code3]
        done
        user_check at_user_retf, "program returns to its code"
          push VMM_CODE
          push landing
          far_return
        done
        user_check at_user_iret, "program returns to its code and stack by iret"
          push VMM_STACK | 3
          push user_stack_top
          push 2
          push VMM_CODE | 3
          push landing
          iretq
        done
        ret

landing:
        mov eax, cs
        int VECTOR_VALUE

; Tables whose bases are where the VMM is.
tables:
        mov edi, big_gdt + FREE_SELECTOR
        mov rsi, r12
        mov edx, DESC_P | DESC_LDT
        mov ecx, 0xffff
        call write_system_descriptor
        mov eax, FREE_SELECTOR
        load_ldt ax
        check at_ldt_base, "a descriptor from an ldt at the vmm"
          mov eax, 0x0c
          mov fs, eax
        done
        user_check at_user_ldt_base, "the same for a program"
          mov eax, 0x2007
          mov fs, eax
        done
        xor eax, eax
        load_ldt ax

; A TSS at the end of a page, whose I/O bitmap is in the next.
        mov esi, tss
        mov edi, task_page + 4096 - 128
        mov ecx, TSS_SIZE
        rep movsb
        mov word [task_page + 4096 - 128 + TSS_IO_BASE], 128
        map WINDOW, task_page + (PTE_P | PTE_RW)
        mov edi, big_gdt + FREE_SELECTOR
        mov rsi, WINDOW + 4096 - 128
        mov edx, DESC_P | DESC_TSS
        mov ecx, 0xffff
        call write_system_descriptor
        mov eax, FREE_SELECTOR
        load_task ax
        user_check at_bitmap_absent, "a port by an i/o bitmap that is not there"
          in al, 0x80
        done
        mov dword [bitmap_page], 0
        map WINDOW + 4096, bitmap_page + (PTE_P | PTE_RW)
        mov rax, WINDOW + 4096
        flush_page [rax]
        user_check at_bitmap, "a port by an i/o bitmap that allows it"
          in al, 0x10
          xor eax, eax
        done_value
        user_check at_bitmap_end, "a port whose bit is not there"
          mov edx, 0xfffe
          in ax, dx
          in eax, dx
        done
        and byte [big_gdt + TSS_SELECTOR + 5], ~2 ; no longer busy
        mov eax, TSS_SELECTOR
        load_task ax
        ret

; --- By the ways into the kernel --------------------------------------------------------------------

entries_to_kernel:
        load_gdt [big_pointer]
        set_gate 0x50, r12, GATE_INTERRUPT | GATE_DPL3
        check at_gate, "kernel has a gate to the vmm"
          int 0x50
        done
        user_check at_user_gate, "program takes it"
          int 0x50
        done
        set_gate 0x51, landing, GATE_INTERRUPT | GATE_DPL3
        mov word [idt + 0x51 * 16 + 2], VMM_CODE
        check at_gate_code, "kernel has a gate to its code segment"
          int 0x51
        done
        user_check at_user_gate_code, "program takes it"
          int 0x51
        done

        set_efer EFER_SCE
        set_msr IA32_FMASK, RFLAGS_IF
        set_msr IA32_STAR, (0x1b << 48) | (KERNEL_CS << 32)
        set_msr IA32_LSTAR, r12
        user_check at_syscall, "system call to the vmm"
          syscall
        done
        set_msr IA32_LSTAR, landing
        set_msr IA32_STAR, (0x1b << 48) | (VMM_CODE << 32)
        user_check at_star_code, "system call to its code segment"
          syscall
        done
        set_msr IA32_STAR, (0x1b << 48) | (VMM_DATA << 32)
        user_check at_star_stack, "system call with its stack segment"
          syscall
        done
        set_msr IA32_STAR, ((VMM_CODE - 16 | 3) << 48) | (KERNEL_CS << 32)
        check at_sysret_code, "return from a system call to its code segment"
          mov ecx, landing
          mov r11d, 2
          o64 sysret
        done
        set_msr IA32_STAR, ((VMM_STACK - 8 | 3) << 48) | (KERNEL_CS << 32)
        check at_sysret_stack, "return from a system call with its stack segment"
          mov ecx, landing
          mov r11d, 2
          o64 sysret
        done
        load_gdt [gdt_pointer]
        ret

; --- By devices that reach memory -------------------------------------------------------------------

FW_CFG_DMA      equ 0x514
DMA_ERROR       equ 0x01
DMA_READ        equ 0x02
DMA_SELECT      equ 0x08                        ; item 0: "QEMU"

; differs(bochs): dma to memory - it has no such device
devices:
        mov r14, RAM_END
        xor ebx, ebx
        mov ebp, BEYOND_PAGES
.next:  call start_dma
        add r14, 4096
        dec ebp
        jnz .next
        mov r14, RAM_END - 2
        call start_dma
        mov r14, page
        call start_dma
        mov ebx, [page]
        result "dma to memory: what came"
        ret

; start_dma: reads 4 bytes to R14.
start_dma:
        mov dword [access], (DMA_SELECT | DMA_READ) << 24
        mov dword [access + 4], 4 << 24
        mov rax, r14
        bswap rax
        mov [access + 8], rax
        mov dx, FW_CFG_DMA
        xor eax, eax
        port_out dx, eax
        mov eax, access
        bswap eax
        mov dx, FW_CFG_DMA + 4
        port_out dx, eax
        mov ecx, 1000                           ; a machine without the device never answers
.wait:  test dword [access], ~(DMA_ERROR << 24)
        jz .done
        dec ecx
        jnz .wait
.done:  ret

        section .data
        align 8
big_pointer:    dw 0xffff
                dq big_gdt
to_code:        dq landing
                dw VMM_CODE
to_code3:       dq landing
                dw VMM_CODE | 3
to_task:        dq 0
                dw VMM_TASK

        section .bss
        alignb 4096
big_gdt:        resb 65536
page:           resb 4096
scratch:        resb 4096
task_page:      resb 4096
bitmap_page:    resb 4096
access:         resb 16
        section .text
