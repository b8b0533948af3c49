/** docs/interop.md, from what a run of the interop matrix saw. Pure. */
import type { Cell } from './interop.ts';

const NO_ID = '✓¹';

const HEAD = `# Interop: sent through one door, read through another

A broker has one set of messages and many doors. What is sent through one of them is read through each other one: the same body,
the same headers, the same id, in the same order. This page is written by a script from a real run, and a test holds it against
the next one:

    npx node stages/5-robust-broker/doors/testing/interop.ts

Three messages go from each door to each: text; text beyond ASCII, with headers full of what protocols escape; and bytes that
are no text. Each has a correlation id and headers of its own. Rows send, columns read.
`;

const FOOT = `
✓ body, headers, correlation id, message id and order are the same. ✓¹ the same without the message id: a PUBLISH of MQTT has
no place for one; everything else is the same. A cell with words says what was different.

## Who is who

| Door | The client of this run | To a queue \`a\` | To a topic \`a.b\` |
|---|---|---|---|
| in process | the broker itself | topic \`a\`, group \`default\` | topic \`topic/a.b\`, a group for each reader |
| HTTP | \`createClient\` | the same | the same |
| TCP | \`createTcpClient\` | the same | the same |
| STOMP | raw frames on a socket | \`/queue/a\` | \`/topic/a.b\` |
| MQTT | mqtt.js, version 5, QoS 1 | \`$queue/a\` | \`a/b\` |
| OpenWire | loose encoding on a socket | \`queue://a\` | \`topic://a.b\` |
| JMS API | \`createConnectionFactory('mq://...')\` | \`createQueue('a')\` | \`createTopic('a.b')\` |

The Java client of ActiveMQ, stompjs, stompit, Ruby, Python and mosquitto have tests of their own with the door each of them
speaks to. Typed properties, maps, streams and objects: each door's page says how they are written.
`;

/** `doors`: in the order of rows and columns. */
export function pageOf(cells: readonly Cell[], doors: readonly string[]): string {
  const kinds = [...new Set(cells.map(({ kind }) => kind))];
  const tables = kinds.map((kind) => {
    const title = kind === 'queue' ? '## Queues' : '## Topics';
    const ofKind = cells.filter((cell) => cell.kind === kind);
    const rows = doors.map((from) => {
      const row = doors.map((to) => textOf(ofKind.find((cell) => cell.from === from && cell.to === to)));
      return `| ${from} | ${row.join(' | ')} |`;
    });
    const head = `| from \\ to | ${doors.join(' | ')} |\n|---|${doors.map(() => ':-:|').join('')}`;
    return `\n${title}\n\n${head}\n${rows.join('\n')}\n`;
  });
  return `${HEAD}${tables.join('')}${FOOT}`;
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) return 'not tried';
  if (cell.differences.length > 0) return cell.differences.join('; ').replaceAll('|', '\\|');
  return cell.hasNoId ? NO_ID : '✓';
}
