// Runs a guest's disk under QEMU (TCG) or Debian's Bochs and collects what it wrote to COM1. QEMU boots multiboot
// guests by itself (-kernel).
//
// QEMU: COM1 is its stdin and stdout, and isa-debug-exit ends the run. Bochs: COM1 is a TCP connection to
// this process; Bochs has no exit port, but logs writes to ports that no device claims, so a write to F4h
// is found in its log and Bochs is then ended. A guest that reads input gets it after its first prompt "> ".

import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildDisk, buildKernel } from './guest.mjs';

const TIMEOUT_MS = 120_000;
const OUTPUT_LIMIT = 1 << 20; // a guest that prints without end is stopped

/** Collects serial output with the time of its first and last line; feeds the input after a prompt. */
class SerialLog {
  text = '';
  firstLineMs = undefined;
  lastLineMs = undefined;
  #input;
  #send;

  constructor(input, send) {
    this.#input = input;
    this.#send = send;
  }

  receive(chunk) {
    this.text += chunk.toString('latin1');
    if (this.#input && this.text.includes('> ')) {
      this.#send(this.#input);
      this.#input = undefined;
    }
    if (!this.text.includes('\n')) return;
    this.lastLineMs = performance.now();
    this.firstLineMs ??= this.lastLineMs;
  }
}

function watch(child, scratch, log) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    const guard = setInterval(() => log.text.length > OUTPUT_LIMIT && child.kill('SIGKILL'), 200);
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(timer);
      rmSync(scratch, { recursive: true, force: true });
      clearInterval(guard);
      resolve({
        serial: log.text,
        status,
        wallMs: performance.now() - started,
        workMs: log.lastLineMs - log.firstLineMs,
      });
    });
  });
}

function qemuDisk(guest) {
  const { scratch, disk } = buildDisk(guest);
  return { scratch, boot: ['-drive', `format=raw,file=${disk}`] };
}

/** A multiboot kernel; QEMU takes module and text as one, and a doubled comma as one that does not end it. */
function qemuKernel(guest) {
  const { append, modules } = guest.multiboot;
  const named = modules.map(({ file, text }) => (text === undefined ? file : `${file} ${text}`));
  const initrd = named.map((module) => module.replaceAll(',', ',,')).join(',');
  const boot = ['-kernel', 'main.bin', '-append', append, ...(initrd ? ['-initrd', initrd] : [])];
  return { scratch: buildKernel(guest), boot };
}

/** Result: { serial, status, wallMs, workMs }; workMs is the time from the first line to the last. */
export function runQemu(guest) {
  const { scratch, boot } = guest.multiboot ? qemuKernel(guest) : qemuDisk(guest);
  // biome-ignore format: one option a line
  const child = spawn('qemu-system-x86_64', [
    '-accel', 'tcg',
    '-cpu', 'max,vendor=GenuineIntel,la57=off',
    '-m', String(guest.ramMiB),
    ...boot,
    '-display', 'none',
    '-serial', 'stdio',
    '-serial', 'null',
    '-device', 'isa-debug-exit,iobase=0xf4,iosize=4',
    '-no-reboot',
    '-nic', 'none',
  ], { stdio: ['pipe', 'pipe', 'inherit'], cwd: scratch });
  const log = new SerialLog(guest.input, (bytes) => child.stdin.write(bytes));
  child.stdout.on('data', (chunk) => log.receive(chunk));
  return watch(child, scratch, log);
}

/** An option ROM that returns at once: serial output needs no VGA BIOS, and Debian ships none. */
const EMPTY_ROM = Buffer.alloc(512);
EMPTY_ROM.set([0x55, 0xaa, 1, 0xcb, 0x35]); // signature, one block of 512 bytes, retf, checksum

function bochsConfig(guest, disk, cylinders, vgaBios, port) {
  return `
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=0, parallel=0, serial=1, iodebug=0
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=${vgaBios}
cpu: model=tigerlake, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=0
memory: guest=${guest.ramMiB}, host=${guest.ramMiB}
ata0-master: type=disk, path="${disk}", mode=flat, cylinders=${cylinders}, heads=16, spt=63
boot: disk
com1: enabled=1, mode=socket-client, dev=127.0.0.1:${port}
com2: enabled=1, mode=null
clock: sync=none, time0=0
log: -
debug: action=ignore, unmapped=report
info: action=ignore
error: action=ignore
panic: action=fatal
`;
}

function listen() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Result as runQemu's; status is what isa-debug-exit would have given, or undefined. */
export async function runBochs(guest) {
  const { scratch, disk, cylinders } = buildDisk(guest);
  const config = join(scratch, 'bochsrc');
  const server = await listen();
  const vgaBios = join(scratch, 'vgabios');
  writeFileSync(vgaBios, EMPTY_ROM);
  writeFileSync(config, bochsConfig(guest, disk, cylinders, vgaBios, server.address().port));
  let socket;
  const log = new SerialLog(guest.input, (bytes) => socket.write(bytes));
  server.on('connection', (connection) => {
    socket = connection;
    socket.on('error', () => {});
    socket.on('data', (chunk) => log.receive(chunk));
  });
  const commands = join(scratch, 'commands'); // Debian's Bochs has its debugger built in: say "continue"
  writeFileSync(commands, 'c\n');
  const child = spawn('bochs', ['-q', '-f', config, '-rc', commands], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let status;
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (process.env.BOCHS_LOG) process.stderr.write(`${line}\n`);
    const value = exitPortWrite(line);
    if (value === undefined || status !== undefined) return;
    status = ((value << 1) | 1) & 0xff;
    setTimeout(() => child.kill('SIGKILL'), 20); // lets the last serial bytes arrive
  });
  const result = await watch(child, scratch, log);
  socket?.destroy();
  server.close();
  return { ...result, status };
}

function exitPortWrite(line) {
  const match = line.match(/write to 00f4 = ([0-9a-f]+)/);
  return match ? Number.parseInt(match[1], 16) : undefined;
}

export const EMULATORS = { qemu: runQemu, bochs: runBochs };
