; bench-nano-ptemod: two hundred thousand times an entry of a page table in use is written, by turns present and not;
; nothing is flushed, and nothing touches the page meanwhile. The result is the number of writes plus what the page
; holds, read before and after.
; Shows: what a write costs that a VMM with shadow page tables must hear of. A nanobenchmark of Adams and Agesen
; (bench-nano-in).
; bench: ops=200000 unit=pte-write

%include "../inc/bench.inc"

%ifndef N
%define N 200000
%endif
WINDOW          equ 0x40000000
FRAME           equ 0x1000000

main:
        mov edx, PTE_P | PTE_RW
        call identity_map
        map WINDOW, FRAME + (PTE_P | PTE_RW)
        mov xdi, xax                            ; the entry
        read_entry xsi, xdi
        mov dword [abs WINDOW], 7
        mov ebx, [abs WINDOW]
        bench_begin "write of a page-table entry"
        mov ecx, N
.next:  xor esi, PTE_P
        write_entry xdi, xsi
        dec ecx
        jnz .next
        or esi, PTE_P
        write_entry xdi, xsi
        flush_page [abs WINDOW]
        mov eax, N
        add eax, ebx
        add eax, [abs WINDOW]
        bench_end
        ret
