; machine-addresses: what a guest learns of the machine, and of others on it, by knowing where its memory is.
; Shows: the list of frames that a PV kernel is given, and the table of machine to physical frames that all guests read.
; Under direct paging frame numbers are the machine's. Under shadow page tables they are the guest's own, whatever it asks.

; differs(bochs): * - it is no Xen
; differs(qemu): * - it is no Xen

%include "../inc/guest.inc"

        section .bss
frames:         resq 1              ; how many the guest has
own:            resb 1 << 18        ; own[frame]: 1 for a frame of the machine that is the guest's
OWN_FRAMES      equ $ - own

        section .text
main:
        mov rbx, [boot_start_info]
        mov rax, [rbx + start_info.nr_pages]
        mov [frames], rax
        call print_machine
        call print_own
        bt dword [xen_features + 4], XENFEAT_auto_translated_physmap
        jc .blind
        print `So the machine has at least `
        inc r13
        print_dec r13
        print ` frames.\n`
        call print_neighbours
        jmp print_others
.blind: print `These are my own numbers: there is no machine and nobody else to be seen.\n`
        ret

; How much memory the machine has: the hypervisor says it, or keeps it to itself.
print_machine:
        hypercall memory_op, XENMEM_maximum_ram_page, 0
        test rax, rax
        js .secret
        mov r12, rax
        print `The machine has `
        print_dec r12
        print ` frames, as the hypervisor says.\n`
        ret
.secret:
        xor r12, r12                ; frames of the table of machine to physical frames that may be read
        print `The hypervisor does not say how much memory the machine has.\n`
        ret

; Where the guest's memory is, by the list. Leaves the largest number in R13.
print_own:
        mov rsi, [frame_list]
        xor ecx, ecx
        mov r14, -1                 ; smallest
        xor r13, r13                ; largest
        xor r15, r15                ; pairs that lie one behind the other
        mov rdi, -2                 ; the number before
.frame: mov rax, [rsi + rcx * 8]
        cmp rax, r14
        cmovb r14, rax
        cmp rax, r13
        cmova r13, rax
        lea rdx, [rdi + 1]
        cmp rax, rdx
        jne .apart
        inc r15
.apart: mov rdi, rax
        cmp rax, OWN_FRAMES
        jae .next
        mov byte [own + rax], 1
.next:  inc rcx
        cmp rcx, [frames]
        jb .frame
        print `I have `
        print_dec [frames]
        print ` frames, from `
        print_hex r14
        print ` to `
        print_hex r13
        print `; `
        print_dec r15
        print ` of them right behind the one before.\n`
        ret

; Which memory is beside the guest's. Not a byte of that can be read, but it may be hammered on.
print_neighbours:
        mov r15, MACH2PHYS_VIRT_START
        xor ecx, ecx
        xor r8, r8                  ; frames of others that lie beside one of the guest's,
        xor r9, r9                  ; and those that lie between two
.frame: cmp byte [own + rcx], 0
        jne .next
        cmp qword [r15 + rcx * 8], -1
        je .next
        movzx eax, byte [own + rcx + 1]
        movzx edx, byte [own + rcx - 1]
        test eax, edx
        jz .not_between
        inc r9
.not_between:
        or eax, edx
        add r8, rax
.next:  inc rcx
        cmp rcx, r12
        jb .frame
        print `Beside my frames lie `
        print_dec r8
        print ` of others, `
        print_dec r9
        print ` of them between two of mine.\n`
        ret

; Who else is there: frames with a number that are not the guest's, and the largest number.
print_others:
        xor ecx, ecx
        xor r8, r8
        xor r9, r9
.frame: mov rax, [r15 + rcx * 8]
        cmp rax, -1
        je .next
        cmp byte [own + rcx], 0
        jne .next
        inc r8
        cmp rax, r9
        cmova r9, rax
.next:  inc rcx
        cmp rcx, r12
        jb .frame
        print `Others have `
        print_dec r8
        print ` frames`
        test r8, r8
        jz .done
        print `; the largest of them has at least `
        lea rax, [r9 + 1]
        print_dec rax
.done:  print `.\n`
        ret
