const REDRAW_MS = 200;
/** Without a terminal, a line is printed this often. */
const LINE_MS = 5_000;
const WIDTH = 24;

/** Shows on stderr how far a command is: a bar on a terminal, otherwise a line now and then. */
export class ProgressBar {
  private readonly start = performance.now();
  private lastDrawn = this.start;

  /** `rows`: how many so far; `share`: from 0 to 1, undefined if the total is unknown. */
  update(rows: number, share?: number): void {
    const { isTTY = false } = process.stderr;
    const now = performance.now();
    if (now - this.lastDrawn < (isTTY ? REDRAW_MS : LINE_MS)) return;
    this.lastDrawn = now;
    const text = this.textOf(rows, share, (now - this.start) / 1000);
    process.stderr.write(isTTY ? `\r\x1b[K${barOf(share)}${text}` : `${text}\n`);
  }

  /** Removes the bar. */
  end(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }

  private textOf(rows: number, share: number | undefined, seconds: number): string {
    const parts = [`${rows.toLocaleString('en')} rows`, `${Math.round(rows / seconds).toLocaleString('en')}/s`];
    if (share !== undefined) parts.unshift(`${Math.floor(share * 100)} %`);
    // the rate of the first rows says little
    if (share !== undefined && share > 0.01) parts.push(`${durationOf((seconds * (1 - share)) / share)} left`);
    return parts.join(', ');
  }
}

function barOf(share?: number): string {
  if (share === undefined) return '';
  const full = Math.round(share * WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] `;
}

function durationOf(seconds: number): string {
  const minutes = Math.floor(Math.round(seconds) / 60);
  return `${minutes}:${String(Math.round(seconds) % 60).padStart(2, '0')}`;
}
