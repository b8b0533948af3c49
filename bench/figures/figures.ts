/** What is measured of stage 4 by itself, beside no other contestant: memory, opening, timers, compression. */
import type { FigureName } from '../bars.ts';
import type { Plan } from '../plan.ts';
import { collectGarbage } from '../race.ts';
import { type Figure, type FigureReport, judgeFigure } from '../report.ts';
import { measureCompression } from './compression.ts';
import { measureMemory } from './memory.ts';
import { measureOpening } from './opening.ts';
import { measureTimers } from './timers.ts';

const MEASUREMENTS: Readonly<Record<FigureName, { title: string; measure: (plan: Plan) => Promise<Figure> }>> = {
  'waiting-memory': { title: 'Memory', measure: measureMemory },
  'opening-time': { title: 'Opening', measure: measureOpening },
  'timer-error': { title: 'Timers', measure: measureTimers },
  'zstd-share': { title: 'Compression', measure: measureCompression },
};

export async function measureFigures(
  plan: Plan,
  onProgress: ((text: string) => void) | undefined,
): Promise<FigureReport[]> {
  const figures: FigureReport[] = [];
  for (const [name, { title, measure }] of Object.entries(MEASUREMENTS)) {
    onProgress?.(title);
    collectGarbage();
    figures.push(judgeFigure(name as FigureName, await measure(plan)));
  }
  return figures;
}
