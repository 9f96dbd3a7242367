; bench-pagefault: a million page faults. Each write to a page that is not present faults; the handler maps the
; page that CR2 names and returns; the write is done again; then the page is unmapped. 256 pages take turns. The
; result is the number of faults plus the number of touches found in the frames.
; Shows: what a page fault with its repair costs.
; bench: ops=1000000 unit=page-fault

%include "../inc/bench.inc"

%ifndef N
%define N 1000000
%endif
WINDOW          equ 0x40000000
FRAMES          equ 0x1000000
PAGES           equ 256

main:
        call gdt_init
        call idt_init
        mov edx, PTE_P | PTE_RW
        call identity_map
        set_gate 14, on_page_fault, GATE_INTERRUPT
        mov xdi, WINDOW
        mov ecx, LEVEL_4K
        call page_entry
        mov xbp, xax                            ; the page table of the window
        bench_begin "page fault and repair"
        xor esi, esi                            ; faults
        mov ecx, N
.next:  mov eax, ecx
        and eax, PAGES - 1
        mov edx, eax
        shl edx, 12
        inc dword [xdx + WINDOW]
        clear_entry xbp + xax * XSIZE
        flush_page [xdx + WINDOW]
        dec ecx
        jnz .next

        mov eax, esi
        add_frames FRAMES, PAGES
        bench_end
        ret

on_page_fault:
        gate_entry
        push xax
        push xdx
        read_cr xax, cr2
        sub xax, WINDOW
        shr eax, 12
        mov edx, eax
        shl edx, 12
        add edx, FRAMES + PTE_P + PTE_RW
        write_entry xbp + xax * XSIZE, xdx
        inc esi
        pop xdx
        pop xax
        add xsp, XSIZE                          ; the error code
        interrupt_return
