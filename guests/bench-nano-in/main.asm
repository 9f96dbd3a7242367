; bench-nano-in: two hundred thousand reads of port 80h, in the kernel. The result is their number.
; Shows: what a port costs that no device has: the way there and back alone. A nanobenchmark of Adams and Agesen,
; A Comparison of Software and Hardware Techniques for x86 Virtualization (ASPLOS 2006). A kernel for Xen's PV ABI asks for
; the hypervisor's version instead.
; bench: ops=200000 unit=in

%include "../inc/bench.inc"

%ifndef N
%define N 200000
%endif
DIAGNOSTIC_PORT equ 0x80

main:
        bench_begin "in from port 0x80"
        xor ebx, ebx
        mov ecx, N
.next:
%ifdef PARA
        hypercall xen_version, XENVER_version, 0
%else
        port_in al, DIAGNOSTIC_PORT
%endif
        inc ebx
        dec ecx
        jnz .next
        mov eax, ebx
        bench_end
        ret
