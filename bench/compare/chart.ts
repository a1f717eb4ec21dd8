import type { Measured } from './run-scenario.js';
import { spread } from './statistics.js';

const WIDTH = 900;
const LABEL = 420;
const ROW = 28;
const TOP = 44;

/** CPU per request as bars, the shortest first: an SVG that needs no script and reads on light and dark pages. */
export function chart(title: string, measured: readonly Measured[]): string {
  const bars = measured
    .map(({ peer, cpuMicros }) => ({ peer, micros: spread(cpuMicros).median }))
    .filter(({ micros }) => !Number.isNaN(micros))
    .sort((a, b) => a.micros - b.micros);
  const longest = Math.max(...bars.map(({ micros }) => micros));
  const height = TOP + bars.length * ROW + 12;
  const rows = bars.map(({ peer, micros }, index) => {
    const y = TOP + index * ROW;
    const width = Math.max(2, ((WIDTH - LABEL - 80) * micros) / longest);
    const fill = peer.startsWith('Gatehouse') ? '#2f6fde' : '#9aa4b2';
    return `  <text x="${LABEL - 10}" y="${y + 16}" text-anchor="end">${escaped(peer)}</text>
  <rect x="${LABEL}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 10}" rx="3" fill="${fill}"/>
  <text x="${(LABEL + width + 8).toFixed(1)}" y="${y + 16}">${micros.toFixed(0)} µs</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
  <style>text { font: 13px system-ui, sans-serif; fill: #6b7683 } .title { font-weight: 600; font-size: 15px }</style>
  <text class="title" x="12" y="24">${escaped(title)}</text>
${rows.join('\n')}
</svg>
`;
}

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
