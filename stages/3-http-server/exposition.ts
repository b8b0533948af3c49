/**
 * Metrics as the text Prometheus reads (version 0.0.4).
 *
 *     # HELP mq_sync_seconds how long a sync of the disk took
 *     # TYPE mq_sync_seconds histogram
 *     mq_sync_seconds_bucket{le="0.001"} 12
 *     mq_sync_seconds_bucket{le="+Inf"} 14
 *     mq_sync_seconds_sum 0.0231
 *     mq_sync_seconds_count 14
 *
 * Always true: one line a series, whatever its labels hold; a name appears once, with all its series under it. Pure.
 */
import type { HistogramValue, Metric, MetricSeries } from '../../shared/contract/metrics.ts';

type Labels = MetricSeries['labels'];

export function expositionOf(metrics: readonly Metric[]): string {
  return metrics.map(written).join('');
}

function written({ name, kind, help, series }: Metric): string {
  const lines = series.map(({ labels, value }) =>
    typeof value === 'number' ? line(name, labels, value) : writtenHistogram(name, labels, value),
  );
  const shownHelp = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `# HELP ${name} ${shownHelp}\n# TYPE ${name} ${kind}\n${lines.join('')}`;
}

function writtenHistogram(name: string, labels: Labels, { buckets, sum, count }: HistogramValue): string {
  const bounded = buckets.map((bucket) =>
    line(`${name}_bucket`, { ...labels, le: String(bucket.atMost) }, bucket.count),
  );
  const all = line(`${name}_bucket`, { ...labels, le: '+Inf' }, count);
  return [...bounded, all, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, count)].join('');
}

/** A number that is none is written as the format has it. */
function line(name: string, labels: Labels, value: number): string {
  const shown = Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
  return `${name}${writtenLabels(labels)} ${shown}\n`;
}

/** The three characters with a meaning inside a label value are escaped, so no name can end its label or its line. */
function writtenLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    return `${name}="${escaped}"`;
  });
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
