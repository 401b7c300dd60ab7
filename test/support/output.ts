/** Captures the output of this process until `stop` is called, instead of printing it. */
export function captureOutput(): { text: () => string; stop: () => void } {
  const streams = [process.stdout, process.stderr];
  const originals = streams.map((stream) => stream.write.bind(stream));
  let text = '';
  for (const stream of streams)
    stream.write = (chunk: string | Uint8Array) => {
      text += String(chunk);
      return true;
    };
  return { text: () => text, stop: () => streams.forEach((stream, index) => (stream.write = originals[index]!)) };
}
