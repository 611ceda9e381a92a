// The image of a Pico in rp2040js, an emulator of others: node pico.mjs MODULE IMAGE.bin COMMANDS
// READIES. Prints what UART0 sent, then the clocks that its registers make, as JSON.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [module, image, commands, readies] = process.argv.slice(2);
const { Simulator, LogLevel, ConsoleLogger } = await import(pathToFileURL(module));

const FLASH = 0x10000000;
const BYTE_INSTRUCTIONS = 4000; // at least as slow as the line
const MOST_INSTRUCTIONS = 100e6;

const { rp2040, clock } = new Simulator();
rp2040.logger = new ConsoleLogger(LogLevel?.Error ?? 3);
rp2040.flash.set(readFileSync(image));
rp2040.core.PC = FLASH; // where the boot ROM goes by way of RAM

let said = '';
let baud = 0;
let ready = 0;
rp2040.uart[0].onByte = (byte) => {
  said += String.fromCharCode(byte);
  ready += said.endsWith('m-ready') ? 1 : 0;
};
rp2040.uart[0].onBaudRateChange = (rate) => (baud = rate);

const wanted = Buffer.from(commands, 'latin1');
let sent = 0;
let next = 0;
for (let done = 0; done < MOST_INSTRUCTIONS && ready < Number(readies); done++) {
  if (ready > 0 && sent < wanted.length && done >= next) {
    rp2040.uart[0].feedByte(wanted[sent++]);
    next = done + BYTE_INSTRUCTIONS;
  }
  const cycles = rp2040.core.waiting ? 1 : rp2040.core.executeInstruction();
  clock.tick(cycles * (1e9 / rp2040.clkSys));
}
console.log(JSON.stringify({ said, baud, core_hz: rp2040.clkSys }));
